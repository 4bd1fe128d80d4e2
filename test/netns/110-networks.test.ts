/**
 * Networks that users make: their life, their options, several at a time.
 *
 * What isolation means packet by packet is in 250-firewall; here the engine
 * turns each option into it.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContainerNetwork } from '../../lib/model/attachment.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { layStreet, leavesNothing, linksUp, steady } from './traceless.ts'

let lab: Lab
let host: Host
let outside: Host

beforeEach(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'ipv6')
  lab = await createLab()
  const street = await layStreet(lab)
  host = street.host
  outside = street.outside
})

afterEach(async () => {
  await lab?.dispose()
})

const env = { TSNET_FIREWALL: 'nftables' }

const create = async (...words: string[]): Promise<unknown> =>
  steady(await host.tsnetJson('network', 'create', ...words, { env }))

/** Sets up a new container. */
async function connect(...words: string[]): Promise<Container & { readonly answer: ContainerNetwork }> {
  const box = await host.container()
  const answer = await host.tsnetJson<ContainerNetwork>('setup', '--netns', box.netns, ...words, { env })
  return Object.assign(box, { answer })
}

async function disconnect(...boxes: readonly Container[]): Promise<void> {
  for (const box of boxes) await host.tsnet('teardown', '--netns', box.netns)
}

const addressesOf = ({ answer }: { readonly answer: ContainerNetwork }): readonly string[] =>
  answer.attachments.flatMap(({ addresses }) => addresses)

