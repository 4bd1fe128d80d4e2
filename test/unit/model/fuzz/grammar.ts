/**
 * Specs and documents as people nearly write them: right by grammar, with a
 * mistake in some part now and then, and a few torn up as text. Purely random
 * text would never get past the first colon (decisions 31).
 *
 * @module
 */

import type { Random } from './random.ts'

const ipv4 = ['10.89.0.2', '10.90.0.5', '192.0.2.1', '127.0.0.1', '0.0.0.0']
const ipv6 = ['fd00::1', 'FD90:0::5', '::', '2001:db8::ffff']
const noAddress = [
  '',
  '10.0.0.256',
  '010.0.0.1',
  '10.0.0',
  '::ffff:10.0.0.1',
  'fe80::1%eth0',
  '::1',
  'localhost',
  '1::2::3',
  '224.0.0.1',
]
const names = ['web', 'db-1', 'My_Net.x', 'bridge', 'a'.repeat(128)]
const noNames = ['', '..', 'a/b', 'a b', 'host', 'ü', '-x', 'a'.repeat(129), '\0', '__proto__']
const macs = ['02:42:0a:59:00:02', '02-42-0A-59-00-03', 'fe:ff:ff:ff:ff:ff']
const protocols = ['tcp', 'udp', 'sctp', 'UDP']
const odd: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  '',
  'x',
  [],
  {},
  [[]],
  ['80'],
  { a: 1 },
  '\u0000',
  '9'.repeat(400),
]

/** Mostly one of `good`; once in `n` one of `bad`. */
function mostly<T>(
  random: Random,
  choice: { readonly good: readonly T[]; readonly bad: readonly T[]; readonly n?: number },
): T {
  return random.pick(random.oneIn(choice.n ?? 20) ? choice.bad : choice.good)
}

function port(random: Random): string {
  const good = [random.below(65_535) + 1, 80, 65_535, 1].map(String)
  return mostly(random, {
    good,
    bad: ['', '0', '65536', '-1', '080', '8e1', ' 80', 'http', '1'.repeat(30)],
    n: 30,
  })
}

/** One range, or two of the same size most of the time. */
function ranges(random: Random, howMany: 1 | 2): string[] {
  if (!random.oneIn(3)) return Array.from({ length: howMany }, () => port(random))
  const count = random.below(20) + 1
  return Array.from({ length: howMany }, () => {
    const first = random.below(60_000) + 1
    return `${first}-${first + count - 1 + (random.oneIn(20) ? random.below(9) - 4 : 0)}`
  })
}

function protocolPart(random: Random): string {
  return random.oneIn(3) ? `/${mostly(random, { good: protocols, bad: ['', 'icmp', 'tcp/udp'] })}` : ''
}

function address(random: Random, families: readonly string[]): string {
  return mostly(random, { good: families, bad: noAddress })
}

export function publishSpec(random: Random): string {
  const host = random.below(4)
  const [first = '', second = ''] = ranges(random, 2)
  const six = random.oneIn(2)
  const where = six ? `[${address(random, ipv6)}]` : address(random, ipv4)
  const spec =
    [second, `${first}:${second}`, `${where}:${first}:${second}`, `${where}::${second}`][host] ?? ''
  return torn(random, spec + protocolPart(random))
}

export function exposeSpec(random: Random): string {
  return torn(random, `${ranges(random, 1)[0] ?? ''}${protocolPart(random)}`)
}

export function networkSpec(random: Random): string {
  if (random.oneIn(12)) return torn(random, random.pick(['host', 'none', 'container:web', 'container:']))
  const name = mostly(random, { good: names, bad: noNames })
  const all: Readonly<Record<string, () => string>> = {
    ip: () => address(random, ['10.89.0.2', '10.90.0.5', '192.0.2.1']),
    ip6: () => address(random, ['fd00::1', 'FD90:0::5']),
    mac: () => mostly(random, { good: macs, bad: ['', 'x', '01:00:5e:00:00:01', '02:42'] }),
    ifname: () =>
      mostly(random, { good: ['eth0', 'net.1', 'x'.repeat(15)], bad: ['', 'lo', 'a/b', 'x'.repeat(16)] }),
    alias: () => mostly(random, { good: ['db', 'db.example', 'my_db'], bad: ['', 'a b', '.'] }),
    mtu: () => mostly(random, { good: ['1400', '68', '65535'], bad: ['0', '67', '1e3', ''] }),
    priority: () => mostly(random, { good: ['0', '-5', '100'], bad: ['', '1.5', 'x', '9'.repeat(20)] }),
  }
  const keys = Object.keys(all).filter(() => random.oneIn(3))
  const settings = keys.map((key) => `${random.oneIn(60) ? `${key}x` : key}=${all[key]?.() ?? ''}`)
  return torn(random, settings.length === 0 ? name : `${name}:${settings.join(',')}`)
}

