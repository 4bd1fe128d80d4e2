/**
 * The files aardvark-dns is configured with, one for each network: written for
 * tools that read them, and for Debian's own server where one runs already (on
 * a host that changes over); our name server needs none of them.
 *
 * Line 1 is `LISTENER[,…][ SERVER[,…]]`, then `ID V4LIST V6LIST NAMES[ SERVERS]`.
 *
 * @module
 */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { type Address, addressOf, type Cidr, familyOf } from '../../model/address.ts'

export interface Entry {
  readonly containerId: string
  readonly cidrs: readonly Cidr[]
  readonly names: readonly string[]
  readonly servers: readonly Address[]
}

export interface NetworkFile {
  readonly name: string
  readonly internal: boolean
  readonly listeners: readonly Address[]
  readonly forwarders: readonly Address[]
}

const folderOf = (config: string): string => `${config}/aardvark-dns`

/** Pid of the aardvark-dns that serves this folder; undefined where none does. */
export function aardvarkPid(config: string | undefined): number | undefined {
  if (config === undefined) return undefined
  const text = read(`${folderOf(config)}/aardvark.pid`)?.trim() ?? ''
  if (!/^\d+$/.test(text)) return undefined
  return read(`/proc/${text}/comm`)?.trim() === 'aardvark-dns' ? Number(text) : undefined
}

/** Entries of containers whose name no line can hold are left out. */
export function addEntry(config: string, network: NetworkFile, entry: Entry): void {
  const folder = folderOf(config)
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const path = `${folder}/${fileName(network)}`
  const head = [network.listeners, network.forwarders].filter((list) => list.length > 0)
  const [, ...others] = read(path)?.trimEnd().split('\n') ?? []
  const kept = others.filter((line) => !line.startsWith(`${entry.containerId} `))
  write(path, [head.map((list) => list.join(',')).join(' '), ...kept, entryLine(entry)])
  tell(config)
}

function entryLine({ containerId, cidrs, names, servers }: Entry): string {
  const of = (family: 4 | 6): string =>
    cidrs
      .map(addressOf)
      .filter((address) => familyOf(address) === family)
      .join(',')
  const spoken = names.filter((name) => /^[^\s,]+$/.test(name)).map((name) => name.toLowerCase())
  const list = [containerId, of(4), of(6), [...new Set(spoken)].join(',')]
  return [...list, ...(servers.length === 0 ? [] : [servers.join(',')])].join(' ')
}

/** @returns false where there was none */
export function removeEntry(config: string, network: string, containerId: string): boolean {
  const folder = folderOf(config)
  const found = [network, `${network}%int`].filter((name) => {
    const path = `${folder}/${name}`
    const [head = '', ...entries] = read(path)?.trimEnd().split('\n') ?? []
    const kept = entries.filter((line) => !line.startsWith(`${containerId} `))
    if (kept.length === entries.length) return false
    if (kept.length === 0) unlinkSync(path)
    else write(path, [head, ...kept])
    return true
  })
  if (found.length === 0) return false
  const last = readdirSync(folder).every((name) => name === 'aardvark.pid')
  tell(config)
  if (last && aardvarkPid(config) === undefined) clear(folder)
  return true
}

/** Rewrites the forwarders of a network. @returns its listeners; undefined where there is no such file */
export function setForwarders(
  config: string,
  network: string,
  servers: readonly string[],
): readonly string[] | undefined {
  const folder = folderOf(config)
  const name = [network, `${network}%int`].find((one) => existsSync(`${folder}/${one}`))
  if (name === undefined) return undefined
  const [head = '', ...entries] = (read(`${folder}/${name}`) ?? '').trimEnd().split('\n')
  const [listeners = ''] = head.split(' ')
  write(`${folder}/${name}`, [
    [listeners, ...(servers.length === 0 ? [] : [servers.join(',')])].join(' '),
    ...entries,
  ])
  tell(config)
  return listeners.split(',')
}

const fileName = ({ name, internal }: NetworkFile): string => (internal ? `${name}%int` : name)

/** It reads the folder again, and ends where it is empty. */
function tell(config: string): void {
  const pid = aardvarkPid(config)
  if (pid === undefined) return
  try {
    process.kill(pid, 'SIGHUP')
  } catch {
    // It ended meanwhile.
  }
}

/** The folder goes with the last entry, unless something else is in it. */
function clear(folder: string): void {
  try {
    if (existsSync(`${folder}/aardvark.pid`)) unlinkSync(`${folder}/aardvark.pid`)
    rmdirSync(folder)
  } catch {
    // Somebody is quicker, or has put something there.
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function write(path: string, lines: readonly string[]): void {
  const fresh = `${path.replace(/\/([^/]+)$/, '/.$1')}.${process.pid}`
  writeFileSync(fresh, `${lines.join('\n')}\n`, { mode: 0o644 })
  renameSync(fresh, path)
}
