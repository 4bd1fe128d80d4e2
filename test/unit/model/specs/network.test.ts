import { describe, expect, it } from 'vitest'
import {
  combineNetworkFlags,
  parseNetworkFlag,
  parseNetworkSpec,
} from '../../../../lib/model/specs/network.ts'
import { faultLines, faultOf } from '../fault.ts'

describe('a network spec', () => {
  it('reads every setting', () => {
    const spec =
      'web:ip=10.90.0.5,ip6=FD00::5,mac=02-42-0A-5A-00-05,ifname=net0,alias=db,alias=db.local,mtu=1400,priority=-1'
    expect(parseNetworkSpec(spec)).toEqual({
      network: 'web',
      addresses: ['10.90.0.5', 'fd00::5'],
      mac: '02:42:0a:5a:00:05',
      ifname: 'net0',
      aliases: ['db', 'db.local'],
      mtuBytes: 1400,
      gatewayPriority: -1,
    })
  })

  it('without settings is a name; bridge means the default network', () => {
    expect(['web', 'bridge', 'default', 'bridge:mtu=1400'].map((spec) => parseNetworkSpec(spec))).toEqual([
      { network: 'web' },
      { network: 'tsnet' },
      { network: 'tsnet' },
      { network: 'tsnet', mtuBytes: 1400 },
    ])
  })

  it('that cannot be used says why and what to write', () => {
    const bad = [
      '',
      '/etc',
      'web:',
      'web:ip',
      'web:ip=',
      'web:Ip4=10.0.0.1',
      'web:alias=a b',
      'web:ip=10.0.0.1,ip=10.0.0.2',
      'web:ip=fd00::1',
      'web:ip=10.0.0.1/24',
      'web:ip=127.0.0.1',
      'web:ip=0.0.0.0',
      'web:ip=224.0.0.1',
      'web:ip6=::ffff:10.0.0.1',
      'web:ip6=fe80::1%eth0',
      'web:mac=01:00:5e:00:00:01',
      'web:mtu=60',
      'web:mtu=1e3',
      'web:priority=high',
      'web:ifname=sixteen-letters-',
      'web:ifname=lo',
      'web,db',
      'host:ip=10.0.0.1',
      'container:',
      'container:a b',
    ]
    expect(faultLines(bad, parseNetworkFlag)).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE reading --network: "" is no name for a network; use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
        "TSNET_BAD_VALUE reading --network: "/etc" is no name for a network; use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
        "TSNET_BAD_VALUE reading --network: unknown setting "" in "web:"; known are ip, ip6, mac, ifname, alias, mtu, priority",
        "TSNET_BAD_VALUE reading --network: "ip" has no value in "web:ip"; write ip=VALUE",
        "TSNET_BAD_VALUE reading --network: "ip" has no value in "web:ip="; write ip=VALUE",
        "TSNET_BAD_VALUE reading --network: unknown setting "Ip4" in "web:Ip4=10.0.0.1"; did you mean "ip"?",
        "TSNET_BAD_VALUE reading --network alias: "a b" is no host name; use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE reading --network: "ip" is given twice in "web:ip=10.0.0.1,ip=10.0.0.2"; leave one of them out",
        "TSNET_BAD_VALUE reading --network ip: "fd00::1" is an IPv6 address, IPv4 is wanted here; give IPv6 addresses with ip6",
        "TSNET_BAD_VALUE reading --network ip: "10.0.0.1/24" is no IP address; leave the prefix length out: it is the subnet's",
        "TSNET_BAD_VALUE reading --network ip: 127.0.0.1 is a loopback address; give an address of the subnet, or leave it out to get the next free one",
        "TSNET_BAD_VALUE reading --network ip: 0.0.0.0 is the unspecified address; give an address of the subnet, or leave it out to get the next free one",
        "TSNET_BAD_VALUE reading --network ip: 224.0.0.1 is a multicast or broadcast address; give an address of the subnet, or leave it out to get the next free one",
        "TSNET_BAD_VALUE reading --network ip6: "::ffff:10.0.0.1" is no IP address; write the IPv4 address itself",
        "TSNET_BAD_VALUE reading --network ip6: "fe80::1%eth0" is no IP address; leave the zone id (after "%") out: it means nothing in another namespace",
        "TSNET_BAD_VALUE reading --network mac: "01:00:5e:00:00:01" is no unicast MAC address; write six hex pairs with an even first one, such as 02:42:0a:59:00:02",
        "TSNET_BAD_VALUE reading --network mtu: 60 is no MTU: a number of bytes from 68 to 65535; leave it out to follow the route out of the host",
        "TSNET_BAD_VALUE reading --network mtu: 1e3 is no MTU: a number of bytes from 68 to 65535; leave it out to follow the route out of the host",
        "TSNET_BAD_VALUE reading --network priority: "high" is no whole number of at most nine digits; the network with the highest number gets the default route",
        "TSNET_BAD_VALUE reading --network ifname: interface name "sixteen-letters-" is 16 bytes long, the kernel takes 15; choose another, such as eth0",
        "TSNET_BAD_VALUE reading --network ifname: interface name "lo" is the loopback interface of every sandbox; choose another, such as eth0",
        "TSNET_BAD_VALUE reading --network: "web,db" is no name for a network; use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
        "TSNET_BAD_VALUE reading --network: mode "host" takes no settings, "ip=10.0.0.1" was given; write --network host",
        "TSNET_BAD_VALUE reading --network: "" is no name or id of a container; use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
        "TSNET_BAD_VALUE reading --network: "a b" is no name or id of a container; use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
      ]
    `)
  })
})

describe('network flags', () => {
  it('are a mode, a shared sandbox or an endpoint', () => {
    expect(
      ['host', 'none', 'container:web-1', 'db:ifname=eth7'].map((flag) => parseNetworkFlag(flag)),
    ).toEqual([
      { kind: 'mode', mode: 'host' },
      { kind: 'mode', mode: 'none' },
      { kind: 'share', container: 'web-1' },
      { kind: 'endpoint', request: { network: 'db', ifname: 'eth7' } },
    ])
  })

  it('together make the mode and the networks of a request', () => {
    const combine = (...flags: string[]) => combineNetworkFlags(flags.map((flag) => parseNetworkFlag(flag)))
    expect([combine(), combine('web', 'db'), combine('none'), combine('container:a')]).toEqual([
      { mode: 'bridge', networks: [] },
      { mode: 'bridge', networks: [{ network: 'web' }, { network: 'db' }] },
      { mode: 'none', networks: [] },
      { mode: 'container', shareWith: 'a', networks: [] },
    ])
    expect(faultOf(() => combine('web', 'host'))).toMatchInlineSnapshot(`
      {
        "code": "TSNET_BAD_VALUE",
        "field": "--network",
        "hint": "give a mode alone, or networks only",
        "message": "reading --network: host, none and container:ID cannot be combined with other networks",
      }
    `)
  })
})
