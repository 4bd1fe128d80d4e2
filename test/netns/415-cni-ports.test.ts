/**
 * Published ports of CNI plugins, packet by packet: who reaches them and as
 * whom, with every backend, with our chain, the reference set's and the single
 * plugin.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import type { Place } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { addChain, box, type Conf, delChain, ours, reference, usualList } from './cni.ts'
import { layStreet } from './traceless.ts'

needs('root', 'ip', 'nft', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6', 'cni-plugins')

const ports = [
  { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  { hostPort: 8080, containerPort: 80, protocol: 'udp' },
  { hostPort: 8081, containerPort: 80, protocol: 'tcp', hostIP: '198.51.100.1' },
  { hostPort: 8082, containerPort: 80, protocol: 'tcp', hostIP: '127.0.0.1' },
  { hostPort: 8083, containerPort: 80, protocol: 'tcp', hostIP: '2001:db8:1::1' },
  { hostPort: 8084, containerPort: 80, protocol: 'tcp', hostIP: '0.0.0.0' },
  { hostPort: 8085, containerPort: 80, protocol: 'tcp', hostIP: '::' },
]

interface Way {
  readonly from: string
  readonly iptables: 'nft' | 'legacy'
  list(name: string, octet: number, ports: readonly unknown[]): Conf[]
}

const subnetsOf = (octet: number): string[] => [`10.${octet}.0.0/24`, `fd00:${octet}::/64`]

function chain(keys: Conf = {}, backend: 'iptables' | 'nftables' = 'iptables'): Way['list'] {
  return (name, octet, published) => {
    const [bridge, portmap] = usualList({
      name,
      subnets: subnetsOf(octet),
      ports: published,
      bridge: { bridge: `br-${name}`, ...(backend === 'nftables' ? { ipMasqBackend: backend } : {}) },
    }) as [Conf, Conf]
    return [bridge, { ...portmap, ...(backend === 'nftables' ? { backend } : {}), ...keys }]
  }
}

const single =
  (firewall: 'iptables' | 'nftables'): Way['list'] =>
  (name, octet, published) => [
    {
      cniVersion: '1.0.0',
      name,
      type: 'tsnet',
      firewall,
      ipam: { subnets: subnetsOf(octet) },
      runtimeConfig: { portMappings: published },
    },
  ]

const ways: Readonly<Record<string, Way>> = {
  'the reference set': { from: reference, iptables: 'nft', list: chain() },
  'the chain, iptables': { from: ours, iptables: 'nft', list: chain() },
  'the chain, iptables-legacy': { from: ours, iptables: 'legacy', list: chain() },
  'the chain, nftables': { from: ours, iptables: 'nft', list: chain({}, 'nftables') },
  'tsnet, iptables': { from: ours, iptables: 'nft', list: single('iptables') },
  'tsnet, iptables-legacy': { from: ours, iptables: 'legacy', list: single('iptables') },
  'tsnet, nftables': { from: ours, iptables: 'nft', list: single('nftables') },
}

interface Yard {
  readonly host: Host
  readonly outside: Host
  /** Publishes. */
  readonly web: Container
  /** On the same network. */
  readonly peer: Container
  /** On another one. */
  readonly other: Container
  readonly undo: () => Promise<string[]>
}

async function layYard(lab: Lab, { from, iptables, list }: Way): Promise<Yard> {
  const { host, outside } = await layStreet(lab, { iptables })
  await host.sh('ip addr add 198.51.100.9/24 dev eth0; sysctl -w net.ipv6.conf.default.accept_dad=0')
  const [web, peer, other] = [await box(host), await box(host), await box(host)]
  const [own, beside] = [list('n1', 22, ports), list('n2', 23, [])]
  const call = { id: 'web', netns: web.netns, from }
  const [prevResult] = await Promise.all([
    addChain(host, own, call).then(async (result) => {
      await addChain(host, list('n1', 22, []), { id: 'peer', netns: peer.netns, from })
      return result
    }),
    addChain(host, beside, { id: 'other', netns: other.netns, from }),
  ])
  // An IPv6 gateway is tentative for a second or two.
  await host.sh('while ip -6 addr show tentative | grep -q inet6; do sleep 0.1; done')
  await Promise.all([web.serve.tcp(80), web.serve.udp(80)])
  return { host, outside, web, peer, other, undo: () => delChain(host, own, { ...call, prevResult }) }
}

