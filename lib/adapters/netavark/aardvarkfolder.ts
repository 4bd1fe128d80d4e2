/**
 * The files aardvark-dns is configured with, one for each network: written for
 * tools that read them, and for Debian's own server where one runs already (on
 * a host that changes over); our name server needs none of them.
 *
 * Line 1 is `LISTENER[,…][ SERVER[,…]]`, then `ID V4LIST V6LIST NAMES[ SERVERS]`. Containers of a network share its
 * file, so whoever changes one holds `aardvark.lock` beside the folder, as netavark does; like netavark's it stays.
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
import { type ForeignLock, underLock } from '../../engine/foreignlock.ts'
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
/** Held for milliseconds. */
const lockOf = (config: string): ForeignLock => ({ path: `${config}/aardvark.lock`, timeoutMs: 30_000 })

/** Pid of the aardvark-dns that serves this folder; undefined where none does. */
export function aardvarkPid(config: string | undefined): number | undefined {
  if (config === undefined) return undefined
  const text = read(`${folderOf(config)}/aardvark.pid`)?.trim() ?? ''
  if (!/^\d+$/.test(text)) return undefined
  return read(`/proc/${text}/comm`)?.trim() === 'aardvark-dns' ? Number(text) : undefined
}

/** Entries of containers whose name no line can hold are left out. @throws TSNET_LOCK_TIMEOUT (busy) */
export async function addEntry(config: string, network: NetworkFile, entry: Entry): Promise<void> {
  mkdirSync(config, { recursive: true, mode: 0o755 })
  await underLock(lockOf(config), () => add(config, network, entry))
}

function add(config: string, network: NetworkFile, entry: Entry): void {
  const folder = folderOf(config)
  // In turn: whoever takes the last entry away takes the folder too.
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

/** Nothing where there is none. @throws TSNET_LOCK_TIMEOUT (busy) */
export async function removeEntry(config: string, network: string, containerId: string): Promise<void> {
  if (existsSync(folderOf(config)))
    await underLock(lockOf(config), () => remove(config, network, containerId))
}

function remove(config: string, network: string, containerId: string): void {
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
  if (found.length === 0) return
  const last = readdirSync(folder).every((name) => name === 'aardvark.pid')
  tell(config)
  if (last && aardvarkPid(config) === undefined) clear(folder)
}

/** Rewrites the forwarders of a network; nothing where there is no such file. @throws TSNET_LOCK_TIMEOUT (busy) */
export async function setForwarders(
  config: string,
  network: string,
  servers: readonly string[],
): Promise<void> {
  if (existsSync(folderOf(config))) await underLock(lockOf(config), () => forward(config, network, servers))
}

function forward(config: string, network: string, servers: readonly string[]): void {
  const folder = folderOf(config)
  const name = [network, `${network}%int`].find((one) => existsSync(`${folder}/${one}`))
  if (name === undefined) return
  const [head = '', ...entries] = (read(`${folder}/${name}`) ?? '').trimEnd().split('\n')
  const [listeners = ''] = head.split(' ')
  write(`${folder}/${name}`, [
    [listeners, ...(servers.length === 0 ? [] : [servers.join(',')])].join(' '),
    ...entries,
  ])
  tell(config)
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
  // Not in the folder: whatever is there is a network to who reads it.
  const fresh = `${path.replace(/\/aardvark-dns\/([^/]+)$/, '/.aardvark-$1')}.${process.pid}`
  writeFileSync(fresh, `${lines.join('\n')}\n`, { mode: 0o644 })
  renameSync(fresh, path)
}
