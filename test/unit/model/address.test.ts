import { describe, expect, it } from 'vitest'
import {
  type Address,
  addressOf,
  boundsOf,
  bracketed,
  bytesOf,
  type Cidr,
  contains,
  familyOf,
  fromBytes,
  fromNumber,
  linkLocalOf,
  type Mac,
  macFromAddress,
  overlaps,
  parseAddress,
  parseCidr,
  parseMac,
  parseSubnet,
  prefixLength,
  subnetOf,
  toNumber,
  withPrefix,
} from '../../../lib/model/address.ts'

const address = (text: string): Address => parseAddress(text) as Address
const cidr = (text: string): Cidr => parseCidr(text) as Cidr

describe('an address', () => {
  it('is canonical: lower case, shortest form (RFC 5952)', () => {
    const texts = [
      '10.89.0.2',
      '0.0.0.0',
      '255.255.255.255',
      'FD00:0:0::2',
      '1:0:0:2:0:0:0:3',
      '1:2:3:4:5:6:7::',
      '::',
      '::ffff:1',
    ]
    expect(texts.map(parseAddress)).toEqual([
      '10.89.0.2',
      '0.0.0.0',
      '255.255.255.255',
      'fd00::2',
      '1:0:0:2::3',
      '1:2:3:4:5:6:7:0',
      '::',
      '::ffff:1',
    ])
  })

  it('of IPv6 is written as the rest of the world writes it', () => {
    // Every pattern of zero and other groups; the URL standard has RFC 5952's form.
    for (let pattern = 0; pattern < 256; pattern++) {
      const groups = Array.from({ length: 8 }, (_, i) => ((pattern >> i) & 1 ? 0xa0 + i : 0))
      const long = groups.map((group) => group.toString(16).padStart(4, '0')).join(':')
      const short = new URL(`http://[${long}]`).hostname.slice(1, -1)
      const bytes = Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]))
      expect([fromBytes(bytes), parseAddress(long), parseAddress(short)]).toEqual([short, short, short])
      expect(fromNumber(6, toNumber(short as Address))).toBe(short)
      expect(bytesOf(short as Address)).toEqual(bytes)
    }
  })

  it('is refused in the spellings people disagree about', () => {
    const bad = [
      ...[
        '',
        '10.1',
        '010.0.0.1',
        '10.0.0.256',
        '10.0.0.1.',
        '.10.0.0.1',
        '10.0.0',
        '1.2.3.4.5',
        '10.0.0.1/24',
        ' 10.0.0.1',
        '0x0a.0.0.1',
        '10.0.0.1\n',
      ],
      ...[
        '::ffff:10.0.0.1',
        '::ffff:a00:1',
        '::FFFF:0:0',
        '::10.0.0.1',
        '64:ff9b::10.0.0.1',
        'fe80::1%eth0',
        '[::1]',
        '1::2::3',
        '1:2:3:4:5:6:7',
        '1:2:3:4:5:6:7:8:9',
        ':::',
        'g::',
        '::12345',
      ],
    ]
    expect(bad.filter((text) => parseAddress(text) !== undefined)).toEqual([])
  })

  it('becomes bytes and a number, and back', () => {
    for (const text of ['10.89.0.2', '255.0.255.0', '::', 'fd00:1:2:3:4:5:6:7', '2001:db8::ffff']) {
      const one = address(text)
      expect([fromBytes(bytesOf(one)), fromNumber(familyOf(one), toNumber(one))]).toEqual([text, text])
    }
    expect([...bytesOf(address('10.89.0.2'))]).toEqual([10, 89, 0, 2])
    expect(toNumber(address('::1:0'))).toBe(65_536n)
  })

  it('gives a MAC that says which it is', () => {
    expect([macFromAddress(address('10.89.0.2')), macFromAddress(address('fd00::1:2'))]).toEqual([
      '02:42:0a:59:00:02',
      '02:43:00:01:00:02',
    ])
  })

  it('stands in brackets where ports follow, if it is IPv6', () => {
    expect([bracketed(address('10.0.0.1')), bracketed(address('fd00::1'))]).toEqual(['10.0.0.1', '[fd00::1]'])
  })
})

describe('a prefix', () => {
  it('is an address and a length that its family has', () => {
    expect(['10.89.0.2/24', '0.0.0.0/0', 'FD00::2/64', '::/128'].map(parseCidr)).toEqual([
      '10.89.0.2/24',
      '0.0.0.0/0',
      'fd00::2/64',
      '::/128',
    ])
    const bad = [
      '10.0.0.0',
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/8/8',
      '/8',
      '::/129',
      '10.0.0.0/a',
      '10.0.0.0/-1',
      '10.0.0.0/1.5',
    ]
    expect(bad.filter((text) => parseCidr(text) !== undefined)).toEqual([])
  })

  it('is a subnet only without host bits', () => {
    expect(
      ['10.89.0.0/24', '10.89.0.2/24', 'fd00::/64', 'fd00::1/64', '10.89.0.2/32'].map(parseSubnet),
    ).toEqual(['10.89.0.0/24', undefined, 'fd00::/64', undefined, '10.89.0.2/32'])
    expect(['10.89.3.2/22', '10.89.0.2/0', 'fd00::1:0:0:0:5/63'].map((text) => subnetOf(cidr(text)))).toEqual(
      ['10.89.0.0/22', '0.0.0.0/0', 'fd00::/63'],
    )
  })

  it('comes apart and together', () => {
    const one = cidr('10.89.0.2/24')
    expect([addressOf(one), prefixLength(one), withPrefix(addressOf(one), prefixLength(one))]).toEqual([
      '10.89.0.2',
      24,
      one,
    ])
    expect(boundsOf(cidr('0.0.1.7/30'))).toEqual({ first: 260n, last: 263n })
  })

  it('contains its own addresses and meets what it shares addresses with', () => {
    const net = cidr('10.89.0.0/24')
    const inside = ['10.89.0.0', '10.89.0.255', '10.89.1.0', '10.88.255.255', 'fd00::1'].map((text) =>
      contains(net, address(text)),
    )
    expect(inside).toEqual([true, true, false, false, false])
    const meets = ['10.0.0.0/8', '10.89.0.128/25', '10.89.1.0/24', '0.0.0.0/0', '::/0'].map((text) =>
      overlaps(net, cidr(text)),
    )
    expect(meets).toEqual([true, true, false, true, false])
  })
})

describe('a MAC', () => {
  it('gives the link-local address the kernel would give', () => {
    const macs = ['02:42:0a:63:00:02', '00:00:00:00:00:01'].map((text) => parseMac(text) as Mac)
    expect(macs.map(linkLocalOf)).toEqual(['fe80::42:aff:fe63:2/64', 'fe80::200:ff:fe00:1/64'])
  })

  it('is lower case with colons, unicast and not zero', () => {
    expect(['02:42:0A:59:00:02', '02-42-0a-59-00-02'].map(parseMac)).toEqual([
      '02:42:0a:59:00:02',
      '02:42:0a:59:00:02',
    ])
    const bad = [
      '',
      '02:42',
      '01:00:5e:00:00:01',
      '00:00:00:00:00:00',
      'ff:ff:ff:ff:ff:ff',
      '0242.0a59.0002',
      '02:42:0a:59:00:02:',
    ]
    expect(bad.filter((text) => parseMac(text) !== undefined)).toEqual([])
  })
})