const known: Readonly<Record<string, string>> = {
  '10.22.0.1': 'gateway',
  'fd00:22::1': 'gateway',
  '10.23.0.2': 'other',
  'fd00:23::2': 'other',
  '10.22.0.3': 'peer',
  'fd00:22::3': 'peer',
  '198.51.100.2': 'outside',
  '2001:db8:1::2': 'outside',
  '198.51.100.1': 'host',
  '2001:db8:1::1': 'host',
}

type Question = readonly [from: Place, address: string, port: number, protocol?: 'udp']

type Questions = Readonly<Record<string, readonly Question[]>>

/** Whether packets that stay on a bridge pass the rules too. */
async function bridgeSeen(host: Host, seen: 0 | 1): Promise<void> {
  await host.sh(
    `sysctl -w net.bridge.bridge-nf-call-iptables=${seen} net.bridge.bridge-nf-call-ip6tables=${seen}`,
  )
}

/** As whom the container sees who asks; `no`: nobody answered. All at once: silence takes its time. */
async function asWhom(...questions: readonly Question[]): Promise<readonly string[]> {
  return Promise.all(
    questions.map(async ([from, address, port, protocol]) => {
      const asked = protocol === 'udp' ? from.probe.udpDetail : from.probe.tcpDetail
      const { verdict, seenAs = '' } = await asked.call(from.probe, address, port)
      return verdict === 'reached' ? (known[seenAs] ?? seenAs) : 'no'
    }),
  )
}

/** The same for many, by what they are called. */
async function table(rows: Questions): Promise<Record<string, readonly string[]>> {
  const answered = await Promise.all(
    Object.entries(rows).map(async ([name, questions]) => [name, await asWhom(...questions)] as const),
  )
  return Object.fromEntries(answered)
}

const v4 = '198.51.100.1'
const v6 = '2001:db8:1::1'

describe('a published port', () => {
  it.each(Object.keys(ways))('%s', async (name) => {
    const way = ways[name] as Way
    await using lab = await createLab()
    const { host, outside, web, peer, other, undo } = await layYard(lab, way)
    // In the reference's rules what leaves a network is masqueraded whatever it was led to: the address is lost.
    const crossing = name.startsWith('tsnet') ? 'other' : 'gateway'
    const questions: Questions = {
      outside: [
        [outside, v4, 8080],
        [outside, v6, 8080],
        [outside, v4, 8080, 'udp'],
        [outside, v6, 8080, 'udp'],
      ],
      'the host': [
        [host, v4, 8080],
        [host, v6, 8080],
        [host, '127.0.0.1', 8080],
        [host, '127.0.0.1', 8080, 'udp'],
      ],
      itself: [
        [web, v4, 8080],
        [web, v6, 8080],
        [web, v4, 8080, 'udp'],
        [web, '10.22.0.1', 8080],
        [web, 'fd00:22::1', 8080],
      ],
      'its neighbour': [
        [peer, v4, 8080],
        [peer, v6, 8080],
        [peer, v4, 8080, 'udp'],
        [peer, '10.22.0.1', 8080],
        [peer, 'fd00:22::1', 8080],
      ],
      'another network': [
        [other, v4, 8080],
        [other, v6, 8080],
      ],
      'at one address': [
        [outside, v4, 8081],
        [web, v4, 8081],
        [outside, '198.51.100.9', 8081],
        [host, '127.0.0.1', 8081],
      ],
      'at 127.0.0.1': [
        [host, '127.0.0.1', 8082],
        [outside, v4, 8082],
        [peer, v4, 8082],
      ],
      'at one IPv6 address': [
        [outside, v6, 8083],
        [web, v6, 8083],
        [outside, v4, 8083],
      ],
      'at all of one family': [
        [outside, v4, 8084],
        [outside, v6, 8084],
        [outside, v4, 8085],
        [outside, v6, 8085],
      ],
    }
    const answers = {
      outside: ['outside', 'outside', 'outside', 'outside'],
      'the host': ['host', 'host', 'gateway', 'gateway'],
      itself: ['gateway', 'gateway', 'gateway', 'gateway', 'gateway'],
      'its neighbour': ['gateway', 'gateway', 'gateway', 'gateway', 'gateway'],
      'another network': [crossing, crossing],
      'at one address': ['outside', 'gateway', 'no', 'no'],
      'at 127.0.0.1': ['gateway', 'no', 'no'],
      'at one IPv6 address': ['outside', 'gateway', 'no'],
      'at all of one family': ['outside', 'no', 'no', 'outside'],
    }
    for (const seen of [0, 1] as const) {
      await bridgeSeen(host, seen)
      expect(await table(questions)).toEqual(answers)
    }
    expect(await undo()).toEqual([])
    expect(await asWhom([outside, v4, 8080])).toEqual(['no'])
  })
})

