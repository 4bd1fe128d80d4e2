import { describe, expect, it } from 'vitest'
import { candidates, checkStatic, firstUsable } from '../../../lib/ipam/allocator.ts'
import type { Address, Subnet } from '../../../lib/model/address.ts'
import type { IpamSubnet } from '../../../lib/model/network.ts'
import { faultOf } from '../model/fault.ts'

const ip = (text: string): Address => text as Address
const pool = (subnet: string, gateway: string, rest: Partial<IpamSubnet> = {}): IpamSubnet => ({
  subnet: subnet as Subnet,
  gateway: ip(gateway),
  ...rest,
})
const all = (subnet: IpamSubnet, after?: string): string[] => [
  ...candidates(subnet, after === undefined ? undefined : ip(after)),
]

/** The first `count`, without walking the rest. */
function some(subnet: IpamSubnet, count: number, after?: string): string[] {
  const found: string[] = []
  for (const address of candidates(subnet, after === undefined ? undefined : ip(after))) {
    if (found.push(address) === count) break
  }
  return found
}

describe('addresses to hand out', () => {
  it('leave out network, gateway and broadcast', () => {
    expect(all(pool('10.0.0.0/29', '10.0.0.1'))).toEqual([
      '10.0.0.2',
      '10.0.0.3',
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.6',
    ])
  })

  it('follow the last one and go around once', () => {
    const subnet = pool('10.0.0.0/29', '10.0.0.1', { reserved: { printer: ip('10.0.0.5') } })
    expect(all(subnet, '10.0.0.3')).toEqual(['10.0.0.4', '10.0.0.6', '10.0.0.2', '10.0.0.3'])
    expect(all(subnet, '10.0.0.6')).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.6'])
  })

  it('begin at the start where the last one is of another subnet or family', () => {
    expect([
      some(pool('10.0.0.0/29', '10.0.0.1'), 1, '10.9.9.9'),
      some(pool('10.0.0.0/29', '10.0.0.1'), 1, 'fd00::1'),
    ]).toEqual([['10.0.0.2'], ['10.0.0.2']])
  })

  it('stay within the range, whose ends are ordinary addresses', () => {
    const range = '10.0.0.8/30' as Subnet
    expect(all(pool('10.0.0.0/24', '10.0.0.1', { range }), '10.0.0.9')).toEqual([
      '10.0.0.10',
      '10.0.0.11',
      '10.0.0.8',
      '10.0.0.9',
    ])
    expect(all(pool('10.0.0.0/24', '10.0.0.1', { range: '10.0.0.252/30' as Subnet }))).toEqual([
      '10.0.0.252',
      '10.0.0.253',
      '10.0.0.254',
    ])
  })

  it('of the smallest prefixes are both of two', () => {
    expect([
      all(pool('10.0.0.0/31', '10.0.0.0')),
      all(pool('10.0.0.0/30', '10.0.0.1')),
      all(pool('fd00::/127', 'fd00::')),
      all(pool('10.0.0.1/32', '10.0.0.1')),
    ]).toEqual([['10.0.0.1'], ['10.0.0.2'], ['fd00::1'], []])
  })

  it('of IPv6 leave out the anycast address and have no broadcast', () => {
    expect(all(pool('fd00::/125', 'fd00::1'))).toEqual([
      'fd00::2',
      'fd00::3',
      'fd00::4',
      'fd00::5',
      'fd00::6',
      'fd00::7',
    ])
  })

  it('of a /8 or a /64 come one at a time, and follow the last one across its end', () => {
    expect([
      some(pool('10.0.0.0/8', '10.0.0.1'), 2, '10.255.255.253'),
      some(pool('fd00::/64', 'fd00::1'), 2, 'fd00::ffff:ffff:ffff:fffe'),
      some(pool('fd00::/64', 'fd00::1'), 1, 'fd00::ff'),
    ]).toEqual([['10.255.255.254', '10.0.0.2'], ['fd00::ffff:ffff:ffff:ffff', 'fd00::2'], ['fd00::100']])
  })

  it('of a /16 are all of them, each once', () => {
    const addresses = all(pool('10.1.0.0/16', '10.1.0.1'), '10.1.77.0')
    expect([addresses.length, new Set(addresses).size]).toEqual([65_533, 65_533])
  })

  it('of a /64 end after 65,536', () => {
    let count = 0
    for (const _ of candidates(pool('fd00::/64', 'fd00::1'), ip('fd00::5'))) count++
    expect(count).toBe(65_536)
  })
})

