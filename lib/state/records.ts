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
import type { LoweredStep } from '../plan/step.ts'
import { fileExists, listFolder, moveFile, readJson, removeFile, writeJson } from './files.ts'
import type { StatePaths } from './paths.ts'
import { rememberedFolder } from './remembered.ts'

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
  /** Journal entries of a change to a living unit: what is true once the steps are taken back. */
  readonly change?: { readonly config: NetworkConfig; readonly unit: UnitRecord }
}

export interface Records<T> {
  get(key: string): T | undefined
  has(key: string): boolean
  keys(): readonly string[]
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

function createRecords<T>(folder: string, pendingFolder: string, prefix: string): Records<T> {
  const live = (key: string): string => `${folder}/${key}${suffix}`
  const journal = (key: string): string => `${pendingFolder}/${prefix}${key}${suffix}`
  // Mostly there is none, and an exception of Node's costs more than a look.
  const read = (path: string): T | undefined => (fileExists(path) ? readJson<T>(path) : undefined)
  return {
    get: (key) => read(live(key)),
    has: (key) => fileExists(live(key)),
    keys: () => keysAmong(listFolder(folder), ''),
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

export function containerRecords(paths: StatePaths): Records<ContainerRecord> {
  return createRecords(paths.containers, paths.pending, 'container.')
}

/** Every attach asks which units there are, and they change only with networks. */
export function unitRecords(paths: StatePaths): Records<UnitRecord> {
  const folder = rememberedFolder(paths.units)
  return {
    ...createRecords<UnitRecord>(paths.units, paths.pending, 'unit.'),
    get: (key) => folder.read<UnitRecord>(`${key}${suffix}`),
    has: (key) => folder.names().includes(`${key}${suffix}`),
    keys: () => keysAmong(folder.names(), ''),
  }
}
