import { describe, expect, it } from 'vitest'
import type { SetupRequest } from '../../../lib/model/attachment.ts'
import { portsOverlap } from '../../../lib/model/portoverlap.ts'
import { decodeSetupRequest } from '../../../lib/model/request.ts'
import { parsePublish } from '../../../lib/model/specs/publish.ts'
import { readSysctlKey, sysctlPath } from '../../../lib/model/sysctl.ts'
import { validateSetup } from '../../../lib/model/validate.ts'
import { faultLines, faultOf } from './fault.ts'

const request = (rest: object = {}): SetupRequest =>
  decodeSetupRequest({ sandbox: '/proc/42/ns/net', ...rest })

/** As a JavaScript caller might pass it: no decoder has looked at it. */
const raw = (rest: object): SetupRequest => ({ ...request(), ...rest })

const faults = (bad: readonly SetupRequest[]): string[] =>
  bad.map((one) => {
    const { code, field, message, hint } = faultOf(() => validateSetup(one))
    return `${code} ${field} | ${message} | ${hint}`
  })

describe('a request', () => {
  it('that says nothing special passes', () => {
    const good = [
      request(),
      request({
        networks: ['web', 'db'],
        publish: ['80', '80', '8080:80', '8080:80/udp', '127.0.0.1:9090:80'],
      }),
      request({ publish: ['127.0.0.1:80:80', '127.0.0.2:80:80', '0.0.0.0:81:80', '[::]:81:80'] }),
      request({ mode: 'host', publish: ['80'], ignorePublish: true }),
      request({ mode: 'none', expose: ['80'] }),
      request({ mode: 'container:web' }),
    ]
    expect(good.map(validateSetup)).toEqual(good.map(() => undefined))
  })

  it('that wants what its mode cannot give is refused', () => {
    expect(
      faults([
        request({ mode: 'host', publish: ['80'] }),
        request({ mode: 'none', publishAll: true }),
        request({ mode: 'container:web', publish: ['80'] }),
        request({ mode: 'host', networks: ['web'] }),
        request({ mode: 'host', sysctls: { 'net.core.somaxconn': 1 } }),
        request({ mode: 'container' }),
        request({ mode: 'bridge', shareWith: 'web' }),
      ]),
    ).toMatchInlineSnapshot(`
      [
        "TSNET_MODE_MISMATCH publish | reading publish: mode host publishes nothing: the container listens on the host itself | leave the ports out, or add --ignore-publish",
        "TSNET_MODE_MISMATCH publish | reading publish: mode none publishes nothing: the container is on no network | leave the ports out, or add --ignore-publish",
        "TSNET_MODE_MISMATCH publish | reading publish: mode container publishes nothing: the ports belong to the container whose sandbox is shared | leave the ports out, or add --ignore-publish",
        "TSNET_MODE_MISMATCH networks | reading networks: mode host joins no networks | leave the networks out",
        "TSNET_MODE_MISMATCH sysctls | reading sysctls: mode host has the host's own settings | set them on the host with sysctl(8)",
        "TSNET_BAD_VALUE shareWith | reading shareWith: mode container needs the container whose sandbox is shared | write --network container:ID",
        "TSNET_MODE_MISMATCH shareWith | reading shareWith: mode bridge shares no sandbox | use mode container, or leave shareWith out",
      ]
    `)
  })

  it('that says one thing twice is refused with both places', () => {
    expect(
      faults([
        request({ networks: ['web', 'db', 'web'] }),
        request({ networks: ['web:ifname=eth0', 'db:ifname=eth0'] }),
        request({ networks: ['web:ip=10.0.0.5', 'db:ip=10.0.0.5'] }),
        request({ networks: ['web:mac=02:00:00:00:00:01', 'db:mac=02:00:00:00:00:01'] }),
        request({ publish: ['80', '8080:80', '8080:81'] }),
        request({ publish: ['8000-8010:80-90', '127.0.0.1:8010:80'] }),
        request({ publish: ['0.0.0.0:80:80', '10.0.0.1:80:80'] }),
      ]),
    ).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE networks[2].network | reading networks[2].network: network "web" is joined twice, first in networks[0].network | change or drop one of the two",
        "TSNET_BAD_VALUE networks[1].ifname | reading networks[1].ifname: interface name "eth0" is given twice, first in networks[0].ifname | change or drop one of the two",
        "TSNET_BAD_VALUE networks[1].ip | reading networks[1].ip: address 10.0.0.5 is given twice, first in networks[0].ip | change or drop one of the two",
        "TSNET_BAD_VALUE networks[1].mac | reading networks[1].mac: MAC 02:00:00:00:00:01 is given twice, first in networks[0].mac | change or drop one of the two",
        "TSNET_BAD_VALUE publish[2] | reading publish[2]: 8080:81 and 8080:80 want the same port of the host | give them different host ports or addresses",
        "TSNET_BAD_VALUE publish[1] | reading publish[1]: 127.0.0.1:8010:80 and 8000-8010:80-90 want the same port of the host | give them different host ports or addresses",
        "TSNET_BAD_VALUE publish[1] | reading publish[1]: 10.0.0.1:80:80 and 0.0.0.0:80:80 want the same port of the host | give them different host ports or addresses",
      ]
    `)
  })

  it('that no decoder has looked at is read again, value by value', () => {
    const endpoint = (rest: object): SetupRequest => raw({ networks: [{ network: 'web', ...rest }] })
    const mapping = (rest: object): SetupRequest =>
      raw({ publish: [{ containerPort: 80, count: 1, protocol: 'tcp', ...rest }] })
    expect(
      faults([
        raw({ sandbox: { path: 'ns' } }),
        raw({ container: { id: '../x' } }),
        raw({ container: { name: 'a b' } }),
        raw({ container: { hostname: 'a_b.' } }),
        endpoint({ network: '../x' }),
        endpoint({ ifname: 'x'.repeat(16) }),
        endpoint({ addresses: ['10.0.0.1', '10.0.0.2'] }),
        endpoint({ addresses: ['010.0.0.1'] }),
        endpoint({ addresses: ['FD00::5'] }),
        endpoint({ mac: '02-00-00-00-00-01' }),
        endpoint({ mac: 'x' }),
        endpoint({ mtuBytes: Number.NaN }),
        endpoint({ aliases: ['ok', 'a b'] }),
        endpoint({ gatewayPriority: 1.5 }),
        mapping({ containerPort: 65_536 }),
        mapping({ count: 0 }),
        mapping({ containerPort: 65_530, count: 10 }),
        mapping({ hostPort: 65_530, count: 10 }),
        mapping({ hostAddress: '::1' }),
        mapping({ protocol: 'icmp' }),
        raw({ expose: [{ port: 80, count: 1.5, protocol: 'tcp' }] }),
        raw({ resolver: { servers: ['x'] } }),
        raw({ sysctls: { 'net/core/somaxconn': '1' } }),
        raw({ resolver: { hosts: [{ name: 'a b', address: '10.0.0.1' }] } }),
        raw({ sysctls: { 'net.core.somaxconn': '1\nkernel.x=1' } }),
      ]),
    ).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE sandbox.path | reading sandbox.path: "ns" is no absolute path | give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns",
        "TSNET_BAD_VALUE container.id | reading container.id: "../x" is no name or id of a container | use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
        "TSNET_BAD_VALUE container.name | reading container.name: "a b" is no name or id of a container | use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
        "TSNET_BAD_VALUE container.hostname | reading container.hostname: "a_b." is no host name | use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE networks[0].network | reading networks[0].network: "../x" is no name for a network | use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
        "TSNET_BAD_VALUE networks[0].ifname | reading networks[0].ifname: interface name "xxxxxxxxxxxxxxxx" is 16 bytes long, the kernel takes 15 | choose another, such as eth0",
        "TSNET_BAD_VALUE networks[0].ip | reading networks[0].ip: two IPv4 addresses for one interface | give at most one per family",
        "TSNET_BAD_VALUE networks[0].ip | reading networks[0].ip: "010.0.0.1" is no IP address | write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2",
        "TSNET_BAD_VALUE networks[0].ip6 | reading networks[0].ip6: the value is not in its canonical form | write fd00::5",
        "TSNET_BAD_VALUE networks[0].mac | reading networks[0].mac: the value is not in its canonical form | write 02:00:00:00:00:01",
        "TSNET_BAD_VALUE networks[0].mac | reading networks[0].mac: "x" is no unicast MAC address | write six hex pairs with an even first one, such as 02:42:0a:59:00:02",
        "TSNET_BAD_VALUE networks[0].mtu | reading networks[0].mtu: NaN is no MTU: a number of bytes from 68 to 65535 | leave it out to follow the route out of the host",
        "TSNET_BAD_VALUE networks[0].aliases | reading networks[0].aliases: "a b" is no host name | use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE networks[0].priority | reading networks[0].priority: 1.5 is no whole number | write a whole number",
        "TSNET_BAD_VALUE publish[0].containerPort | reading publish[0].containerPort: "65536" is no port from 1 to 65535 | write a number from 1 to 65535",
        "TSNET_BAD_VALUE publish[0].containerPort | reading publish[0].containerPort: 0 ports from 80 do not fit below 65536 | give a count from 1, or a lower first port",
        "TSNET_BAD_VALUE publish[0].containerPort | reading publish[0].containerPort: 10 ports from 65530 do not fit below 65536 | give a count from 1, or a lower first port",
        "TSNET_BAD_VALUE publish[0].hostPort | reading publish[0].hostPort: 10 ports from 65530 do not fit below 65536 | give a count from 1, or a lower first port",
        "TSNET_NOT_SUPPORTED publish[0].hostAddress | reading publish[0].hostAddress: publishing on [::1]: the kernel does not forward connections to the IPv6 loopback | publish on 127.0.0.1, or on another IPv6 address of the host",
        "TSNET_BAD_VALUE publish[0].protocol | reading publish[0].protocol: "icmp" is no protocol that can be published | use tcp, udp or sctp",
        "TSNET_BAD_VALUE expose[0] | reading expose[0]: 1.5 ports from 80 do not fit below 65536 | give a count from 1, or a lower first port",
        "TSNET_BAD_VALUE dns.servers | reading dns.servers: "x" is no IP address | write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2",
        "TSNET_BAD_VALUE sysctls | reading sysctls: the value is not in its canonical form | write net.core.somaxconn",
        "TSNET_BAD_VALUE hosts | reading hosts: "a b" is no host name | use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE sysctls | reading sysctls: net.core.somaxconn has a value of several lines | write KEY=VALUE",
      ]
    `)
  })
})