describe('a static address', () => {
  const subnet = pool('10.0.0.0/24', '10.0.0.1', {
    range: '10.0.0.128/25' as Subnet,
    reserved: { nas: ip('10.0.0.9') },
  })

  it('may be outside the range', () => {
    expect(checkStatic(subnet, ip('10.0.0.77'))).toBe(undefined)
  })

  it('is refused with the reason and what to choose', () => {
    const v6 = pool('fd00::/64', 'fd00::1')
    const attempts = [
      ...['10.0.1.5', '10.0.0.1', '10.0.0.0', '10.0.0.255', '10.0.0.9', 'fd00::5'].map(
        (text) => () => checkStatic(subnet, ip(text)),
      ),
      ...['fd00::', 'fd01::5'].map((text) => () => checkStatic(v6, ip(text))),
    ]
    expect(
      attempts.map(faultOf).map(({ code, field, message, hint }) => [code, field, message, hint].join(' | ')),
    ).toMatchInlineSnapshot(`
      [
        "TSNET_ADDRESS_UNUSABLE | ip | checking address 10.0.1.5: it is outside subnet 10.0.0.0/24 | choose one from 10.0.0.2 to 10.0.0.254, or leave it out",
        "TSNET_ADDRESS_UNUSABLE | ip | checking address 10.0.0.1: it is the gateway | choose one from 10.0.0.2 to 10.0.0.254, or leave it out",
        "TSNET_ADDRESS_UNUSABLE | ip | checking address 10.0.0.0: it is the network address of 10.0.0.0/24 | choose one from 10.0.0.2 to 10.0.0.254, or leave it out",
        "TSNET_ADDRESS_UNUSABLE | ip | checking address 10.0.0.255: it is the broadcast address of 10.0.0.0/24 | choose one from 10.0.0.2 to 10.0.0.254, or leave it out",
        "TSNET_ADDRESS_UNUSABLE | ip | checking address 10.0.0.9: it is reserved for "nas" | choose one from 10.0.0.2 to 10.0.0.254, or leave it out",
        "TSNET_ADDRESS_UNUSABLE | ip | checking address fd00::5: it is outside subnet 10.0.0.0/24 | choose one from 10.0.0.2 to 10.0.0.254, or leave it out",
        "TSNET_ADDRESS_UNUSABLE | ip6 | checking address fd00::: it is the subnet-router anycast address of fd00::/64 (RFC 4291) | choose one from fd00::2 to fd00::ffff:ffff:ffff:ffff, or leave it out",
        "TSNET_ADDRESS_UNUSABLE | ip6 | checking address fd01::5: it is outside subnet fd00::/64 | choose one from fd00::2 to fd00::ffff:ffff:ffff:ffff, or leave it out",
      ]
    `)
  })
})

describe('a gateway', () => {
  it('is the first address that can be used', () => {
    expect([
      firstUsable('10.0.0.0/24' as Subnet),
      firstUsable('10.0.0.0/24' as Subnet, [ip('10.0.0.1')]),
      firstUsable('fd00::/64' as Subnet),
      firstUsable('10.0.0.0/31' as Subnet),
      firstUsable('10.0.0.0/31' as Subnet, [ip('10.0.0.0'), ip('10.0.0.1')]),
    ]).toEqual(['10.0.0.1', '10.0.0.2', 'fd00::1', '10.0.0.0', undefined])
  })
})