describe('a user network', () => {
  it('is there from create to rm, with a subnet that overlaps nothing', async () => {
    await leavesNothing(host, async () => {
      await host.sh('ip link add docker0 type bridge; ip addr add 10.89.0.1/16 dev docker0')
      const made = await create('shop', '--ipv6', '--label', 'owner=me')
      expect(made).toEqual({
        name: 'shop',
        driver: 'bridge',
        internal: false,
        subnets: [
          { subnet: '172.28.0.0/24', gateway: '172.28.0.1' },
          { subnet: 'fdxx::/64', gateway: 'fdxx::1' },
        ],
        options: { masquerade: true, icc: true, hairpin: true, isolate: true, bridge: 'ts-shop-8d900' },
        firewall: 'nftables',
        labels: { owner: 'me' },
        ephemeral: false,
        createdAt: 'THEN',
      })
      const box = await connect('--network', 'shop', '--id', 'c1', '--container-name', 'till')
      expect(steady(await host.tsnetJson('network', 'inspect', 'shop'))).toEqual({
        config: made,
        live: true,
        containers: [{ id: 'c1', name: 'till', ifname: 'eth0', addresses: ['172.28.0.2/24', 'fdxx::2/64'] }],
        leases: [
          { address: '172.28.0.2', owner: 'till (c1)' },
          { address: 'fdxx::2', owner: 'till (c1)' },
        ],
      })
      await disconnect(box)
      expect(steady(await host.tsnetJson('network', 'ls'))).toEqual([
        { config: made, live: true, containers: [], leases: [] },
      ])
      await host.tsnet('network', 'rm', 'shop')
      expect(await host.tsnetJson('network', 'ls')).toEqual([])
      await host.sh('ip link delete docker0')
    })
  })

  it('cannot be removed while a living container is on it, but with dead ones', async () => {
    await leavesNothing(host, async () => {
      await create('shop', '--subnet', '10.90.0.0/24')
      const box = await connect('--network', 'shop', '--id', 'c1')
      const { stderr } = await host.tsnet('network', 'rm', 'shop', { expectExit: 4 })
      expect(stderr).toMatchInlineSnapshot(`
        "tsnet: removing network shop: a container is on it
          field: NAME
          value: shop
          hint: tear down c1 first
        "
      `)
      expect((await host.tsnet('network', 'prune')).stdout).toMatchInlineSnapshot(`
        "no network is unused
        "
      `)
      await box.kill()
      await host.waitForLinkGone(box.answer.attachments[0]?.hostIfname ?? '')
      expect((await host.tsnet('network', 'prune')).stdout).toMatchInlineSnapshot(`
        "shop
        "
      `)
      expect(await host.tsnetJson('ls')).toEqual([])
    })
  })

  it('uses a bridge that is there already, and leaves it as it was', async () => {
    // With a port: a bridge gets its link-local address with the first one, whoever plugs it in.
    await host.sh(
      `ip link add br-own address 02:00:00:00:00:aa type bridge
       echo 0 > /proc/sys/net/ipv6/conf/br-own/accept_dad
       ip addr add 10.90.0.1/24 dev br-own; ip link set br-own up
       ip link add own0 type veth peer name own1; ip link set own1 addrgenmode none up
       ip link set own0 addrgenmode none master br-own up`,
    )
    await linksUp(host, 'br-own')
    await leavesNothing(host, async () => {
      await create('own', '--subnet', '10.90.0.0/24', '--subnet', 'fd00:90::/64', '-o', 'bridge=br-own')
      const box = await connect('--network', 'own')
      expect(addressesOf(box)).toEqual(['10.90.0.2/24', 'fd00:90::2/64'])
      await box.serve.tcp(80)
      expect(await host.probe.tcp('10.90.0.2', 80)).toBe('reached')
      expect(await host.probe.tcp('fd00:90::2', 80)).toBe('reached')
      await disconnect(box)
      await host.tsnet('network', 'rm', 'own')
    })
  })

  it('gives out addresses of its range only, never the reserved ones, and static ones of all its subnet', async () => {
    await leavesNothing(host, async () => {
      const words = ['--subnet', '10.90.0.0/24', '--ip-range', '10.90.0.128/30', '--gateway', '10.90.0.254']
      await create('shop', ...words, '--aux-address', 'printer=10.90.0.129')
      const boxes = []
      for (let i = 0; i < 3; i++) boxes.push(await connect('--network', 'shop'))
      boxes.push(await connect('--network', 'shop:ip=10.90.0.7'))
      expect(boxes.flatMap(addressesOf)).toEqual([
        '10.90.0.128/24',
        '10.90.0.130/24',
        '10.90.0.131/24',
        '10.90.0.7/24',
      ])
      expect(boxes[0]?.answer.attachments[0]?.gateways).toEqual(['10.90.0.254'])
      await disconnect(...boxes)
      await host.tsnet('network', 'rm', 'shop')
    })
  })

  it('can have IPv6 alone', async () => {
    await leavesNothing(host, async () => {
      await create('six', '--subnet', 'fd00:90::/64')
      const box = await connect('--network', 'six', '-p', '8080:80')
      expect(box.answer.attachments).toMatchObject([
        {
          addresses: ['fd00:90::2/64'],
          gateways: ['fd00:90::1'],
          mac: '02:43:00:00:00:02',
          defaultRoute: [6],
        },
      ])
      await box.serve.tcp(80)
      await outside.serve.tcp(7000)
      expect(await box.probe.tcpDetail('2001:db8:1::2', 7000)).toMatchObject({ seenAs: '2001:db8:1::1' })
      expect(await outside.probe.tcpDetail('2001:db8:1::1', 8080)).toMatchObject({ seenAs: '2001:db8:1::2' })
      expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('refused')
      await disconnect(box)
      await host.tsnet('network', 'rm', 'six')
    })
  })

  it('comes back with the next container when its bridge was deleted', async () => {
    await leavesNothing(host, async () => {
      await create('shop', '--subnet', '10.90.0.0/24', '-o', 'bridge=br-shop')
      await host.sh('ip link delete br-shop')
      const box = await connect('--network', 'shop')
      await box.serve.tcp(80)
      expect(await host.probe.tcp('10.90.0.2', 80)).toBe('reached')
      await disconnect(box)
      await host.tsnet('network', 'rm', 'shop')
    })
  })

  it('takes rules of another backend with the container that asks for them, and loses them with it', async () => {
    await leavesNothing(host, async () => {
      await create('shop', '--subnet', '10.90.0.0/24')
      const first = await connect('--network', 'shop')
      const alone = await snapshot(host)
      const box = await connect('--network', 'shop', '-p', '8080:80', '--firewall', 'iptables')
      await box.serve.tcp(80)
      expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
      await disconnect(box)
      // Where the next address is taken from, and folders that go with the last container.
      const except = [/last4|^files: \S+\/ 700$|locks/]
      expect(snapshotDifference(alone, await snapshot(host), { except })).toEqual([])
      await disconnect(first)
      await host.tsnet('network', 'rm', 'shop')
    })
  })
})

