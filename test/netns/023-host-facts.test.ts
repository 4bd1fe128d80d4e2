/**
 * What the kernel room reads of a host and of the surroundings of a namespace.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Surroundings } from '../../lib/plan/facts.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { bench, bridge, network } from './kernelbench.ts'

needs('root', 'ip', 'nft', 'veth', 'ipv6', 'built')

describe('facts of the host', () => {
  it('are its links, addresses and routes', async () => {
    await using lab = await createLab()
    const { host, kernel } = await bench(lab)
    const far = await lab.host('far')
    await lab.wire(host, far, '198.51.100.0/24', { v6: '2001:db8:1::/64', mtu: 1380, defaultRoute: 'first' })
    await kernel.call('apply', network, null)
    await host.sh(
      'ip route add blackhole 203.0.113.0/24; ip route add 203.0.113.0/25 dev eth0 metric 7 table 99',
    )
    const facts = JSON.stringify(await kernel.call('hostFacts'), undefined, 1)
      .replaceAll(/"mac": "\S*/g, '"mac": …')
      .replaceAll(/fe80::[0-9a-f:]+/g, 'fe80::…')
    expect(facts).toMatchInlineSnapshot(`
      "{
       "links": [
        {
         "name": "lo",
         "kind": "",
         "mac": …
         "mtuBytes": 65536,
         "up": true
        },
        {
         "name": "eth0",
         "kind": "veth",
         "mac": …
         "mtuBytes": 1380,
         "up": true
        },
        {
         "name": "br0",
         "kind": "bridge",
         "mac": …
         "mtuBytes": 1400,
         "up": true,
         "alias": "tsnet:network/demo"
        }
       ],
       "addresses": [
        {
         "dev": "lo",
         "cidr": "127.0.0.1/8"
        },
        {
         "dev": "eth0",
         "cidr": "198.51.100.1/24"
        },
        {
         "dev": "br0",
         "cidr": "10.89.0.1/24"
        },
        {
         "dev": "lo",
         "cidr": "::1/128"
        },
        {
         "dev": "eth0",
         "cidr": "2001:db8:1::1/64"
        },
        {
         "dev": "eth0",
         "cidr": "fe80::…/64"
        },
        {
         "dev": "br0",
         "cidr": "fd00:1::1/64"
        }
       ],
       "routes": [
        {
         "to": "203.0.113.0/25",
         "dev": "eth0",
         "metric": 7,
         "table": 99
        },
        {
         "to": "0.0.0.0/0",
         "via": "198.51.100.2",
         "dev": "eth0",
         "metric": 0
        },
        {
         "to": "10.89.0.0/24",
         "dev": "br0",
         "metric": 0
        },
        {
         "to": "198.51.100.0/24",
         "dev": "eth0",
         "metric": 0
        },
        {
         "to": "2001:db8:1::/64",
         "dev": "eth0",
         "metric": 256
        },
        {
         "to": "fd00:1::/64",
         "dev": "br0",
         "metric": 256
        },
        {
         "to": "fe80::/64",
         "dev": "eth0",
         "metric": 256
        },
        {
         "to": "::/0",
         "via": "2001:db8:1::2",
         "dev": "eth0",
         "metric": 1024
        }
       ]
      }"
    `)
    expect(await kernel.call('hostAddresses')).toEqual([
      '198.51.100.1/24',
      '10.89.0.1/24',
      '2001:db8:1::1/64',
      'fd00:1::1/64',
    ])
    expect(await kernel.call('hostLink', 'br0')).toMatchObject({
      name: 'br0',
      kind: 'bridge',
      alias: bridge.alias,
      up: true,
    })
    await host.sh('ip link set eth0 master br0')
    expect(await kernel.call('hostLink', 'eth0')).toMatchObject({
      name: 'eth0',
      kind: 'veth',
      master: 'br0',
      mtuBytes: 1380,
    })
    expect(await kernel.call('hostLink', 'nothing')).toEqual({})
  })

  it('tell the way out, whatever more specific routes there are', async () => {
    await using lab = await createLab()
    const { host, kernel } = await bench(lab)
    const [far, near] = [await lab.host('far'), await lab.host('near')]
    await lab.wire(host, near, '192.0.2.0/24', { v6: '2001:db8:2::/64' })
    expect([await kernel.call('wayOut', 4), await kernel.call('wayOut', 6)]).toEqual([{}, {}])
    await lab.wire(host, far, '198.51.100.0/24', { v6: '2001:db8:1::/64', mtu: 1380, defaultRoute: 'first' })
    expect([await kernel.call('wayOut', 4), await kernel.call('wayOut', 6)]).toEqual([
      { family: 4, dev: 'eth1', mtuBytes: 1380, source: '198.51.100.1' },
      { family: 6, dev: 'eth1', mtuBytes: 1380, source: '2001:db8:1::1' },
    ])
    // A full-tunnel VPN: two halves, with a smaller MTU of their own.
    await host.sh('ip route add 0.0.0.0/1 dev eth0 mtu 1300; ip route add 128.0.0.0/1 dev eth0 mtu 1300')
    expect(await kernel.call('wayOut', 4)).toEqual({
      family: 4,
      dev: 'eth0',
      mtuBytes: 1300,
      source: '192.0.2.1',
    })
  })
})

