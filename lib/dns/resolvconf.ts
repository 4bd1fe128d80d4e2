/**
 * The host's resolvers: resolv.conf(5), read and followed.
 *
 * The file is written in place by some and replaced by rename by others, and is
 * often a link into /run: so its folders are watched, not the file, and it is
 * looked at every second besides (a file mounted over it makes no event).
 * systemd-resolved's stub is bypassed as Docker does: what it would ask is in
 * a file beside it.
 *
 * @module
 */

import { type FSWatcher, readFileSync, realpathSync, unwatchFile, watch, watchFile } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type Address, parseAddress } from '../model/address.ts'

export interface HostResolvers {
  readonly servers: readonly Address[]
  readonly search: readonly string[]
  readonly options: readonly string[]
}

const path = '/etc/resolv.conf'
const behindStub = '/run/systemd/resolve/resolv.conf'
const stubs: readonly string[] = ['127.0.0.53', '127.0.0.54']

/** What the file says; lines that cannot be used are left out, as resolvers do. */
export function parseResolvConf(text: string): HostResolvers {
  const servers: Address[] = []
  let search: readonly string[] = []
  const options: string[] = []
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver') {
      // Link-local servers come with their link: fe80::1%eth0.
      const [address, zone] = (words[0] ?? '').split('%')
      const parsed = parseAddress(address ?? '')
      if (parsed !== undefined) servers.push(zone === undefined ? parsed : (`${parsed}%${zone}` as Address))
    } else if (keyword === 'search' || keyword === 'domain') search = words
    else if (keyword === 'options') options.push(...words)
  }
  return { servers: [...new Set(servers)], search, options }
}

/** The host's resolvers as they are now; none where there is no file. */
export function readHostResolvers(): HostResolvers {
  const own = parseResolvConf(read(path))
  if (own.servers.length === 0 || !own.servers.every((server) => stubs.includes(server))) return own
  const behind = parseResolvConf(read(behindStub))
  return behind.servers.length === 0 ? own : { ...own, servers: behind.servers }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

const pollMs = 1000

/** Calls back whenever the host's resolvers have changed. @returns the way to stop */
export function followHostResolvers(changed: (now: HostResolvers) => void): () => void {
  let last = JSON.stringify(readHostResolvers())
  let watchers: FSWatcher[] = []
  const look = (): void => {
    const now = readHostResolvers()
    if (JSON.stringify(now) === last) return
    last = JSON.stringify(now)
    changed(now)
    rewatch()
  }
  const rewatch = (): void => {
    for (const watcher of watchers) watcher.close()
    const files = new Set([path, target(path), behindStub])
    watchers = [...files].flatMap((file) => watchFolder(file, look))
  }
  rewatch()
  for (const file of [path, behindStub]) watchFile(file, { interval: pollMs }, look)
  return () => {
    for (const watcher of watchers) watcher.close()
    for (const file of [path, behindStub]) unwatchFile(file, look)
  }
}

function target(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return file
  }
}

function watchFolder(file: string, look: () => void): readonly FSWatcher[] {
  try {
    const watcher = watch(dirname(file), (_event, name) => {
      if (name === basename(file)) look()
    })
    // The folder went away: the look every second remains.
    watcher.on('error', () => watcher.close())
    return [watcher]
  } catch {
    return []
  }
}
