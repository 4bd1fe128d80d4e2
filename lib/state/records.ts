/**
 * Records of containers and units, and the journal: one shape, two folders.
 *
 * A set-up writes `pending/` first and moves the file to `containers/` (or
 * `units/`) when all is done; a teardown moves it back and deletes it when all
 * is undone. So whatever lies in `pending/` without a living owner is work to
 * be taken back, whether it was half made or half removed.
 *
 * @module
 */

import type { AttachmentNames, ContainerNetwork, SetupRequest } from '../model/attachment.ts'
import type { NetworkConfig } from '../model/network.ts'
import type { SandboxIdentity } from '../model/sandbox.ts'
import type { LoweredStep } from '../plan/step.ts'
import { asideIn, dropAside, isAside, setAside } from './aside.ts'
import { checked, type FaultOf } from './checked.ts'
import { isThere, moveFile, readJson, removeFile, type Warn, writeJson } from './files.ts'
import { listFolder } from './folders.ts'
import type { StatePaths } from './paths.ts'
import { rememberedFolder } from './remembered.ts'
import { containerFault, unitFault } from './shapes.ts'

/** A step and what it belongs to: an ifname, or `` for the sandbox as a whole. */
export interface OwnedStep {
  readonly of: string
  readonly step: LoweredStep
}

/**
 * A container as it was set up, or is being set up; or one attachment that was
 * made by itself (CNI, `network connect`), with a record of its own.
 */
export interface ContainerRecord {
  readonly version: 1
  /** Key: the container's id, or `ID~IFNAME` for a single attachment. */
  readonly id: string
  readonly container: string
  /** Networks it may hold leases of. */
  readonly networks: readonly string[]
  /** Holds `names/<name>`. */
  readonly name?: string
  /** Alias of the link that says whether it lives, where its sandbox is not known. */
  readonly alias?: string
  /** Name of the other end of such a link as long as it is on the host. */
  readonly peer?: string
  /** What was asked, to tell a repeat from a conflict. */
  readonly request: SetupRequest
  /** Absent in a journal entry whose plan was not made yet. */
  readonly result?: ContainerNetwork
  /** What the name server is told of it, where no definition of ours says so. */
  readonly zone?: AttachmentNames
  /** In the order they are applied. */
  readonly steps: readonly OwnedStep[]
  /** Journal entries of a change to a living container: what the record shall be once this is taken back. */
  readonly change?: ChangeOf
}

export interface ChangeOf {
  /** Key of the record that is changed; leases and ports are held in its name. */
  readonly anchor: string
  readonly without: ContainerRecord
  /** What `without` has of the host and `with` has not: applied again, where missing, when this is taken back. */
  readonly redo: readonly LoweredStep[]
}

/** Something several containers use: base rules, a bridge, a network's rules. */
export interface UnitRecord {
  readonly version: 1
  readonly unit: string
  readonly steps: readonly LoweredStep[]
  /** Of a network made at first use: its definition, should the file of it be damaged. */
  readonly config?: NetworkConfig
  /** Of base rules: the host's namespace that they are in (beside.ts). */
  readonly netns?: SandboxIdentity
  /** Journal entries of a change to a living unit: what is true once the steps are taken back. */
  readonly change?: { readonly config: NetworkConfig; readonly unit: UnitRecord }
}

export interface Records<T> {
  get(key: string): T | undefined
  has(key: string): boolean
  keys(): readonly string[]
  /** Of records and journal entries that could not be read and were set aside: what they held stays held. */
  asideKeys(): readonly string[]
  hasAside(key: string): boolean
  /** Whatever was set aside of that key is of no use to anybody any more. */
  forgetAside(key: string): void
  /** In the journal. */
  pending(key: string): T | undefined
  pendingKeys(): readonly string[]
  /** Writes the journal entry. */
  begin(key: string, record: T): void
  /** The journal entry becomes the record; `changed` replaces it first. */
  commit(key: string, changed?: T): void
  /** The record is another one from now on; its journal entry, if any, is left alone. */
  replace(key: string, record: T): void
  /** The record becomes a journal entry: it is being taken down. @returns false where there is none */
  reopen(key: string): boolean
  /** Forgets the journal entry. */
  forget(key: string): void
}

const suffix = '.json'

/** Of a container whose record cannot be used: nobody else is given any of it. */
const held = 'what it held stays held until "tsnet teardown" of that container'

interface RecordsPlace {
  readonly folder: string
  readonly pendingFolder: string
  /** Of journal entries. */
  readonly prefix: string
  readonly fault: FaultOf
  readonly warn: Warn
}

function createRecords<T>({ folder, pendingFolder, prefix, fault, warn }: RecordsPlace): Records<T> {
  const live = (key: string): string => `${folder}/${key}${suffix}`
  const journal = (key: string): string => `${pendingFolder}/${prefix}${key}${suffix}`
  // Mostly there is none, and an exception of Node's costs more than a look.
  const read = (path: string): T | undefined => {
    if (!isThere(path)) return undefined
    const { value, why } = checked(() => readJson<T>(path), fault)
    if (why !== undefined) setAside(path, `${why}; ${held}`, warn)
    return value
  }
  return {
    get: (key) => read(live(key)),
    has: (key) => isThere(live(key)),
    keys: () => keysAmong(listFolder(folder), ''),
    asideKeys: () => [...keysAmong(asideIn(folder), ''), ...keysAmong(asideIn(pendingFolder), prefix)],
    hasAside: (key) => isAside(live(key)) || isAside(journal(key)),
    forgetAside: (key) => {
      dropAside(live(key))
      dropAside(journal(key))
    },
    pending: (key) => read(journal(key)),
    pendingKeys: () => keysAmong(listFolder(pendingFolder), prefix),
    begin: (key, record) => writeJson(journal(key), record),
    commit: (key, changed) => {
      if (changed !== undefined) writeJson(journal(key), changed)
      moveFile(journal(key), live(key))
    },
    replace: (key, record) => writeJson(live(key), record),
    reopen: (key) => moveFile(live(key), journal(key)),
    forget: (key) => void removeFile(journal(key)),
  }
}

function keysAmong(names: readonly string[], head: string): readonly string[] {
  return names
    .filter((name) => name.startsWith(head) && name.endsWith(suffix))
    .map((name) => name.slice(head.length, -suffix.length))
}

export function containerRecords(paths: StatePaths, warn: Warn): Records<ContainerRecord> {
  const { containers: folder, pending: pendingFolder } = paths
  return createRecords({ folder, pendingFolder, prefix: 'container.', fault: containerFault, warn })
}

export interface UnitRecords extends Records<UnitRecord> {
  /** In the place of one that cannot be read, which is set aside. */
  renew(key: string, record: UnitRecord): void
}

/** Every attach asks which units there are, and they change only with networks. */
export function unitRecords(paths: StatePaths, warn: Warn): UnitRecords {
  const { units, pending: pendingFolder } = paths
  const folder = rememberedFolder(units)
  return {
    ...createRecords<UnitRecord>({ folder: units, pendingFolder, prefix: 'unit.', fault: unitFault, warn }),
    // One that cannot be read stays where it is, so that it is known there is one: heal plans it again.
    get: (key) => checked(() => folder.read<UnitRecord>(`${key}${suffix}`), unitFault).value,
    renew: (key, record) => {
      setAside(`${units}/${key}${suffix}`, 'it cannot be used; what it was is planned anew', warn)
      writeJson(`${units}/${key}${suffix}`, record)
    },
    has: (key) => folder.names().includes(`${key}${suffix}`),
    keys: () => keysAmong(folder.names(), ''),
  }
}
