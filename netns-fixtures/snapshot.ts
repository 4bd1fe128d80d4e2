/**
 * A picture of a network namespace that two looks can be compared by.
 *
 * Holds what programs configure and leaves out what the kernel counts, numbers
 * or times by itself: interface indices, counters, timers, carrier, lifetimes
 * of addresses, order of set elements. Looking changes nothing: the `-save`
 * programs create no table (as `iptables -L` would), and the legacy ones are
 * asked only when the kernel says that the namespace has legacy tables.
 *
 * Limit: an iptables table without any rule or own chain, policies ACCEPT,
 * counts as absent, because the tools create all built-in tables at the first
 * use and legacy ones can never be removed again. `{ emptyTables: 'keep' }`
 * shows them. Neighbours and connections are not part of the picture.
 *
 * @module
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Host } from './host.ts'
import { normaliseIptables, normaliseNft, type TableOptions, tablesIn } from './normalise.ts'
import type { Place } from './place.ts'
import { type RunResult, runToEnd } from './process.ts'

/** Lines by section: `link`, `address`, `route4`, `nft`, `sysctl`, `files`, … */
export type Snapshot = Readonly<Record<string, readonly string[]>>

/** What a snapshot looks at beside the network. */
export interface SnapshotOptions extends TableOptions {
  /** Folders whose files are part of the picture. Default: those of tsnet and CNI, and /run/netns; ignored for containers. */
  readonly folders?: readonly string[]
}

/** Where programs under test keep their state. */
const stateFolders: readonly string[] = [
  '/run/tsnet',
  '/var/lib/tsnet',
  '/etc/tsnet',
  '/run/cni',
  '/var/lib/cni',
  '/etc/cni',
  '/run/netns',
]

const commands: Readonly<Record<string, string>> = {
  link: 'ip -d -j link show',
  address: 'ip -j addr show',
  route4: 'ip -4 -j route show table all',
  route6: 'ip -6 -j route show table all',
  rule4: 'ip -4 -j rule show',
  rule6: 'ip -6 -j rule show',
  nft: 'nft -s list ruleset',
  'iptables-nft': 'iptables-nft-save',
  'ip6tables-nft': 'ip6tables-nft-save',
  'iptables-legacy': 'grep -q . /proc/net/ip_tables_names && iptables-legacy-save',
  'ip6tables-legacy': 'grep -q . /proc/net/ip6_tables_names && ip6tables-legacy-save',
  sysctl:
    'cd /proc/sys/net && grep -rs . ipv4/conf ipv6/conf bridge ipv4/ip_forward ipv4/ip_nonlocal_bind ' +
    'ipv4/ip_unprivileged_port_start ipv4/ip_local_port_range ipv4/ip_local_reserved_ports ipv4/ping_group_range ' +
    'netfilter/nf_conntrack_acct netfilter/nf_conntrack_tcp_be_liberal netfilter/nf_conntrack_max',
}

const marker = '@@ section '
const script = Object.entries(commands)
  .map(([name, command]) => `echo '${marker}${name}'; (${command}) 2>/dev/null; echo`)
  .join('\n')

/** Takes the picture of a host or a container; about 30 ms. */
export async function snapshot(place: Place, options: SnapshotOptions = {}): Promise<Snapshot> {
  const sections = normalise(await looked((argv) => place.run(argv)), options)
  if (!(place instanceof Host)) return sections
  const folders = options.folders ?? stateFolders
  return { ...sections, files: folders.flatMap((folder) => filesBelow(`/proc/${place.pid}/root`, folder)) }
}

/** Takes the picture of the machine the tests run on, without sysctls and files. */
export async function snapshotOfThisMachine(): Promise<Snapshot> {
  const { sysctl: _sysctl, ...sections } = normalise(await looked((argv) => runToEnd(argv)), {})
  return sections
}

/**
 * Takes the picture from inside: of the namespace this process is in, or of
 * another network namespace by path. For programs that tests start in a host.
 */
export async function snapshotHere(netns?: string): Promise<Snapshot> {
  const entering = netns === undefined ? [] : ['nsenter', `--net=${netns}`]
  return normalise(await looked((argv) => runToEnd([...entering, ...argv])), {})
}

/** As long as a busy machine lets the kernel's workers wait. */
const settleLimitMs = 5000

/**
 * What the commands say, once more where an IPv6 address has just been added: a worker of the kernel makes the routes that
 * belong to it (local, anycast) when it gets to it, also where nobody is asked for the address first.
 */
async function looked(run: (argv: readonly string[]) => Promise<RunResult>): Promise<string> {
  for (const deadline = Date.now() + settleLimitMs; ; await sleep(10)) {
    const { stdout } = await run(['sh', '-c', script])
    if (!isUnfinished(stdout) || Date.now() > deadline) return stdout
  }
}

/** Whether an address has not its routes yet; one that others are asked for has none for seconds, or without a carrier. */
function isUnfinished(output: string): boolean {
  const texts = sectionsIn(output)
  const listed = (name: string): { [key: string]: Json }[] =>
    objectsIn(texts.get(name) ?? '') as { [key: string]: Json }[]
  const routed = new Set(
    listed('route6').flatMap(({ type, dst, dev }) =>
      type === 'local' ? `${String(dst)} ${String(dev)}` : [],
    ),
  )
  return listed('address').some(({ ifname, addr_info }) =>
    (addr_info as { [key: string]: Json }[]).some(
      (address) =>
        address['family'] === 'inet6' &&
        !isLinkLocal(address) &&
        (address['nodad'] === true || address['tentative'] !== true) &&
        !routed.has(`${String(address['local'])} ${String(ifname)}`),
    ),
  )
}

