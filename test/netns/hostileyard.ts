/**
 * A host where one container of each network is hostile, and what it tries.
 *
 * Mallory has NET_ADMIN and NET_RAW in a namespace of her own, as
 * `--cap-add NET_ADMIN` gives it. Each attempt says whether it came through, by
 * what the victim's kernel shows afterwards.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { ContainerNetwork } from '../../lib/index.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import type { Lab } from '../../netns-fixtures/lab.ts'
import type { Place } from '../../netns-fixtures/place.ts'
import {
  advertisement,
  announcement,
  routerAdvertisement,
  type Seen,
  send,
  sourcePortAt,
  tagged,
  udp4,
} from './frames.ts'
import { startDnsmasq } from './nameyard.ts'
import { layStreet, linksUp } from './traceless.ts'

export interface Box extends Seen {
  readonly place: Container
  readonly port: string
}

/** One network: who may be robbed, and who robs. */
export interface Neighbourhood {
  readonly bridge: string
  readonly gateway: Seen
  readonly alice: Box
  readonly mallory: Box
}

export interface HostileYard {
  readonly host: Host
  readonly outside: Host
  readonly plain: Neighbourhood
  readonly strict: Neighbourhood
  /** On a network of his own. */
  readonly bob: Box
}

export async function layHostileYard(
  lab: Lab,
  backend: 'iptables' | 'nftables',
  iptables: 'nft' | 'legacy',
): Promise<HostileYard> {
  const { host, outside } = await layStreet(lab, { iptables })
  const env = { TSNET_FIREWALL: backend }
  const box = async (network: string, name: string): Promise<Box> => {
    const place = await lab.container(host)
    const told = await host.tsnetJson<ContainerNetwork>(
      ...['setup', '--netns', place.netns, '--container-name', `${name}-${network}`, '--network', network],
      { env },
    )
    const [attachment] = told.attachments
    if (attachment?.hostIfname === undefined) throw new Error(`${name} is nowhere`)
    return {
      ...{ place, port: attachment.hostIfname, mac: attachment.mac ?? '' },
      ...addressesOf(attachment.addresses),
      linkLocal: await linkLocalOf(place, 'eth0'),
    }
  }
  const neighbourhood = async (network: string, flags: readonly string[]): Promise<Neighbourhood> => {
    const made = await host.tsnetJson<{ readonly options: { readonly bridge: string } }>(
      ...['network', 'create', network, '--ipv6', ...flags],
      { env },
    )
    const { bridge } = made.options
    const [alice, mallory] = [await box(network, 'alice'), await box(network, 'mallory')]
    return { bridge, gateway: await gatewayOf(host, bridge), alice, mallory }
  }
  const plain = await neighbourhood('plain', [])
  const strict = await neighbourhood('strict', ['-o', 'protect=strict'])
  await host.tsnet('network', 'create', 'other', '--ipv6', { env })
  const bob = await box('other', 'bob')
  await startDnsmasq(outside, '198.51.100.2', [
    '--address=/local.evil.test/127.0.0.1',
    `--address=/bob.evil.test/${bob.v4}`,
    `--address=/bob.evil.test/${bob.v6}`,
    '--host-record=www.example.test,192.0.2.80',
    '--address=/#/',
  ])
  return { host, outside, plain, strict, bob }
}

function addressesOf(cidrs: readonly string[]): { readonly v4: string; readonly v6: string } {
  const [v4 = '', v6 = ''] = cidrs.map((cidr) => cidr.split('/')[0] ?? '')
  return { v4, v6 }
}

export async function linkLocalOf(place: Place, ifname: string): Promise<string> {
  await linksUp(place, ifname)
  const { stdout } = await place.run(['ip', '-o', '-6', 'addr', 'show', ifname, 'scope', 'link'])
  return /inet6 (fe80\S+)\//.exec(stdout)?.[1] ?? ''
}

export async function gatewayOf(host: Host, bridge: string): Promise<Seen> {
  const { stdout } = await host.run(['ip', '-o', 'addr', 'show', bridge, 'scope', 'global'])
  const link = await host.run(['ip', '-o', 'link', 'show', bridge])
  return {
    mac: /link\/ether (\S+)/.exec(link.stdout)?.[1] ?? '',
    v4: /inet (\S+)\//.exec(stdout)?.[1] ?? '',
    v6: /inet6 (\S+)\//.exec(stdout)?.[1] ?? '',
    linkLocal: await linkLocalOf(host, bridge),
  }
}

