import { describe, expect, it } from 'vitest'
import { decodeBridgeOptions, readDriver } from '../../../lib/model/bridgeoptions.ts'
import type { CreateNetworkRequest } from '../../../lib/model/network.ts'
import { decodeCreateNetwork, validateCreateNetwork } from '../../../lib/model/networkrequest.ts'
import { decodeSetupRequest, encodeSetupRequest } from '../../../lib/model/request.ts'
import { faultLines, faultOf } from './fault.ts'

const sandbox = '/proc/42/ns/net'

describe('a setup request as JSON', () => {
  it('needs a sandbox only', () => {
    expect(decodeSetupRequest({ sandbox })).toStrictEqual({
      sandbox: { path: sandbox },
      container: {},
      mode: 'bridge',
      networks: [],
      publish: [],
      expose: [],
      publishAll: false,
      ignorePublish: false,
      resolver: {},
      sysctls: {},
    })
  })

  it('says the mode in one word or two fields', () => {
    const modes = [{ mode: 'host' }, { mode: 'container:web' }, { mode: 'container', shareWith: 'web' }]
    expect(modes.map((mode) => decodeSetupRequest({ sandbox, ...mode }))).toEqual([
      expect.objectContaining({ mode: 'host' }),
      expect.objectContaining({ mode: 'container', shareWith: 'web' }),
      expect.objectContaining({ mode: 'container', shareWith: 'web' }),
    ])
  })

  it('is written so that it reads the same', () => {
    const request = decodeSetupRequest({
      sandbox: { name: 'blue' },
      container: { id: 'a', labels: { x: '1' } },
      networks: [
        'web:ip=10.0.0.5,ip6=fd00::5,mtu=1400,priority=3,alias=db',
        { name: 'back', ifname: 'net1' },
      ],
      publish: ['127.0.0.1::80-81/udp', { containerPort: 443 }],
      expose: ['80', { port: 53, protocol: 'UDP' }],
      publishAll: true,
      dns: { servers: ['fd00::53'], search: ['.'], options: ['ndots:2', 'rotate'] },
      hosts: ['db:10.0.0.9', { name: 'gw', address: 'host-gateway' }],
      sysctls: { 'net/ipv4/conf/eth0.1/forwarding': 1 },
      firewall: 'none',
    })
    expect(decodeSetupRequest(JSON.parse(JSON.stringify(encodeSetupRequest(request))))).toStrictEqual(request)
    expect(request.sysctls).toEqual({ 'net.ipv4.conf.eth0/1.forwarding': '1' })
  })

  it('that cannot be read names the path of the field', () => {
    const bad = [
      {},
      { sandbox: 7 },
      { sandbox: {} },
      { sandbox: { pid: 1, name: 'a' } },
      { sandbox: 'relative' },
      { sandbox, netwroks: [] },
      { sandbox, networks: 'web' },
      { sandbox, networks: [{}] },
      { sandbox, networks: [{ network: 'web', ip: '10.0.0.256' }] },
      { sandbox, networks: ['web', { network: 'web', ip6: '10.0.0.1' }] },
      { sandbox, networks: [{ network: 'web', mtu: 12 }] },
      { sandbox, networks: [{ network: 'host' }] },
      { sandbox, networks: ['web:ipp=1'] },
      { sandbox, publish: [80] },
      { sandbox, publish: ['80', '8080:99999'] },
      { sandbox, publish: [{ hostPort: 80 }] },
      { sandbox, publish: [{ containerPort: 0 }] },
      { sandbox, publish: [{ containerPort: 80, hostAddress: '::1' }] },
      { sandbox, expose: [{ port: 80, protocol: 'icmp' }] },
      { sandbox, publishAll: 'yes' },
      { sandbox, dns: { servers: ['a'] } },
      { sandbox, dns: { search: ['a b'] } },
      { sandbox, dns: { options: ['a b'] } },
      { sandbox, hosts: ['db'] },
      { sandbox, sysctls: { 'kernel.shmmax': 1 } },
      { sandbox, sysctls: { 'net.core.somaxconn': '' } },
      { sandbox, sysctls: { 'net..core': 1 } },
      { sandbox, mode: 'vpn' },
      { sandbox, mode: 'container:' },
      { sandbox, container: { id: 'a/b' } },
      { sandbox, container: { labels: { a: 1 } } },
      { sandbox, firewall: 'nft' },
    ]
    const lines = bad.map((json) => {
      const { code, field, message } = faultOf(() => decodeSetupRequest(json))
      return `${code} ${field} | ${message}`
    })
    expect(lines).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_JSON sandbox | reading sandbox: it is missing, a string or an object is needed",
        "TSNET_BAD_JSON sandbox | reading sandbox: it is 7, a string or an object is needed",
        "TSNET_BAD_VALUE sandbox | reading sandbox: no namespace is given",
        "TSNET_BAD_VALUE sandbox | reading sandbox: a namespace is given in several ways",
        "TSNET_BAD_VALUE sandbox | reading sandbox: "relative" is no absolute path",
        "TSNET_BAD_JSON netwroks | reading netwroks: there is no such field",
        "TSNET_BAD_JSON networks | reading networks: it is "web", a list is needed",
        "TSNET_BAD_JSON networks[0].network | reading networks[0].network: it is missing, a string is needed",
        "TSNET_BAD_VALUE networks[0].ip | reading networks[0].ip: "10.0.0.256" is no IP address",
        "TSNET_BAD_VALUE networks[1].ip6 | reading networks[1].ip6: "10.0.0.1" is an IPv4 address, IPv6 is wanted here",
        "TSNET_BAD_VALUE networks[0].mtu | reading networks[0].mtu: 12 is no MTU: a number of bytes from 68 to 65535",
        "TSNET_BAD_VALUE networks[0].network | reading networks[0].network: "host" means a network mode",
        "TSNET_BAD_VALUE networks[0] | reading networks[0]: unknown setting "ipp" in "web:ipp=1"",
        "TSNET_BAD_JSON publish[0] | reading publish[0]: it is 80, a string or an object is needed",
        "TSNET_BAD_VALUE publish[1] | reading publish[1]: "99999" is no port from 1 to 65535",
        "TSNET_BAD_JSON publish[0].containerPort | reading publish[0].containerPort: it is missing, a whole number from 1 to 65535 is needed",
        "TSNET_BAD_JSON publish[0].containerPort | reading publish[0].containerPort: it is 0, a whole number from 1 to 65535 is needed",
        "TSNET_NOT_SUPPORTED publish[0].hostAddress | reading publish[0].hostAddress: publishing on [::1]: the kernel does not forward connections to the IPv6 loopback",
        "TSNET_BAD_VALUE expose[0].protocol | reading expose[0].protocol: "icmp" is no protocol that can be published",
        "TSNET_BAD_JSON publishAll | reading publishAll: it is "yes", true or false is needed",
        "TSNET_BAD_VALUE dns.servers[0] | reading dns.servers[0]: "a" is no IP address",
        "TSNET_BAD_VALUE dns.search[0] | reading dns.search[0]: "a b" is no host name",
        "TSNET_BAD_VALUE dns.options[0] | reading dns.options[0]: "a b" is no option of resolv.conf",
        "TSNET_BAD_VALUE hosts[0] | reading hosts[0]: "db" has a name and no address",
        "TSNET_BAD_VALUE sysctls | reading sysctls: "kernel.shmmax" does not belong to a network namespace",
        "TSNET_BAD_VALUE sysctls | reading sysctls: net.core.somaxconn has no value",
        "TSNET_BAD_VALUE sysctls | reading sysctls: "net..core" is no sysctl key",
        "TSNET_BAD_JSON mode | reading mode: it is "vpn", one of "bridge", "host", "none", "container" is needed",
        "TSNET_BAD_VALUE mode | reading mode: "" is no name or id of a container",
        "TSNET_BAD_VALUE container.id | reading container.id: "a/b" is no name or id of a container",
        "TSNET_BAD_JSON container.labels.a | reading container.labels.a: it is 1, a string is needed",
        "TSNET_BAD_JSON firewall | reading firewall: it is "nft", one of "iptables", "nftables", "none" is needed",
      ]
    `)
  })
})

describe('a network as JSON', () => {
  it('needs a name only', () => {
    expect(decodeCreateNetwork({ name: 'web' })).toStrictEqual({
      name: 'web',
      driver: 'bridge',
      subnets: [],
      ipv6: false,
      internal: false,
      options: {},
      labels: {},
    })
  })

  it('is refused with the path of the field', () => {
    const bad = [
      {},
      { name: 'none' },
      { name: 'web', driver: 'mac/vlan' },
      { name: 'web', subnets: ['10.90.0.1/24'] },
      { name: 'web', subnets: [{ subnet: '10.90.0.0/24', gateway: '127.0.0.1' }] },
      { name: 'web', subnets: [{ subnet: '10.90.0.0/24', reserved: { a: 'x' } }] },
      { name: 'web', options: { mtu: 20 } },
      { name: 'web', options: { ic: true } },
    ]
    const lines = bad.map((json) => {
      const { code, field, message } = faultOf(() => decodeCreateNetwork(json))
      return `${code} ${field} | ${message}`
    })
    expect(lines).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_JSON name | reading name: it is missing, a string is needed",
        "TSNET_BAD_VALUE name | reading name: "none" means a network mode",
        "TSNET_BAD_VALUE driver | reading driver: "mac/vlan" is no name of a driver",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: 10.90.0.1/24 has bits set beyond its prefix length",
        "TSNET_BAD_VALUE subnets[0].gateway | reading subnets[0].gateway: 127.0.0.1 is a loopback address",
        "TSNET_BAD_VALUE subnets[0].reserved.a | reading subnets[0].reserved.a: "x" is no IP address",
        "TSNET_BAD_VALUE options.mtu | reading options.mtu: 20 is no MTU: a number of bytes from 68 to 65535",
        "TSNET_BAD_VALUE options | reading options: unknown option "ic"",
      ]
    `)
  })

  it('is checked together: names, drivers, and an MTU that carries IPv6', () => {
    const base: CreateNetworkRequest = decodeCreateNetwork({ name: 'web' })
    const six = decodeCreateNetwork({ name: 'web', subnets: ['fd90::/64'] }).subnets
    const bad: readonly CreateNetworkRequest[] = [
      { ...base, name: 'a/b' },
      { ...base, driver: 'host' },
      { ...base, options: { bridge: 'name-of-16-bytes' } },
      { ...base, options: { mtuBytes: 1 } },
      { ...base, options: { mtuBytes: 1279 }, ipv6: true },
      { ...base, options: { mtuBytes: 1279 }, subnets: six },
    ]
    expect(
      bad.map((request) => faultOf(() => validateCreateNetwork(request)).message),
    ).toMatchInlineSnapshot(`
      [
        "reading name: "a/b" is no name for a network",
        "creating network web: driver host has nothing to create",
        "reading options.bridge: interface name "name-of-16-bytes" is 16 bytes long, the kernel takes 15",
        "reading options.mtu: 1 is no MTU: a number of bytes from 68 to 65535",
        "reading options.mtu: IPv6 needs an MTU of 1280 bytes, 1279 was given",
        "reading options.mtu: IPv6 needs an MTU of 1280 bytes, 1279 was given",
      ]
    `)
    expect([
      validateCreateNetwork({ ...base, options: { mtuBytes: 1279 } }),
      validateCreateNetwork({ ...base, options: { mtuBytes: 1280 }, subnets: six }),
    ]).toEqual([undefined, undefined])
  })
})