describe('portmap', () => {
  const ourWays = (['iptables', 'nftables'] as const).flatMap((backend) =>
    ([{ snat: false }, { masqAll: true }] as const).map(
      (keys) => [backend, keys, { from: ours, iptables: 'nft', list: chain(keys, backend) }] as const,
    ),
  )
  // The set of Debian 12 knows no masqAll.
  const theirs = { from: reference, iptables: 'nft', list: chain({ snat: false }) } as const

  it.each<readonly [string, Conf, Way]>([
    ...ourWays,
    ['iptables, the reference set', { snat: false }, theirs],
  ])('with %s and %j', async (_, keys, way) => {
    await using lab = await createLab()
    const { host, outside, web, peer, undo } = await layYard(lab, way)
    await bridgeSeen(host, 0)
    const all = keys['masqAll'] === true
    const told = await table({
      outside: [
        [outside, v4, 8080],
        [outside, v6, 8080],
        [outside, v4, 8080, 'udp'],
      ],
      'on the host': [
        [host, '127.0.0.1', 8080],
        [web, v4, 8080],
        [web, v6, 8080],
        [peer, v4, 8080],
        [peer, v6, 8080],
      ],
    })
    expect(told).toEqual({
      outside: Array.from({ length: 3 }, () => (all ? 'gateway' : 'outside')),
      'on the host': Array.from({ length: 5 }, () => (all ? 'gateway' : 'no')),
    })
    expect(await undo()).toEqual([])
  })
})

describe('a port at an address of a family the container has not', () => {
  it.each([
    'the reference set',
    'the chain, iptables',
    'the chain, nftables',
    'tsnet, iptables',
    'tsnet, nftables',
  ])('%s: is skipped, the others are there', async (name) => {
    await using lab = await createLab()
    const { from, list } = ways[name] as Way
    const { host, outside } = await layStreet(lab)
    const web = await box(host)
    const own = list('n1', 22, ports).map((conf) => {
      const ipam = conf['ipam'] as Conf | undefined
      const only = name.startsWith('tsnet')
        ? { subnets: ['10.22.0.0/24'] }
        : { ...ipam, ranges: [[{ subnet: '10.22.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] }
      return ipam === undefined ? conf : { ...conf, ipam: only }
    })
    const call = { netns: web.netns, from }
    const prevResult = await addChain(host, own, call)
    await web.serve.tcp(80)
    const asked = await asWhom(
      [outside, v4, 8080],
      [outside, v6, 8080],
      [outside, v6, 8083],
      [outside, v6, 8085],
    )
    expect(asked).toEqual(['outside', 'no', 'no', 'no'])
    expect(await delChain(host, own, { ...call, prevResult })).toEqual([])
  })
})