export interface Attempt {
  /** First column of README's table. */
  readonly row: string
  /** Whether it came through. */
  readonly tryIt: (yard: HostileYard, here: Neighbourhood) => Promise<boolean>
}

/** A way there and back, so that whatever was sent before has been seen. */
async function settle(from: Place, to: string): Promise<void> {
  expect(await from.probe.tcp(to, 9)).toBe('refused')
}

/** Frames that have left it, as its kernel has counted them. */
function framesOf(place: Place, ifname: string): number {
  const line = readFileSync(`/proc/${place.pid}/net/dev`, 'utf8')
    .split('\n')
    .find((one) => one.trim().startsWith(`${ifname}:`))
  return Number(line?.split(':')[1]?.trim().split(/\s+/)[9])
}

/**
 * What comes of it while its victim says nothing. A kernel reports groups, asks for routers and looks after its neighbours
 * when it sees fit, and with the next frame everybody knows again who is where.
 */
async function whileSilent(place: Place, ifname: string, work: () => Promise<boolean>): Promise<boolean> {
  for (;;) {
    const before = framesOf(place, ifname)
    const cameThrough = await work()
    if (framesOf(place, ifname) === before) return cameThrough
  }
}

/** Ports in hairpin mode get their broadcasts back: she would believe herself. */
async function lie({ place }: Box, frame: Buffer): Promise<void> {
  await send(place, [frame])
  await place.run(['ip', 'neigh', 'flush', 'dev', 'eth0'])
}

async function macBelieved(place: Place, address: string, ifname: string): Promise<string> {
  const { stdout } = await place.run(['ip', 'neigh', 'show', address, 'dev', ifname])
  return /lladdr (\S+)/.exec(stdout)?.[1] ?? ''
}

/** Datagrams the kernel has taken for somebody in that namespace who is not there: the name server's do not count. */
async function datagrams(place: Place): Promise<number> {
  const { stdout } = await place.run(['cat', '/proc/net/snmp'])
  const [names = [], values = []] = stdout
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '))
  return Number(values[names.indexOf('NoPorts')])
}

/** Whether datagrams arrived while something was sent. */
async function arrives(place: Place, work: () => Promise<unknown>): Promise<number> {
  const before = await datagrams(place)
  await work()
  return (await datagrams(place)) - before
}

const to = (there: { readonly mac: string }, from: { readonly mac: string }) => ({
  toMac: there.mac,
  fromMac: from.mac,
})

