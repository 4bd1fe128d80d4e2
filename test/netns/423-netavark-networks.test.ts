/**
 * Options of podman networks as packets and kernel tables show them, through our
 * netavark as podman calls it; and what Debian's netavark has set up, taken down
 * by ours.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { port } from '../unit/adapters/netavark/requests.ts'
import { addressOf, type Joined, netavark, older, refusal } from './netavarkcalls.ts'
import { debians, ours } from './netavarks.ts'

needs('root', 'ip', 'iptables', 'nft', 'veth', 'bridge', 'macvlan', 'ipv6', 'netavark', 'aardvark', 'built')

async function boxes(lab: Lab, host: Host, count: number): Promise<readonly Container[]> {
  return Promise.all(Array.from({ length: count }, () => lab.container(host)))
}

describe.each(['iptables', 'nftables'])('with %s', (firewall) => {
  it('isolate: false talks with true, true not with true, strict with nobody', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const before = await snapshot(host)
    const isolations = ['false', 'false', 'true', 'true', 'strict']
    const all = (await boxes(lab, host, isolations.length)).map((box, number) => ({
      box,
      number,
      network: { options: { isolate: isolations[number] } },
    }))
    for (const one of all) await netavark(host, one, { verb: 'setup', firewall })
    await Promise.all(all.map(({ box }) => box.serve.tcp(80)))
    const probes = all.flatMap((from) => all.filter((to) => to !== from).map((to) => [from, to] as const))
    const seen = await Promise.all(
      probes.map(async ([from, to]) => {
        const verdict = await from.box.probe.tcp(addressOf(to.number), 80)
        return verdict === 'reached' ? [`${from.number}${to.number}`] : []
      }),
    )
    // 0 and 1 are false, 2 and 3 true, 4 strict.
    expect(seen.flat()).toEqual(['01', '02', '03', '10', '12', '13', '20', '21', '30', '31'])
    for (const one of all) await netavark(host, one, { verb: 'teardown', firewall })
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('outbound_addr4 and outbound_addr6 are what others see', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const far = await lab.host('far')
    await lab.wire(host, far, '198.51.100.0/24', { v6: '2001:db8:1::/64', defaultRoute: 'first' })
    const dev = (await host.sh("ip -o -4 addr show | awk '/198.51.100.1/{print $2}'")).stdout.trim()
    await host.sh(`ip addr add 198.51.100.77/24 dev ${dev}; ip addr add 2001:db8:1::77/64 dev ${dev} nodad`)
    const before = await snapshot(host)
    const [box] = (await boxes(lab, host, 1)) as [Container]
    const joined: Joined = {
      box,
      number: 1,
      network: {
        subnets: [
          { subnet: '10.70.1.0/24', gateway: '10.70.1.1' },
          { subnet: 'fd00:70:1::/64', gateway: 'fd00:70:1::1' },
        ],
        ipv6_enabled: true,
        options: { outbound_addr4: '198.51.100.77', outbound_addr6: '2001:db8:1::77' },
      },
      joining: { static_ips: ['10.70.1.2', 'fd00:70:1::2'] },
    }
    await netavark(host, joined, { verb: 'setup', firewall })
    await far.serve.tcp(80)
    expect(await box.probe.tcpDetail('198.51.100.2', 80)).toMatchObject({ seenAs: '198.51.100.77' })
    expect(await box.probe.tcpDetail('2001:db8:1::2', 80)).toMatchObject({ seenAs: '2001:db8:1::77' })
    await netavark(host, joined, { verb: 'teardown', firewall })
    // Kept, so that the host keeps its way out (README).
    expect(snapshotDifference(before, await snapshot(host), { except: [/accept_ra/] })).toEqual([])
  })
})

describe('a bridge network', () => {
  it('has the addresses, routes, metric, MTU, MAC and host end that were asked for', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const before = await snapshot(host)
    const [box] = (await boxes(lab, host, 1)) as [Container]
    const joined: Joined = {
      box,
      number: 1,
      network: {
        options: { mtu: '1400', metric: '42' },
        routes: [
          { destination: '10.8.0.0/16', gateway: '10.70.1.9', metric: 7 },
          { destination: '10.9.0.0/16', route_type: 'blackhole' },
          { destination: '10.10.0.0/16', route_type: 'unreachable', metric: 5 },
          { destination: '10.11.0.0/16', route_type: 'prohibit' },
        ],
      },
      joining: {
        static_ips: ['10.70.1.2', '10.70.1.3'],
        static_mac: '02-00-00-00-00-77',
        options: { host_interface_name: 'web0' },
      },
    }
    expect(await netavark(host, joined, { verb: 'setup' })).toEqual({
      n1: {
        dns_search_domains: [],
        dns_server_ips: [],
        interfaces: {
          eth0: {
            mac_address: '02:00:00:00:00:77',
            subnets: [
              { gateway: '10.70.1.1', ipnet: '10.70.1.2/24' },
              { gateway: '10.70.1.1', ipnet: '10.70.1.3/24' },
            ],
          },
        },
      },
    })
    const routes = await box.sh("ip route | sed 's/ *$//' | sort")
    expect(routes.stdout).toMatchInlineSnapshot(`
      "10.70.1.0/24 dev eth0 proto kernel scope link src 10.70.1.2
      10.8.0.0/16 via 10.70.1.9 dev eth0 metric 7
      blackhole 10.9.0.0/16 metric 100
      default via 10.70.1.1 dev eth0 metric 42
      prohibit 10.11.0.0/16 metric 100
      unreachable 10.10.0.0/16 metric 5
      "
    `)
    const link = await box.sh(
      'ip -o link show eth0 | grep -o "mtu [0-9]*"; ip -o -4 addr show eth0 | grep -o "inet [0-9./]*"',
    )
    expect(link.stdout).toBe('mtu 1400\ninet 10.70.1.2/24\ninet 10.70.1.3/24\n')
    expect((await host.sh('ip -br link show master podman1')).stdout).toMatch(/^web0@/)
    await netavark(host, joined, { verb: 'teardown' })
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('without default route, and on a bridge that is the administrator’s', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    await host.sh(
      'ip link add podman2 address 02:00:00:00:00:02 type bridge; ip addr add 10.70.2.1/24 dev podman2; ip link set podman2 up',
    )
    const before = await snapshot(host)
    const [one, two] = (await boxes(lab, host, 2)) as [Container, Container]
    const plain: Joined = { box: one, number: 1, network: { options: { no_default_route: 'true' } } }
    const foreign: Joined = { box: two, number: 2, network: { options: { mode: 'unmanaged' } } }
    for (const joined of [plain, foreign]) await netavark(host, joined, { verb: 'setup' })
    expect((await one.sh('ip route show default')).stdout).toBe('')
    await two.sh('ping -c3 -i0.2 -W5 10.70.2.1')
    // Its gateway may as well be a router of the network, and the bridge without an address.
    await host.sh('ip addr del 10.70.2.1/24 dev podman2')
    expect((await host.tsnet('doctor')).stdout).toBe('healthy: nothing found\n')
    await host.sh('ip addr add 10.70.2.1/24 dev podman2')
    for (const joined of [plain, foreign]) await netavark(host, joined, { verb: 'teardown' })
    expect(
      snapshotDifference(before, await snapshot(host), { except: [/tso_max_size/, /(fe80|ff00)::/] }),
    ).toEqual([])
  })

  it('whose host end has a name that is taken is refused, and nothing changes', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    await host.sh('ip link add web0 type veth peer name web1')
    const before = await snapshot(host)
    const [box] = (await boxes(lab, host, 1)) as [Container]
    const joined: Joined = { box, number: 1, joining: { options: { host_interface_name: 'web0' } } }
    await expect(netavark(host, joined, { verb: 'setup' })).rejects.toThrow(
      'interface eth0 already exists on container namespace or web0 exists on host namespace',
    )
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})

describe('macvlan networks', () => {
  it.each([
    ['bridge', 'eth0'],
    ['private', 'eth0'],
    ['vepa', 'eth0'],
    ['passthru', 'eth0'],
    ['source', 'eth0'],
    ['bridge', ''],
  ])(
    'in mode %s of parent "%s" (none: that of the default route) leave nothing behind',
    async (mode, parent) => {
      await using lab = await createLab()
      const [host, far] = [await lab.host('host'), await lab.host('far')]
      await lab.wire(host, far, '198.51.100.0/24', { defaultRoute: 'first' })
      const before = await snapshot(host)
      const [box] = (await boxes(lab, host, 1)) as [Container]
      const options = { mode, mtu: '1400', metric: '7' }
      const joined: Joined = {
        ...{ box, number: 1, joining: { static_mac: '02:00:00:00:00:55' } },
        network: {
          ...{ driver: 'macvlan', network_interface: parent, options },
          routes: [{ destination: '10.9.0.0/16', route_type: 'blackhole' }],
        },
      }
      await netavark(host, joined, { verb: 'setup' })
      const link = (await box.sh('ip -d -o link show eth0')).stdout
      expect(link).toContain(`macvlan mode ${mode} `)
      expect(link).toContain(' mtu 1400 ')
      expect(link).toContain('ether 02:00:00:00:00:55')
      expect((await box.sh('ip route show default')).stdout.trim()).toBe(
        'default via 10.70.1.1 dev eth0 metric 7',
      )
      expect((await box.sh('ip route show type blackhole')).stdout.trim()).toBe(
        'blackhole 10.9.0.0/16 metric 100',
      )
      await netavark(host, joined, { verb: 'teardown' })
      expect((await box.sh('ip route')).stdout).toBe('')
      expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    },
  )
})

describe('what not every kernel or iproute2 has', () => {
  it.each<[what: string, network: Joined['network'], shown: string, error: string]>([
    [
      'the VLAN of a port',
      { options: { vlan: '10' } },
      '10 PVID Egress Untagged',
      'the kernel lacks CONFIG_BRIDGE_VLAN_FILTERING; a kernel with CONFIG_BRIDGE_VLAN_FILTERING, or its module loaded',
    ],
    [
      'ipvlan',
      { driver: 'ipvlan', network_interface: 'eth0', options: { mode: 'l3s' } },
      'ipvlan mode l3s',
      'the kernel lacks CONFIG_IPVLAN; a kernel with CONFIG_IPVLAN, or its module loaded',
    ],
    [
      'bclim',
      { driver: 'macvlan', network_interface: 'eth0', options: { bclim: '10' } },
      'macvlan mode bridge',
      'unknown option "bclim"?; an iproute2 that knows bclim: see `ip -V`',
    ],
  ])('%s works, or what is missing is named, and nothing is left', async (_, network, shown, error) => {
    await using lab = await createLab()
    const [host, far] = [await lab.host('host', { forwarding: true }), await lab.host('far')]
    await lab.wire(host, far, '198.51.100.0/24')
    const before = await snapshot(host)
    const [box] = (await boxes(lab, host, 1)) as [Container]
    const joined: Joined = { box, number: 1, ...(network ? { network } : {}) }
    const refused = await refusal(host, joined)
    if (refused === undefined) {
      const seen = `${(await host.sh('bridge vlan show')).stdout}${(await box.sh('ip -d link show eth0')).stdout}`
      expect(seen).toContain(shown)
      await netavark(host, joined, { verb: 'teardown' })
    } else expect(refused).toContain(error)
    expect((await box.sh("ip -br link | awk '{print $1}'")).stdout).toBe('lo\n')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})

describe("what Debian's netavark has set up", () => {
  it('is taken down by ours as by its own', { timeout: 120_000 }, async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const [one, two] = (await boxes(lab, host, 2)) as [Container, Container]
    const network = { dns_enabled: true }
    const joined = [
      older({ box: one, number: 1, network, call: { port_mappings: [port()] } }),
      older({
        box: two,
        number: 1,
        network,
        joining: { static_ips: ['10.70.1.3'] },
        call: {
          port_mappings: [port({ host_port: 9000, range: 3 }), port({ host_port: 53, protocol: 'udp' })],
        },
      }),
    ]
    const round = async (folder: string): Promise<readonly string[]> => {
      for (const each of joined) await netavark(host, each, { verb: 'setup', folder: debians })
      expect(await host.probe.tcp('127.0.0.1', 8080)).toBe('reached')
      const [first, second] = joined as [Joined, Joined]
      await netavark(host, first, { verb: 'teardown', folder })
      expect(await host.probe.tcp('127.0.0.1', 8080)).not.toBe('reached')
      expect(
        (await host.sh('iptables-save | grep -c -- "--to-destination 10.70.1.3"')).stdout.trim(),
      ).not.toBe('0')
      await netavark(host, second, { verb: 'teardown', folder })
      return snapshotDifference(before, await snapshot(host))
    }
    await one.serve.tcp(80)
    // Its base chains stay: they are there from the first round on.
    const before = await snapshot(host)
    await round(debians)
    const after = await snapshot(host)
    await round(ours)
    expect(snapshotDifference(after, await snapshot(host))).toEqual([])
  })
})