describe('option', () => {
  it('internal: no way out and no way in, but to the host and each other', async () => {
    await leavesNothing(host, async () => {
      await create('vault', '--internal', '--subnet', '10.90.0.0/24', '--subnet', 'fd00:90::/64')
      const [one, two] = [await connect('--network', 'vault'), await connect('--network', 'vault')]
      expect(one.answer.attachments).toMatchObject([{ gateways: [], defaultRoute: [] }])
      expect((await one.run(['ip', 'route'])).stdout).toBe(
        '10.90.0.0/24 dev eth0 proto kernel scope link src 10.90.0.2 \n',
      )
      await outside.serve.tcp(7000)
      await two.serve.tcp(80)
      await host.serve.tcp(9000)
      await one.run(['ip', 'route', 'add', 'default', 'via', '10.90.0.1'])
      await outside.run(['ip', 'route', 'add', '10.90.0.0/24', 'via', '198.51.100.1'])
      expect(
        await Promise.all([
          one.probe.tcp('198.51.100.2', 7000),
          outside.probe.tcp('10.90.0.3', 80),
          one.probe.tcp('10.90.0.3', 80),
          one.probe.tcp('fd00:90::3', 80),
          host.probe.tcp('10.90.0.3', 80),
          one.probe.tcp('10.90.0.1', 9000),
        ]),
      ).toEqual(['timeout', 'timeout', 'reached', 'reached', 'reached', 'reached'])
      await disconnect(one, two)
      await host.tsnet('network', 'rm', 'vault')
    })
  })

  it('icc=false: its containers do not reach each other, but the world and published ports', async () => {
    await leavesNothing(host, async () => {
      await create('quiet', '--subnet', '10.90.0.0/24', '-o', 'icc=false')
      const one = await connect('--network', 'quiet')
      const two = await connect('--network', 'quiet', '-p', '8080:80')
      await two.serve.tcp(80)
      await outside.serve.tcp(7000)
      expect(
        await Promise.all([
          one.probe.tcp('10.90.0.3', 80),
          one.probe.tcp('198.51.100.1', 8080),
          one.probe.tcp('198.51.100.2', 7000),
          outside.probe.tcp('198.51.100.1', 8080),
        ]),
      ).toEqual([
        // After three seconds the kernel says so itself: nobody has answered for the address.
        expect.stringMatching(/^(timeout|unreachable)$/),
        ...['reached', 'reached', 'reached'],
      ])
      await disconnect(one, two)
      await host.tsnet('network', 'rm', 'quiet')
    })
  })

  it('isolate: networks are closed to each other, unless both say isolate=false', async () => {
    await leavesNothing(host, async () => {
      await create('a', '--subnet', '10.90.0.0/24')
      await create('b', '--subnet', '10.91.0.0/24', '-o', 'isolate=false')
      await create('c', '--subnet', '10.92.0.0/24', '-o', 'isolate=false')
      const boxes = [
        await connect('--network', 'a'),
        await connect('--network', 'b'),
        await connect('--network', 'c'),
      ] as const
      for (const box of boxes) await box.serve.tcp(80)
      const seen = await Promise.all(
        boxes.map((box) =>
          Promise.all(['10.90.0.2', '10.91.0.2', '10.92.0.2'].map((ip) => box.probe.tcp(ip, 80))),
        ),
      )
      expect(seen).toEqual([
        ['reached', 'timeout', 'timeout'],
        ['timeout', 'reached', 'reached'],
        ['timeout', 'reached', 'reached'],
      ])
      await disconnect(...boxes)
      for (const name of ['a', 'b', 'c']) await host.tsnet('network', 'rm', name)
    })
  })

  it('masquerade=false: the world sees the address of the container', async () => {
    await leavesNothing(host, async () => {
      await create('plain', '--subnet', '10.90.0.0/24', '-o', 'masquerade=false')
      await outside.run(['ip', 'route', 'add', '10.90.0.0/24', 'via', '198.51.100.1'])
      const box = await connect('--network', 'plain')
      await outside.serve.tcp(7000)
      expect(await box.probe.tcpDetail('198.51.100.2', 7000)).toMatchObject({ seenAs: '10.90.0.2' })
      await disconnect(box)
      await host.tsnet('network', 'rm', 'plain')
    })
  })

  it('mtu: bridge, both ends and the answer have it', async () => {
    await leavesNothing(host, async () => {
      await create('small', '--subnet', '10.90.0.0/24', '-o', 'mtu=1300', '-o', 'bridge=br-small')
      const box = await connect('--network', 'small')
      const mtus = async (place: Host | Container): Promise<readonly string[]> =>
        (await place.run(['ip', '-o', 'link'])).stdout
          .split('\n')
          .filter((line) => !line.includes(' lo:') && !/ eth0@if2: .* master|^1:/.test(line))
          .flatMap((line) => /mtu (\d+)/.exec(line)?.[1] ?? [])
      expect(box.answer.attachments[0]?.mtuBytes).toBe(1300)
      expect([await mtus(box), (await mtus(host)).slice(1)]).toEqual([['1300'], ['1300', '1300']])
      await disconnect(box)
      await host.tsnet('network', 'rm', 'small')
    })
  })

  it('hairpin: a container reaches its own published port, with hairpin=false it does not', async () => {
    await leavesNothing(host, async () => {
      await create('on', '--subnet', '10.90.0.0/24')
      await create('off', '--subnet', '10.91.0.0/24', '-o', 'hairpin=false')
      const on = await connect('--network', 'on', '-p', '8080:80')
      const off = await connect('--network', 'off', '-p', '8081:80')
      await on.serve.tcp(80)
      await off.serve.tcp(80)
      expect(await on.probe.tcpDetail('198.51.100.1', 8080)).toMatchObject({ seenAs: '10.90.0.1' })
      const flags = async (box: { readonly answer: ContainerNetwork }): Promise<string> =>
        (await host.run(['bridge', '-d', 'link', 'show', 'dev', box.answer.attachments[0]?.hostIfname ?? '']))
          .stdout
      expect([
        /hairpin (\w+)/.exec(await flags(on))?.[1],
        /hairpin (\w+)/.exec(await flags(off))?.[1],
      ]).toEqual(['on', 'off'])
      await disconnect(on, off)
      await host.tsnet('network', 'rm', 'on')
      await host.tsnet('network', 'rm', 'off')
    })
  })
})