export const attempts: readonly Attempt[] = [
  {
    row: 'frames with a neighbour’s MAC: the bridge sends its traffic to the thief',
    tryIt: async ({ host }, { bridge, alice, mallory, gateway }) => {
      await settle(alice.place, gateway.v4)
      const isRobbed = await whileSilent(alice.place, 'eth0', async () => {
        await lie(mallory, announcement(mallory.v4, mallory.mac, alice.mac))
        const { stdout } = await host.run(['bridge', 'fdb', 'get', alice.mac, 'br', bridge])
        return stdout.includes(`dev ${mallory.port} `)
      })
      // She speaks again, and has it back.
      await settle(alice.place, gateway.v4)
      return isRobbed
    },
  },
  {
    row: 'ARP: a neighbour’s address, told to the host',
    tryIt: async ({ host }, { bridge, alice, mallory, gateway }) => {
      await settle(alice.place, gateway.v4)
      const isBelieved = await whileSilent(alice.place, 'eth0', async () => {
        await lie(mallory, announcement(alice.v4, mallory.mac))
        await settle(mallory.place, gateway.v4)
        return (await macBelieved(host, alice.v4, bridge)) === mallory.mac
      })
      await host.run(['ip', 'neigh', 'flush', 'dev', bridge])
      return isBelieved
    },
  },
  {
    row: 'ARP: the gateway’s address, told to a neighbour',
    tryIt: async (_yard, { alice, mallory, gateway }) => {
      await settle(alice.place, gateway.v4)
      await lie(mallory, announcement(gateway.v4, mallory.mac))
      await settle(mallory.place, alice.v4)
      const believed = await macBelieved(alice.place, gateway.v4, 'eth0')
      await alice.place.run(['ip', 'neigh', 'flush', 'dev', 'eth0'])
      return believed === mallory.mac
    },
  },
  {
    row: 'neighbour discovery: a neighbour’s IPv6 address, told to the host',
    tryIt: async ({ host }, { bridge, alice, mallory, gateway }) => {
      await settle(alice.place, gateway.v6)
      const isBelieved = await whileSilent(alice.place, 'eth0', async () => {
        await lie(mallory, advertisement(alice.v6, mallory.mac, mallory.linkLocal))
        await settle(mallory.place, gateway.v4)
        return (await macBelieved(host, alice.v6, bridge)) === mallory.mac
      })
      await host.run(['ip', 'neigh', 'flush', 'dev', bridge])
      return isBelieved
    },
  },
  {
    row: 'neighbour discovery: the gateway’s IPv6 address, told to a neighbour',
    tryIt: async (_yard, { alice, mallory, gateway }) => {
      await settle(alice.place, gateway.v6)
      await lie(mallory, advertisement(gateway.v6, mallory.mac, mallory.linkLocal))
      await settle(mallory.place, alice.v4)
      const believed = await macBelieved(alice.place, gateway.v6, 'eth0')
      await alice.place.run(['ip', 'neigh', 'flush', 'dev', 'eth0'])
      return believed === mallory.mac
    },
  },
  {
    row: 'packets under a neighbour’s address, sent out into the world',
    tryIt: async ({ host }, { alice, mallory, gateway }) => {
      const way = { ...to(gateway, mallory), from: alice.v4, to: '198.51.100.2' }
      await send(mallory.place, [udp4(way, { from: 1024, to: 4242 })])
      await settle(mallory.place, gateway.v4)
      return (await flowsOf(host, alice.v4, 4242)) > 0
    },
  },
  {
    row: 'packets under a stranger’s address, sent out into the world',
    tryIt: async ({ host }, { mallory, gateway }) => {
      const way = { ...to(gateway, mallory), from: '203.0.113.9', to: '198.51.100.2' }
      await send(mallory.place, [udp4(way, { from: 1024, to: 4343 })])
      await settle(mallory.place, gateway.v4)
      return (await flowsOf(host, '203.0.113.9', 4343)) > 0
    },
  },
  {
    row: 'the same inside a VLAN tag, to a neighbour under the gateway’s address',
    tryIt: async (_yard, { alice, mallory, gateway }) => {
      const way = { ...to(alice, mallory), from: gateway.v4, to: alice.v4 }
      return (
        (await arrives(alice.place, async () => {
          await send(mallory.place, [tagged(udp4(way, { from: 1024, to: 4444 }))])
          await settle(mallory.place, alice.v4)
        })) > 0
      )
    },
  },
  {
    row: 'router advertisements: a neighbour’s way out leads through the liar',
    tryIt: (_yard, here) => routed(here, routerAdvertisement(here.mallory.mac, here.mallory.linkLocal)),
  },
  {
    row: 'the same behind an extension header',
    tryIt: (_yard, here) => routed(here, routerAdvertisement(here.mallory.mac, here.mallory.linkLocal, true)),
  },
  {
    row: 'answers of a DHCP server to a neighbour',
    tryIt: async (_yard, { alice, mallory }) => {
      const way = { ...to(alice, mallory), from: mallory.v4, to: alice.v4 }
      return (
        (await arrives(alice.place, async () => {
          await send(mallory.place, [udp4(way, { from: 67, to: 68 })])
          await settle(mallory.place, alice.v4)
        })) > 0
      )
    },
  },
  {
    row: 'the host’s table of connections filled (20,000 flows of one container)',
    tryIt: async ({ host }, { alice, mallory, gateway }) => {
      const way = { ...to(gateway, mallory), from: mallory.v4, to: gateway.v4 }
      const frame = udp4(way, { from: 2000, to: 9 })
      // The first must still be there when the last has come, also where that takes a minute.
      await host.run(['sysctl', '-qw', 'net.netfilter.nf_conntrack_udp_timeout=600'])
      await send(mallory.place, [{ frame, times: 20_000, offset: sourcePortAt }])
      // She has none left perhaps; the others have.
      await settle(alice.place, gateway.v4)
      return (await flowsOf(host, mallory.v4, 9)) > 16_384
    },
  },
  {
    row: 'questions to the name server, 10,000 at once',
    tryIt: async ({ host }, { alice, mallory, gateway }) => {
      const way = { ...to(gateway, mallory), from: mallory.v4, to: gateway.v4 }
      const question = Buffer.from('000101000001000000000000', 'hex')
      const name = Buffer.concat([Buffer.from([5]), Buffer.from('alice'), Buffer.from([0, 0, 1, 0, 1])])
      const frame = udp4(way, { from: 2000, to: 53 }, Buffer.concat([question, name]))
      await send(mallory.place, [{ frame, times: 10_000, offset: sourcePortAt }])
      await settle(alice.place, gateway.v4)
      return (await flowsOf(host, mallory.v4, 53)) > 7000
    },
  },
  {
    row: 'DNS rebinding: a name outside whose address is 127.0.0.1',
    tryIt: async (_yard, { mallory, gateway }) =>
      (await answered(mallory.place, gateway.v4, 'local.evil.test', 'A')) === '127.0.0.1',
  },
  {
    row: 'DNS rebinding: a name outside with the address of a container',
    tryIt: async ({ bob }, { mallory, gateway }) =>
      (await answered(mallory.place, gateway.v4, 'bob.evil.test', 'A')) === bob.v4 ||
      (await answered(mallory.place, gateway.v4, 'bob.evil.test', 'AAAA')) === bob.v6,
  },
  {
    row: 'a new name told to the name server (RFC 2136)',
    tryIt: async (_yard, { alice, mallory, gateway }) => {
      await mallory.place.sh(`dig +time=2 +tries=1 +opcode=update @${gateway.v4} thief A`, {
        expectExit: 'any',
      })
      return (await answered(alice.place, gateway.v4, 'thief', 'A')) !== ''
    },
  },
  {
    row: 'the name of a container of another network',
    tryIt: async (_yard, { mallory, gateway }) =>
      (await answered(mallory.place, gateway.v4, 'bob-other', 'A')) !== '',
  },
  {
    row: 'services of the host on 127.0.0.1, through the gateway (CVE-2020-8558)',
    tryIt: async ({ host }, { mallory, gateway }) => {
      const ways = ['127.0.0.1', mallory.v4].map((from) => ({
        ...{ ...to(gateway, mallory), from, to: '127.0.0.1' },
      }))
      return (
        (await arrives(host, async () => {
          await send(
            mallory.place,
            ways.map((way) => udp4(way, { from: 1024, to: 4545 })),
          )
          await settle(mallory.place, gateway.v4)
        })) > 0
      )
    },
  },
  {
    row: 'unpublished ports of another network, through the gateway',
    tryIt: async ({ bob }, { mallory, gateway }) => {
      const sources = [mallory.v4, gateway.v4, bob.v4.replace(/\d+$/, '1')]
      return (
        (await arrives(bob.place, async () => {
          await send(
            mallory.place,
            sources.map((from) =>
              udp4({ ...to(gateway, mallory), from, to: bob.v4 }, { from: 1024, to: 4646 }),
            ),
          )
          await settle(mallory.place, gateway.v4)
        })) > 0
      )
    },
  },
]

/** Forgets them, too. */
async function flowsOf(host: Place, source: string, port: number): Promise<number> {
  const { stderr } = await host.sh(`conntrack -D -p udp -s ${source} --orig-port-dst ${port} >/dev/null`, {
    expectExit: 'any',
  })
  return Number(/(\d+) flow entries/.exec(stderr)?.[1])
}

async function routed({ alice, mallory, gateway }: Neighbourhood, frame: Buffer): Promise<boolean> {
  await send(mallory.place, [frame])
  await settle(mallory.place, alice.v4)
  await settle(alice.place, gateway.v4)
  const { stdout } = await alice.place.run(['ip', '-6', 'route', 'show', 'default'])
  await alice.place.sh('ip -6 route flush proto ra; ip -6 addr flush dev eth0 dynamic')
  return stdout.includes(`via ${mallory.linkLocal} `)
}

/** Ten thousand questions may be before it, and it is lost where the server's socket is full of them: it is asked again. */
async function answered(place: Place, server: string, name: string, type: string): Promise<string> {
  const { stdout } = await place.run(['dig', '+short', '+time=7', '+tries=3', `@${server}`, name, type], {
    expectExit: 'any',
  })
  return stdout.trim()
}