describe('published ranges', () => {
  const meet = (a: string, b: string): boolean => {
    const [x, y] = [a, b].map((spec) => ({ hostPort: 0, ...parsePublish(spec) })) as [never, never]
    return portsOverlap(x, y)
  }

  it('meet where protocol, ports and addresses do', () => {
    const pairs = [
      ['80:80', '80:81'],
      ['80:80', '10.0.0.1:80:80'],
      ['0.0.0.0:80:80', '10.0.0.1:80:80'],
      ['[::]:80:80', '[fd00::1]:80:80'],
      ['80-89:80-89', '89:1'],
      ['80-89:80-89', '70-80:70-80'],
    ] as const
    expect(pairs.filter(([a, b]) => !(meet(a, b) && meet(b, a)))).toEqual([])
  })

  it('do not meet otherwise', () => {
    const pairs = [
      ['80:80', '80:80/udp'],
      ['80-89:80-89', '90:1'],
      ['10.0.0.1:80:80', '10.0.0.2:80:80'],
      ['0.0.0.0:80:80', '[::]:80:80'],
      ['0.0.0.0:80:80', '[fd00::1]:80:80'],
    ] as const
    expect(pairs.filter(([a, b]) => meet(a, b) || meet(b, a))).toEqual([])
  })
})

describe('a sysctl key', () => {
  it('is dotted, whichever way it was written, and leads to its file', () => {
    const texts = [
      'net.core.somaxconn',
      'net/core/somaxconn',
      'net/ipv4/conf/eth0.1/rp_filter',
      'net.ipv4.conf.eth0/1.rp_filter',
    ]
    const keys = texts.map((text) => readSysctlKey(text, '--sysctl'))
    expect(keys).toEqual([
      'net.core.somaxconn',
      'net.core.somaxconn',
      'net.ipv4.conf.eth0/1.rp_filter',
      'net.ipv4.conf.eth0/1.rp_filter',
    ])
    expect(keys.map(sysctlPath)).toEqual([
      'net/core/somaxconn',
      'net/core/somaxconn',
      'net/ipv4/conf/eth0.1/rp_filter',
      'net/ipv4/conf/eth0.1/rp_filter',
    ])
  })

  it('outside net. or of a strange form is refused', () => {
    const bad = [
      'kernel.hostname',
      'vm/swappiness',
      'net',
      'net.',
      'net..x',
      'net/../kernel/x',
      '../net/x',
      'net.a b',
      '/net/x',
      'net.x/',
      '',
    ]
    expect(faultLines(bad, (text) => readSysctlKey(text, '--sysctl'))).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE reading --sysctl: "kernel.hostname" does not belong to a network namespace; only keys that begin with net. can be set for one container",
        "TSNET_BAD_VALUE reading --sysctl: "vm/swappiness" does not belong to a network namespace; only keys that begin with net. can be set for one container",
        "TSNET_BAD_VALUE reading --sysctl: "net" is no sysctl key; write it as sysctl -a prints it, such as net.core.somaxconn",
        "TSNET_BAD_VALUE reading --sysctl: "net." is no sysctl key; write it as sysctl -a prints it, such as net.core.somaxconn",
        "TSNET_BAD_VALUE reading --sysctl: "net..x" is no sysctl key; write it as sysctl -a prints it, such as net.core.somaxconn",
        "TSNET_BAD_VALUE reading --sysctl: "net/../kernel/x" is no sysctl key; write it as sysctl -a prints it, such as net.core.somaxconn",
        "TSNET_BAD_VALUE reading --sysctl: "../net/x" is no sysctl key; write it as sysctl -a prints it, such as net.core.somaxconn",
        "TSNET_BAD_VALUE reading --sysctl: "net.a b" is no sysctl key; write it as sysctl -a prints it, such as net.core.somaxconn",
        "TSNET_BAD_VALUE reading --sysctl: "/net/x" is no sysctl key; write it as sysctl -a prints it, such as net.core.somaxconn",
        "TSNET_BAD_VALUE reading --sysctl: "net.x/" is no sysctl key; write it as sysctl -a prints it, such as net.core.somaxconn",
        "TSNET_BAD_VALUE reading --sysctl: "" is no sysctl key; write it as sysctl -a prints it, such as net.core.somaxconn",
      ]
    `)
  })
})