describe('bridge options', () => {
  it('are read from text as flags have it, and from JSON', () => {
    const expected = {
      mtuBytes: 1400,
      bridge: 'br0',
      masquerade: false,
      icc: true,
      hairpin: false,
      isolate: true,
    }
    const text = { mtu: '1400', bridge: 'br0', masquerade: 'false', icc: 'true', hairpin: '0', isolate: '1' }
    const json = { mtu: 1400, bridge: 'br0', masquerade: false, icc: true, hairpin: 0, isolate: 1 }
    expect([
      decodeBridgeOptions(text, '-o'),
      decodeBridgeOptions(json, 'options'),
      decodeBridgeOptions({}, '-o'),
    ]).toEqual([expected, expected, {}])
  })

  it('that are unknown or unusable are refused', () => {
    const bad = [
      '{"Mtu":"1"}',
      '{"vlan":"1"}',
      '{"mtu":"67"}',
      '{"mtu":1400.5}',
      '{"icc":"yes"}',
      '{"bridge":"lo"}',
      '{"bridge":"a/b"}',
      ...['0', '-1', '1.5', '"many"', '1000000000000'].map(
        (limit) => `{"protect":"strict","conntrack-limit":${limit}}`,
      ),
      '{"conntrack-limit":100}',
    ]
    expect(faultLines(bad, (text) => decodeBridgeOptions(JSON.parse(text), '-o'))).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE reading -o: unknown option "Mtu"; did you mean "mtu"?",
        "TSNET_BAD_VALUE reading -o: unknown option "vlan"; known are mtu, bridge, masquerade, icc, hairpin, isolate, gateway-mode-ipv4, gateway-mode-ipv6, protect, conntrack-limit, dns, domain, forwarders, dns-port",
        "TSNET_BAD_VALUE reading -o mtu: 67 is no MTU: a number of bytes from 68 to 65535; leave it out to follow the route out of the host",
        "TSNET_BAD_VALUE reading -o mtu: 1400.5 is no MTU: a number of bytes from 68 to 65535; leave it out to follow the route out of the host",
        "TSNET_BAD_VALUE reading -o icc: "yes" is neither true nor false; write true or false",
        "TSNET_BAD_VALUE reading -o bridge: interface name "lo" is the loopback interface; leave it out to have a name chosen",
        "TSNET_BAD_VALUE reading -o bridge: interface name "a/b" has characters other than letters, digits, "_", "-" and ".", or starts with "-" or "."; leave it out to have a name chosen",
        "TSNET_BAD_VALUE reading -o conntrack-limit: "0" is no number of connections; use a number from 1 to 4294967295",
        "TSNET_BAD_VALUE reading -o conntrack-limit: "-1" is no number of connections; use a number from 1 to 4294967295",
        "TSNET_BAD_VALUE reading -o conntrack-limit: "1.5" is no number of connections; use a number from 1 to 4294967295",
        "TSNET_BAD_VALUE reading -o conntrack-limit: "many" is no number of connections; use a number from 1 to 4294967295",
        "TSNET_BAD_VALUE reading -o conntrack-limit: "1000000000000" is no number of connections; use a number from 1 to 4294967295",
        "TSNET_BAD_VALUE reading -o: conntrack-limit is of protected networks; add protect=strict, or leave it out",
      ]
    `)
    expect(faultLines(['mac/vlan'], (text) => readDriver(text, '--driver'))).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE reading --driver: "mac/vlan" is no name of a driver; use bridge",
      ]
    `)
  })
})

describe('options of a driver that is not ours', () => {
  it('are kept as text, but for mtu, which every network has', () => {
    expect(
      decodeCreateNetwork({
        name: 'lan',
        driver: 'macvlan',
        options: { parent: 'eth0', mtu: 9000, vlan: 7 },
      }),
    ).toEqual({
      name: 'lan',
      driver: 'macvlan',
      subnets: [],
      ipv6: false,
      internal: false,
      options: { mtuBytes: 9000 },
      driverOptions: { parent: 'eth0', vlan: '7' },
      labels: {},
    })
  })
})
