/**
 * Reservations as files: addresses, host ports and container names.
 *
 * A file created with O_EXCL is the reservation and names its owner, so a
 * directory listing is the state, and no lock is needed to take an address.
 * Host ports are different: `0.0.0.0:80` and `127.0.0.1:80` exclude each other
 * and ranges overlap, so they are taken under the ports lock.
 *
 * @module
 */

import { dirname } from 'node:path'
import { parseAddress } from '../model/address.ts'
import { isUnreadable } from './filefaults.ts'
import {
  changedAt,
  clearPlace,
  createJson,
  isEmptyFile,
  overwriteJson,
  readJson,
  removeFile,
  touch,
  writeJson,
} from './files.ts'
import { isUnusedFolder, listFolder, makeFolder, removeEmptyFolder } from './folders.ts'
import type { StatePaths } from './paths.ts'
import { ownerFault } from './shapes.ts'

/** Who holds a reservation: enough to find out whether it still lives. */
export interface Owner {
  /** Key of the record that holds it and gives it back. */
  readonly record: string
  /** The container's id. */
  readonly container: string
  /** Container name, for messages. */
  readonly name?: string
  readonly ifname?: string
  readonly path: string
  readonly cookie: string
  readonly bootId: string
  /** Of the link that says whether it lives, where its sandbox is not known. */
  readonly alias?: string
  /** Of a port: the engine that called binds it itself. */
  readonly callerHolds?: boolean
}

/**
 * Of a reservation whose file is damaged: somebody has it, and records say who.
 * Not of one that is empty, whose maker was killed or is about to write it.
 */
export const unknownOwner: Owner = {
  ...{ record: '', path: '', cookie: '', bootId: '' },
  container: 'unknown (its file is damaged: "tsnet gc" mends it)',
}

export interface Reservations {
  readonly leases: LeaseFiles
  readonly ports: PortFiles
  readonly names: NameFiles
}

export interface LeaseFiles {
  readonly folder: string
  /** @returns false where somebody has it */
  take(network: string, address: string, owner: Owner): boolean
  /** Whoever has it, it is of this owner now. */
  retake(network: string, address: string, owner: Owner): void
  owner(network: string, address: string): Owner | undefined
  list(network: string): readonly string[]
  /** Without listing them all. */
  isUnused(network: string): boolean
  release(network: string, address: string): void
  networks(): readonly string[]
  last(network: string, family: 4 | 6): string | undefined
  setLast(network: string, family: 4 | 6, address: string): void
  /** Forgets a network that has no lease left. */
  forget(network: string): void
}

/** `address` is `any` for every address of the host. */
export interface PortKey {
  readonly protocol: string
  readonly address: string
  readonly port: number
  readonly count: number
}

export interface PortFiles {
  take(key: PortKey, owner: Owner): void
  owner(key: PortKey): Owner | undefined
  release(key: PortKey): void
  /** Every reservation that overlaps: same protocol, a shared port, a shared address. */
  conflicts(key: PortKey): readonly { readonly key: PortKey; readonly owner: Owner | undefined }[]
  list(): readonly { readonly key: PortKey; readonly owner: Owner | undefined }[]
  /** Before a change: whoever keeps in mind what is reserved has to look again. */
  announce(): void
  /** When that was said last, in ms since 1970; undefined where nothing is reserved. */
  announcedAt(): number | undefined
}

export interface NameFiles {
  take(name: string, owner: Owner): boolean
  /** Whoever has it, it is of this owner now. */
  retake(name: string, owner: Owner): void
  owner(name: string): Owner | undefined
  release(name: string): void
  list(): readonly string[]
}

export function reservations(paths: StatePaths): Reservations {
  return { leases: leaseFiles(paths), ports: portFiles(paths), names: nameFiles(paths) }
}

function leaseFiles(paths: StatePaths): LeaseFiles {
  const file = (network: string, address: string): string => `${paths.leases}/${network}/${address}`
  const lastFile = (network: string, family: number): string => `${paths.leases}/${network}/.last${family}`
  return {
    folder: paths.leases,
    take: (network, address, owner) => createJson(file(network, address), owner),
    retake: (network, address, owner) => rewrite(file(network, address), owner),
    owner: (network, address) => readOwner(file(network, address)),
    list: (network) => listFolder(`${paths.leases}/${network}`),
    isUnused: (network) => isUnusedFolder(`${paths.leases}/${network}`),
    release: (network, address) => drop(file(network, address)),
    networks: () => listFolder(paths.leases),
    last: (network, family) => readLast(lastFile(network, family)),
    setLast: (network, family, address) => {
      const path = lastFile(network, family)
      clearPlace(path)
      overwriteJson(path, address)
    },
    forget: (network) => {
      drop(lastFile(network, 4))
      drop(lastFile(network, 6))
      removeEmptyFolder(`${paths.leases}/${network}`)
    },
  }
}