export function setupDocument(random: Random): string {
  const some = <T>(make: () => T): T[] => Array.from({ length: random.below(3) }, make)
  const right = {
    sandbox: random.pick<unknown>([
      '/proc/42/ns/net',
      { pid: 42 },
      { name: 'blue' },
      { path: '/run/netns/x' },
    ]),
    container: { id: 'a1', name: 'web', hostname: 'web.example', labels: { x: 'y', __label__: '' } },
    mode: mostly(random, { good: ['bridge'], bad: ['host', 'none', 'container:web', 'container'], n: 5 }),
    networks: some(() => (random.oneIn(2) ? quiet(random, networkSpec) : endpointObject(random))),
    publish: some(() => (random.oneIn(2) ? quiet(random, publishSpec) : mappingObject(random))),
    expose: some(() => ({ port: 80 + random.below(9), protocol: random.pick(protocols) })),
    publishAll: random.oneIn(2),
    ignorePublish: random.oneIn(2),
    dns: { servers: ['fd00::53'], search: ['example'], options: ['ndots:2'] },
    hosts: ['db:10.0.0.9', { name: 'gw', address: 'host-gateway' }],
    sysctls: { 'net.core.somaxconn': 1024, 'net/ipv4/ip_forward': '0' },
    firewall: random.pick(['iptables', 'nftables', 'none']),
  }
  const { sandbox, ...rest } = right
  const kept = Object.fromEntries(Object.entries(rest).filter(() => !random.oneIn(3)))
  return documentText(random, { sandbox, ...kept })
}

export function networkDocument(random: Random): string {
  const v4 = {
    subnet: random.pick(['10.90.0.0/24', '172.30.0.0/16', '10.0.0.0/8', '10.90.0.0/30', '10.90.0.0/31']),
    gateway: random.pick(['10.90.0.1', '10.90.0.2', '172.30.0.1']),
    range: random.pick(['10.90.0.128/25', '10.90.0.0/30', '172.30.4.0/24']),
    reserved: { nas: random.pick(['10.90.0.9', '10.90.0.1', '172.30.0.9']) },
  }
  const { subnet, ...settings } = v4
  const own = Object.fromEntries(Object.entries(settings).filter(() => random.oneIn(3)))
  const subnets = [{ subnet, ...own }, random.pick(['fd90::/64', 'fd90::/127', 'fd00::/16'])].filter(
    () => !random.oneIn(3),
  )
  const options = { mtu: random.pick([1400, '1400', 1000]), icc: true, isolate: 'false', bridge: 'br-x' }
  return documentText(random, {
    name: random.pick(names),
    subnets,
    ipv6: random.oneIn(2),
    options,
    labels: { a: 'b' },
  })
}

function endpointObject(random: Random): Record<string, unknown> {
  const all = {
    ip: '10.90.0.5',
    ip6: 'FD90::5',
    mac: random.pick(macs),
    ifname: 'eth0',
    aliases: ['db'],
    mtu: 1400,
    priority: -1,
  }
  const kept = Object.fromEntries(Object.entries(all).filter(() => random.oneIn(3)))
  return { [random.pick(['network', 'name'])]: random.pick(names), ...kept }
}

function mappingObject(random: Random): Record<string, unknown> {
  const all = {
    hostAddress: random.pick([...ipv4, ...ipv6]),
    hostPort: 8000 + random.below(500),
    count: random.below(5) + 1,
    protocol: random.pick(protocols),
  }
  const kept = Object.fromEntries(Object.entries(all).filter(() => random.oneIn(2)))
  return { containerPort: random.below(60_000) + 1, ...kept }
}

/** A spec that is right most of the time: a document has many of them. */
function quiet(random: Random, make: (random: Random) => string): string {
  return make({ ...random, oneIn: (n) => random.oneIn(n >= 12 ? n * 20 : n) })
}

/** As JSON: a third with one value replaced, a key dropped or misspelt; a few torn as text. */
function documentText(random: Random, document: Record<string, unknown>): string {
  const value = random.oneIn(3) ? bent(random, document, 0) : document
  const text = JSON.stringify(value, null, random.pick([0, 2])) ?? 'null'
  return torn(random, text)
}

function bent(random: Random, value: unknown, depth: number): unknown {
  const inner = typeof value === 'object' && value !== null
  if (!inner || (depth > 0 && random.oneIn(4))) return random.pick(odd)
  if (Array.isArray(value)) {
    const at = random.below(value.length + 1)
    return value.length === 0
      ? [random.pick(odd)]
      : value.map((item, i) => (i === at ? bent(random, item, depth + 1) : item))
  }
  const entries = Object.entries(value)
  if (entries.length === 0) return { [random.pick(noNames)]: random.pick(odd) }
  const at = random.below(entries.length)
  return Object.fromEntries(
    entries.flatMap(([key, item], i) => {
      if (i !== at) return [[key, item]]
      if (random.oneIn(6)) return []
      return random.oneIn(6) ? [[`${key}s`, item]] : [[key, bent(random, item, depth + 1)]]
    }),
  )
}

/** Once in fifteen times: a character dropped, doubled, swapped in, or the end cut off. */
function torn(random: Random, text: string): string {
  if (!random.oneIn(15)) return text
  const at = random.below(text.length + 1)
  const mark = random.pick([...':/,=-[]."{}%\0\n\u{1F600}é0a '])
  const [head, tail] = [text.slice(0, at), text.slice(at)]
  return random.pick([
    head,
    head + tail.slice(1),
    head + mark + tail,
    head + mark + tail.slice(1),
    tail,
    head + head + tail,
  ])
}
