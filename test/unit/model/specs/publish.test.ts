import { describe, expect, it } from 'vitest'
import { parseExpose } from '../../../../lib/model/specs/expose.ts'
import { formatExpose, formatPublish } from '../../../../lib/model/specs/format.ts'
import { parsePublish } from '../../../../lib/model/specs/publish.ts'
import { faultLines, faultOf } from '../fault.ts'

describe('a publish spec', () => {
  it('reads addresses, ranges, chosen ports and protocols', () => {
    const specs = [
      '80',
      '8080:80',
      '127.0.0.1:8080:80',
      '127.0.0.1::80',
      '[fd00::1]:8080:80',
      '[FD00:0::1]::80/UDP',
      '0.0.0.0:53:53/udp',
      '8000-8009:80-89/sctp',
      '1000-1002',
      '65535:1',
    ]
    expect(specs.map((spec) => parsePublish(spec))).toEqual([
      { containerPort: 80, count: 1, protocol: 'tcp' },
      { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
      { hostAddress: '127.0.0.1', hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
      { hostAddress: '127.0.0.1', containerPort: 80, count: 1, protocol: 'tcp' },
      { hostAddress: 'fd00::1', hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
      { hostAddress: 'fd00::1', containerPort: 80, count: 1, protocol: 'udp' },
      { hostAddress: '0.0.0.0', hostPort: 53, containerPort: 53, count: 1, protocol: 'udp' },
      { hostPort: 8000, containerPort: 80, count: 10, protocol: 'sctp' },
      { containerPort: 1000, count: 3, protocol: 'tcp' },
      { hostPort: 65535, containerPort: 1, count: 1, protocol: 'tcp' },
    ])
  })

  it('that cannot be published says why and what to write', () => {
    const bad = [
      '',
      '0',
      '65536',
      '8080:0',
      'http',
      '80/icmp',
      '80/',
      ':80',
      '8080:',
      '::80',
      '127.0.0.1:80',
      'fd00::1:8080:80',
      '[fd00::1]',
      '[fd00::1]:80',
      '[::1]:8080:80',
      '[fe80::1%eth0]:1:1',
      'localhost:8080:80',
      '224.0.0.1:80:80',
      '8000-8010:80',
      '8000:80-90',
      '90-80',
      '80-',
      '1-2-3',
      '80 ',
      '+80',
      '1e2',
    ]
    expect(faultLines(bad, parsePublish)).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE reading --publish: a port is missing in ""; write a number from 1 to 65535",
        "TSNET_BAD_VALUE reading --publish: "0" is no port from 1 to 65535; write a number from 1 to 65535",
        "TSNET_BAD_VALUE reading --publish: "65536" is no port from 1 to 65535; write a number from 1 to 65535",
        "TSNET_BAD_VALUE reading --publish: "0" is no port from 1 to 65535; write a number from 1 to 65535",
        "TSNET_BAD_VALUE reading --publish: "http" is no port from 1 to 65535; write a number from 1 to 65535",
        "TSNET_BAD_VALUE reading --publish: "icmp" is no protocol that can be published; use tcp, udp or sctp",
        "TSNET_BAD_VALUE reading --publish: "" is no protocol that can be published; use tcp, udp or sctp",
        "TSNET_BAD_VALUE reading --publish: an empty host port in ":80"; write the container port alone to have a host port chosen",
        "TSNET_BAD_VALUE reading --publish: a port is missing in "8080:"; write a number from 1 to 65535",
        "TSNET_BAD_VALUE reading --publish: an empty host address in "::80"; leave the address and its colon out to publish on all",
        "TSNET_BAD_VALUE reading --publish: an address without a host port in "127.0.0.1:80"; write 127.0.0.1:8080:80, or 127.0.0.1::80 for any",
        "TSNET_BAD_VALUE reading --publish: too many colons in "fd00::1:8080:80"; write IPv6 addresses in brackets: [fd00::1]:8080:80",
        "TSNET_BAD_VALUE reading --publish: an address in brackets without ports in "[fd00::1]"; write [fd00::1]:8080:80",
        "TSNET_BAD_VALUE reading --publish: an address without HOSTPORT:PORT behind it in "[fd00::1]:80"; write [fd00::1]:8080:80, or [fd00::1]::80 for any host port",
        "TSNET_NOT_SUPPORTED reading --publish: publishing on [::1]: the kernel does not forward connections to the IPv6 loopback; publish on 127.0.0.1, or on another IPv6 address of the host",
        "TSNET_BAD_VALUE reading --publish: "fe80::1%eth0" is no IP address; leave the zone id (after "%") out: it means nothing in another namespace",
        "TSNET_BAD_VALUE reading --publish: "localhost" is no IP address; write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2",
        "TSNET_BAD_VALUE reading --publish: 224.0.0.1 is a multicast or broadcast address; publish on an address of the host",
        "TSNET_BAD_VALUE reading --publish: 11 ports on the host for 1 port of the container in "8000-8010:80"; give two ranges of the same size, or leave the host port out to have one chosen",
        "TSNET_BAD_VALUE reading --publish: 1 port on the host for 11 ports of the container in "8000:80-90"; give two ranges of the same size, or leave the host port out to have one chosen",
        "TSNET_BAD_VALUE reading --publish: "90-80" is no range of ports; write FIRST-LAST, the lower port first",
        "TSNET_BAD_VALUE reading --publish: a port is missing in "80-"; write a number from 1 to 65535",
        "TSNET_BAD_VALUE reading --publish: "1-2-3" is no range of ports; write FIRST-LAST, the lower port first",
        "TSNET_BAD_VALUE reading --publish: "80 " is no port from 1 to 65535; write a number from 1 to 65535",
        "TSNET_BAD_VALUE reading --publish: "+80" is no port from 1 to 65535; write a number from 1 to 65535",
        "TSNET_BAD_VALUE reading --publish: "1e2" is no port from 1 to 65535; write a number from 1 to 65535",
      ]
    `)
  })

  it('names the field it came from', () => {
    expect(faultOf(() => parsePublish('x', 'publish[3]')).field).toBe('publish[3]')
  })

  it('is written back as it is read', () => {
    const specs = ['80', '80/udp', '8080:80', '127.0.0.1::80', '[fd00::1]:8000-8009:80-89/sctp']
    expect(specs.map((spec) => formatPublish(parsePublish(spec)))).toEqual(specs)
  })
})

describe('an expose spec', () => {
  it('is a port or a range with a protocol, and written back the same', () => {
    expect(['80', '53/UDP', '8000-8009/tcp'].map((spec) => parseExpose(spec))).toEqual([
      { port: 80, count: 1, protocol: 'tcp' },
      { port: 53, count: 1, protocol: 'udp' },
      { port: 8000, count: 10, protocol: 'tcp' },
    ])
    expect(formatExpose(parseExpose('8000-8009/udp'))).toBe('8000-8009/udp')
  })

  it('is refused with a host port', () => {
    expect(faultOf(() => parseExpose('8080:80'))).toMatchInlineSnapshot(`
      {
        "code": "TSNET_BAD_VALUE",
        "field": "--expose",
        "hint": "write a number from 1 to 65535",
        "message": "reading --expose: "8080:80" is no port from 1 to 65535",
      }
    `)
  })
})