function nameFiles(paths: StatePaths): NameFiles {
  return {
    take: (name, owner) => createJson(`${paths.names}/${name}`, owner),
    retake: (name, owner) => rewrite(`${paths.names}/${name}`, owner),
    owner: (name) => readOwner(`${paths.names}/${name}`),
    release: (name) => drop(`${paths.names}/${name}`),
    list: () => listFolder(paths.names),
  }
}

/** Undefined where nobody is named: there is no such reservation, or one that is empty. */
function readOwner(path: string): Owner | undefined {
  for (let look = 1; ; look++) {
    try {
      const owner = readJson<Owner>(path)
      return owner === undefined || ownerFault(owner) === undefined ? owner : unknownOwner
    } catch (error) {
      if (!isUnreadable(error)) throw error
      if (isEmptyFile(path)) return undefined
      // It may have been empty a moment ago.
      if (look === 2) return unknownOwner
    }
  }
}

/** The address given out last, where that is what is written there: it only says where to begin. */
function readLast(path: string): string | undefined {
  try {
    const last = readJson<unknown>(path)
    return typeof last === 'string' ? parseAddress(last) : undefined
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return undefined
  }
}

function drop(path: string): void {
  clearPlace(path)
  removeFile(path)
}

function rewrite(path: string, owner: Owner): void {
  clearPlace(path)
  writeJson(path, owner)
}

/** `any` meets all, `0.0.0.0` and `::` all of their family. */
function sharesAddress(a: string, b: string): boolean {
  if (a === 'any' || b === 'any' || a === b) return true
  const everywhere = [a, b].find((address) => address === '0.0.0.0' || address === '::')
  return everywhere !== undefined && a.includes(':') === b.includes(':')
}

function portFiles(paths: StatePaths): PortFiles {
  const single = (protocol: string, port: number): string => `${paths.ports}/${protocol}/${port}`
  const ranges = (protocol: string): string => `${paths.ports}/${protocol}/ranges`
  const file = (key: PortKey): string =>
    key.count === 1
      ? `${single(key.protocol, key.port)}/${key.address}`
      : `${ranges(key.protocol)}/${key.port}-${key.port + key.count - 1}_${key.address}`
  const singlesAt = (protocol: string, port: number): PortKey[] =>
    listFolder(single(protocol, port)).map((address) => ({ protocol, address, port, count: 1 }))
  const rangesOf = (protocol: string): PortKey[] =>
    listFolder(ranges(protocol)).flatMap((name) => {
      const match = /^(\d+)-(\d+)_(.+)$/.exec(name)
      if (match === null) return []
      const [first, last] = [Number(match[1]), Number(match[2])]
      return [{ protocol, address: match[3] as string, port: first, count: last - first + 1 }]
    })
  const portsOf = (protocol: string): number[] =>
    listFolder(`${paths.ports}/${protocol}`).map(Number).filter(Number.isInteger)
  const withOwner = (key: PortKey): { key: PortKey; owner: Owner | undefined } => ({
    key,
    owner: readOwner(file(key)),
  })
  const release = (key: PortKey): void => {
    drop(file(key))
    if (key.count === 1) removeEmptyFolder(single(key.protocol, key.port))
    else removeEmptyFolder(ranges(key.protocol))
    removeEmptyFolder(`${paths.ports}/${key.protocol}`)
  }
  return {
    take: (key, owner) => {
      try {
        // Nearly always the first on that port.
        makeFolder(dirname(file(key)))
        writeJson(file(key), owner)
      } catch (error) {
        // A folder without a reservation is nobody's.
        release(key)
        throw error
      }
    },
    owner: (key) => readOwner(file(key)),
    release,
    conflicts: (key) => {
      const last = key.port + key.count - 1
      // A single port looks at one folder and the few ranges, however many ports are published.
      const ports =
        key.count === 1 ? [key.port] : portsOf(key.protocol).filter((p) => p >= key.port && p <= last)
      return [...ports.flatMap((port) => singlesAt(key.protocol, port)), ...rangesOf(key.protocol)]
        .filter((other) => other.port <= last && other.port + other.count - 1 >= key.port)
        .filter((other) => sharesAddress(other.address, key.address))
        .map(withOwner)
    },
    list: () =>
      listFolder(paths.ports)
        .flatMap((protocol) => [
          ...portsOf(protocol).flatMap((port) => singlesAt(protocol, port)),
          ...rangesOf(protocol),
        ])
        .map(withOwner),
    announce: () => touch(paths.ports),
    announcedAt: () => changedAt(paths.ports),
  }
}