/**
 * What changed between two snapshots, for people: `- link: …` was there only
 * before, `+ link: …` only after. Empty means equal.
 *
 * @param options `except`: lines (with their section, `sysctl: ipv4/ip_forward:1`) that may differ: documented host-wide settings
 */
export function snapshotDifference(
  before: Snapshot,
  after: Snapshot,
  options: { readonly except?: readonly RegExp[] } = {},
): string[] {
  const differences: string[] = []
  for (const section of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const told = (line: string): boolean =>
      !options.except?.some((pattern) => pattern.test(`${section}: ${line}`))
    const old = (before[section] ?? []).filter(told)
    const now = (after[section] ?? []).filter(told)
    const gone = without(old, now)
    const come = without(now, old)
    differences.push(
      ...gone.map((line) => `- ${section}: ${line}`),
      ...come.map((line) => `+ ${section}: ${line}`),
    )
    if (gone.length + come.length > 0) continue
    const moved = old.findIndex((line, index) => line !== now[index])
    if (moved >= 0) differences.push(`~ ${section}: another order from here on: ${now[moved]}`)
  }
  return differences
}

/** The lines of `from` that `others` lacks, counting repeated lines. */
function without(from: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1)
  return from.filter((line) => {
    const left = counts.get(line) ?? 0
    counts.set(line, left - 1)
    return left <= 0
  })
}

function sectionsIn(output: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  for (const part of output.split(marker).slice(1)) {
    const end = part.indexOf('\n')
    texts.set(part.slice(0, end), part.slice(end + 1).trim())
  }
  return texts
}

function normalise(output: string, options: TableOptions): Record<string, string[]> {
  const texts = sectionsIn(output)
  const toldByIptables = [
    ...tablesIn(texts.get('iptables-nft') ?? '').map((name) => `ip ${name}`),
    ...tablesIn(texts.get('ip6tables-nft') ?? '').map((name) => `ip6 ${name}`),
  ]
  const sections: Record<string, string[]> = {}
  for (const [name, text] of texts) {
    if (name === 'nft') sections[name] = normaliseNft(text, { ...options, toldByIptables })
    else if (name.includes('tables')) sections[name] = normaliseIptables(text, options)
    else if (name === 'sysctl') sections[name] = text.split('\n').sort()
    else
      sections[name] = objectsIn(text)
        .flatMap((object) => linesOf(name, object))
        .sort()
  }
  return sections
}

type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

function objectsIn(text: string): Json[] {
  return text ? (JSON.parse(text) as Json[]) : []
}

/** Keys whose values the kernel changes by itself, or that number things. */
const volatileKey =
  /^(ifindex|link_index|link_netnsid|operstate|.*_timer|valid_life_time|preferred_life_time|tentative|dadfailed|expires|stats|stats64|id|no|designated_port|state|iif_index)$/
const volatileFlag = new Set(['NO-CARRIER', 'LOWER_UP', 'linkdown', 'dead'])

/**
 * Link-local addresses of IPv6 and their routes come when the kernel sees fit: a
 * second or two after a bridge got its first port. The link itself is compared.
 */
function isLinkLocal(address: Json): boolean {
  return JSON.stringify(address).includes('"local":"fe80:')
}

function isKernelsOwnRoute({ dst, protocol }: { readonly [key: string]: Json }): boolean {
  return protocol === 'kernel' && /^(fe80:|ff00::\/8$)/.test(String(dst))
}

/** Links give one line for each attribute, so that a difference names it; the rest one line for each object. */
function linesOf(section: string, value: Json): string[] {
  const object = purged(value) as { [key: string]: Json }
  if (isKernelsOwnRoute(object)) return []
  if (section === 'link') {
    const { ifname, ...rest } = object
    return attributes(rest).map((line) => `${String(ifname)} ${line}`)
  }
  if (section === 'address') {
    const addresses = object['addr_info'] as Json[]
    return addresses
      .filter((address) => !isLinkLocal(address))
      .map((address) => `${String(object['ifname'])} ${JSON.stringify(address)}`)
  }
  return [JSON.stringify(object)]
}

function purged(value: Json): Json {
  if (Array.isArray(value)) {
    return value.filter((item) => !volatileFlag.has(item as string)).map(purged)
  }
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !volatileKey.test(key))
      .map(([key, item]) => [key, purged(item)]),
  )
}

function attributes(value: { [key: string]: Json }, path = ''): string[] {
  return Object.entries(value).flatMap(([key, item]) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? attributes(item, `${path}${key}.`)
      : [`${path}${key}=${JSON.stringify(item)}`],
  )
}

/** Every entry below a folder with its mode, and the lines of files. */
function filesBelow(root: string, path: string): string[] {
  const real = root + path
  const stat = lstatSync(real, { throwIfNoEntry: false })
  if (!stat) return []
  const mode = (stat.mode & 0o7777).toString(8)
  if (stat.isSymbolicLink()) return [`${path} -> ${readlinkSync(real)}`]
  if (stat.isDirectory()) {
    const below = readdirSync(real).sort()
    return [`${path}/ ${mode}`, ...below.flatMap((entry) => filesBelow(root, `${path}/${entry}`))]
  }
  const entry = `${path} ${mode}`
  if (!stat.isFile()) return [entry]
  try {
    const text = readFileSync(real, 'utf8')
    return [entry, ...(text ? text.trimEnd().split('\n') : []).map((line) => `${path}: ${line}`)]
  } catch {
    return [entry] // the bind mount of a namespace has nothing to read
  }
}