describe('surroundings', () => {
  it('are links, routes and policy rules in full, in the words of ip', async () => {
    await using lab = await createLab()
    const { box, kernel } = await bench(lab)
    await box.sh(`set -e
      ip link add br7 type bridge
      ip link add p0 address 02:00:00:00:00:01 mtu 1400 txqueuelen 77 type veth peer name p1
      ip link set p0 promisc on allmulticast on alias "to the world"
      ip link set p0 addrgenmode none up
      ip link set p1 master br7 up
      ip address add 10.9.0.2/24 dev p0
      ip address add 2001:db8::2/64 dev p0 nodad
      ip route add default via 10.9.0.1 dev p0 proto dhcp metric 5
      ip route add 10.50.0.0/16 via 10.9.0.1 table 100 proto static
      ip route add 10.51.0.0/16 dev p0 src 10.9.0.2 table 5000
      ip route add blackhole 10.66.0.0/16
      ip route add 10.77.0.0/16 nexthop via 10.9.0.1 nexthop via 10.9.0.4
      ip rule add from 10.9.0.2 lookup 100 priority 32000
      ip rule add from 10.9.0.0/24 lookup 5000 priority 32001`)
    const { devices, routes, rules } = await kernel.call<Surroundings>('surroundings', box.netns)
    const { index, addresses, ...p0 } = devices.find(({ name }) => name === 'p0') ?? devices[0] ?? {}
    expect(p0).toEqual({
      name: 'p0',
      kind: 'veth',
      mac: '02:00:00:00:00:01',
      mtuBytes: 1400,
      up: true,
      promisc: true,
      allmulti: true,
      queueLength: 77,
      alias: 'to the world',
    })
    expect(addresses).toEqual(['10.9.0.2/24', '2001:db8::2/64'])
    expect(devices.find(({ name }) => name === 'p1')?.master).toBe('br7')
    expect(index).toBeGreaterThan(1)
    // Several ways, and none at all, are no routes by a link.
    expect(routes.filter(({ to }) => !to.includes(':'))).toEqual([
      { to: '10.50.0.0/16', via: '10.9.0.1', dev: 'p0', table: '100', protocol: 'static' },
      { to: '10.51.0.0/16', dev: 'p0', source: '10.9.0.2', table: '5000', scope: 'link' },
      { to: '0.0.0.0/0', via: '10.9.0.1', dev: 'p0', metric: 5, protocol: 'dhcp' },
      { to: '10.9.0.0/24', dev: 'p0', source: '10.9.0.2', scope: 'link', protocol: 'kernel' },
    ])
    expect(routes).toContainEqual({ to: '2001:db8::/64', dev: 'p0', metric: 256, protocol: 'kernel' })
    expect(rules).toEqual([
      { family: 4, priority: 0, from: 'all', table: 'local' },
      { family: 4, priority: 32_000, from: '10.9.0.2', table: '100' },
      { family: 4, priority: 32_001, from: '10.9.0.0', table: '5000' },
      { family: 4, priority: 32_766, from: 'all', table: 'main' },
      { family: 4, priority: 32_767, from: 'all', table: 'default' },
      { family: 6, priority: 0, from: 'all', table: 'local' },
      { family: 6, priority: 32_766, from: 'all', table: 'main' },
    ])
  })
})