describe('several networks at a time', () => {
  it('become eth0 and eth1 in their order, and the first carries the default routes', async () => {
    await leavesNothing(host, async () => {
      await create('a', '--subnet', '10.90.0.0/24', '--subnet', 'fd00:90::/64')
      await create('b', '--subnet', '10.91.0.0/24', '--subnet', 'fd00:91::/64')
      const box = await connect('--network', 'a', '--network', 'b', '-p', '8080:80')
      await linksUp(box, 'eth0', 'eth1')
      expect(
        (await box.run(['ip', '-br', 'addr'])).stdout
          .replaceAll(/(@if\d+)? +/g, ' ')
          .replaceAll(/fe80\S+/g, 'fe80'),
      ).toMatchInlineSnapshot(`
          "lo UNKNOWN 127.0.0.1/8 ::1/128 
          eth0 UP 10.90.0.2/24 fd00:90::2/64 fe80 
          eth1 UP 10.91.0.2/24 fd00:91::2/64 fe80 
          "
        `)
      expect((await box.sh('ip route show default; ip -6 route show default')).stdout).toMatchInlineSnapshot(`
        "default via 10.90.0.1 dev eth0 
        default via fd00:90::1 dev eth0 metric 1024 pref medium
        "
      `)
      expect(box.answer.attachments.map(({ defaultRoute, ports }) => [defaultRoute, ports.length])).toEqual([
        [[4, 6], 1],
        [[], 0],
      ])
      await disconnect(box)
      await host.tsnet('network', 'prune')
    })
  })

  it('obey a priority, by --default-route too', async () => {
    await leavesNothing(host, async () => {
      await create('a', '--subnet', '10.90.0.0/24')
      await create('b', '--subnet', '10.91.0.0/24')
      await create('vault', '--subnet', '10.92.0.0/24', '--internal')
      await outside.serve.tcp(7000)
      const owners = async (...words: string[]): Promise<readonly (readonly [string, string])[]> => {
        const box = await connect(...words)
        expect(await box.probe.tcp('198.51.100.2', 7000)).toBe('reached')
        await disconnect(box)
        return box.answer.attachments.map(({ network, defaultRoute }) => [network, `${defaultRoute}`])
      }
      expect(await owners('--network', 'a', '--network', 'b:priority=1')).toEqual([
        ['a', ''],
        ['b', '4'],
      ])
      expect(await owners('--network', 'a:priority=7', '--network', 'b', '--default-route', 'b')).toEqual([
        ['a', ''],
        ['b', '4'],
      ])
      // An internal network has no way out, whatever its priority.
      expect(await owners('--network', 'vault:priority=9', '--network', 'b')).toEqual([
        ['vault', ''],
        ['b', '4'],
      ])
      await host.tsnet('network', 'prune')
    })
  })

  it('take static addresses, MACs, interface names and aliases', async () => {
    await leavesNothing(host, async () => {
      await create('a', '--subnet', '10.90.0.0/24', '--subnet', 'fd00:90::/64')
      await create('b', '--subnet', '10.91.0.0/24')
      const box = await connect(
        '--network',
        'a:ip=10.90.0.77,ip6=fd00:90::77,mac=02:00:00:00:00:77,ifname=front,alias=www,alias=web,mtu=1400',
        '--network',
        'b:ifname=eth0',
      )
      expect(box.answer.attachments.map(({ hostIfname: _, ...rest }) => rest)).toEqual([
        {
          network: 'a',
          driver: 'bridge',
          ifname: 'front',
          bridge: 'ts-a-ca978',
          addresses: ['10.90.0.77/24', 'fd00:90::77/64'],
          gateways: ['10.90.0.1', 'fd00:90::1'],
          mac: '02:00:00:00:00:77',
          mtuBytes: 1400,
          aliases: ['www', 'web'],
          defaultRoute: [4, 6],
          ports: [],
          firewall: 'nftables',
        },
        {
          network: 'b',
          driver: 'bridge',
          ifname: 'eth0',
          bridge: 'ts-b-3e23e',
          addresses: ['10.91.0.2/24'],
          gateways: ['10.91.0.1'],
          mac: '02:42:0a:5b:00:02',
          mtuBytes: 1500,
          aliases: [],
          defaultRoute: [],
          ports: [],
          firewall: 'nftables',
        },
      ])
      expect((await box.run(['ip', '-o', 'link', 'show', 'front'])).stdout).toMatch(
        /mtu 1400 .*02:00:00:00:00:77/,
      )
      await disconnect(box)
      await host.tsnet('network', 'prune')
    })
  })

  it('answer from the way the question came, whichever carries the default route', async () => {
    await leavesNothing(host, async () => {
      await create('a', '--subnet', '10.90.0.0/24')
      await create('b', '--subnet', '10.91.0.0/24')
      const box = await connect(
        '--network',
        'a',
        '--network',
        'b',
        '--sysctl',
        'net.ipv4.conf.all.rp_filter=1',
      )
      const peer = await connect('--network', 'b')
      await box.serve.tcp(80)
      expect(await peer.probe.tcp('10.91.0.2', 80)).toBe('reached')
      expect(await host.probe.tcp('10.91.0.2', 80)).toBe('reached')
      await disconnect(box, peer)
      await host.tsnet('network', 'prune')
    })
  })
})
