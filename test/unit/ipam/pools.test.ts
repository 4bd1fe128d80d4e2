import { describe, expect, it } from 'vitest'
import { checkSubnet } from '../../../lib/ipam/overlap.ts'
import { chooseSubnets } from '../../../lib/ipam/pools.ts'
import { resolveSubnets } from '../../../lib/ipam/subnets.ts'
import type { Address, Cidr, Subnet } from '../../../lib/model/address.ts'
import type { SubnetRequest } from '../../../lib/model/network.ts'
import type { HostFacts } from '../../../lib/plan/facts.ts'
import { faultOf } from '../model/fault.ts'

type Host = Pick<HostFacts, 'addresses' | 'routes'>

const host = (routes: readonly string[] = [], addresses: readonly string[] = []): Host => ({
  routes: routes.map((to) => ({ to: to as Subnet, via: '192.0.2.1' as Address, dev: 'eth0', metric: 0 })),
  addresses: addresses.map((cidr) => ({ dev: 'eth1', cidr: cidr as Cidr })),
})

const choose = (facts: Host, taken: readonly string[] = [], seed = 'host web'): string[] =>
  chooseSubnets({ facts, taken: taken as Subnet[], ipv6: true, seed }).map(
    ({ subnet, gateway }) => `${subnet} ${gateway}`,
  )

const fault = (attempt: () => unknown): string => {
  const { code, field, message, hint } = faultOf(attempt)
  return `${code} ${field} | ${message} | ${hint}`
}

describe('the subnets of a network that names none', () => {
  it('are the first /24 of the pool and a ULA /64 that the seed decides', () => {
    expect(choose(host())).toMatchInlineSnapshot(`
      [
        "10.89.0.0/24 10.89.0.1",
        "fdc0:ebe4:145f:26d::/64 fdc0:ebe4:145f:26d::1",
      ]
    `)
    expect([choose(host()), choose(host(), [], 'other web')[1] === choose(host())[1]]).toEqual([
      choose(host()),
      false,
    ])
  })

  it('are IPv4 only where IPv6 is not asked for', () => {
    expect(chooseSubnets({ facts: host(), taken: [], ipv6: false, seed: '' })).toEqual([
      { subnet: '10.89.0.0/24', gateway: '10.89.0.1' },
    ])
  })

  it('overlap no route, no address and no other network', () => {
    const facts = host(['10.89.0.0/23', '10.89.3.128/25'], ['10.89.2.77/32'])
    expect(choose(facts, ['10.89.4.0/24'])[0]).toBe('10.89.5.0/24 10.89.5.1')
    const [, ula = ''] = choose(host())
    expect(choose(host([ula.split(' ')[0] ?? '']))[1]).not.toBe(ula)
  })

  it('come from the second pool where the first is routed elsewhere', () => {
    expect(choose(host(['10.0.0.0/8', '172.28.0.0/16']))[0]).toBe('172.29.0.0/24 172.29.0.1')
  })

  it('are found beside the default-like routes of a full-tunnel VPN', () => {
    const routes = ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '::/0', '::/1', '8000::/1', '2000::/3']
    expect(choose(host(routes))).toEqual(choose(host()))
  })

  it('run out with an error that says where to look', () => {
    expect([
      fault(() => choose(host(['10.0.0.0/8', '172.16.0.0/12']))),
      fault(() => choose(host(['fd00::/8']))),
    ]).toMatchInlineSnapshot(`
      [
        "TSNET_POOL_EXHAUSTED subnet | choosing a subnet: every candidate for a /24 of 10.89.0.0/16 and 172.28.0.0/14 overlaps a route, an address or a network of this host | give one with --subnet; "ip route" and "tsnet network ls" show what is in use",
        "TSNET_POOL_EXHAUSTED subnet | choosing a subnet: every candidate for an IPv6 /64 of fd00::/8 overlaps a route, an address or a network of this host | give one with --subnet; "ip route" and "tsnet network ls" show what is in use",
      ]
    `)
  })
})

describe('a subnet that overlaps something', () => {
  it('is refused with what it overlaps', () => {
    const facts = host(['10.0.0.0/8'], ['192.168.1.5/24'])
    const networks = [{ network: 'web', subnet: '10.90.0.0/24' as Subnet }]
    expect(
      ['10.90.0.0/16', '10.91.0.0/24', '192.168.0.0/16'].map((subnet) =>
        fault(() => checkSubnet(subnet as Subnet, facts, networks)),
      ),
    ).toMatchInlineSnapshot(`
      [
        "TSNET_SUBNET_OVERLAP subnet | checking subnet 10.90.0.0/16: it overlaps network web (10.90.0.0/24) | choose another subnet, or leave it out to have a free one chosen",
        "TSNET_SUBNET_OVERLAP subnet | checking subnet 10.91.0.0/24: it overlaps route 10.0.0.0/8 via 192.0.2.1 dev eth0 | choose another subnet, or leave it out to have a free one chosen",
        "TSNET_SUBNET_OVERLAP subnet | checking subnet 192.168.0.0/16: it overlaps address 192.168.1.5/24 of eth1 | choose another subnet, or leave it out to have a free one chosen",
      ]
    `)
  })

  it('is fine where that is only the default route, or the bridge of the network itself', () => {
    const facts = host(['0.0.0.0/0', '10.90.0.0/24'], [])
    const subnet = '10.90.0.0/24' as Subnet
    expect(checkSubnet(subnet, facts, [], { except: 'eth0' })).toBe(undefined)
    expect(checkSubnet('10.91.0.0/24' as Subnet, facts, [])).toBe(undefined)
  })
})

describe('a subnet as it is asked for', () => {
  const request = (subnet: string, rest: object = {}): SubnetRequest => ({
    subnet: subnet as Subnet,
    ...rest,
  })

  it('gets the first free address as its gateway', () => {
    const requests = [
      request('10.90.0.0/24', { range: '10.90.0.128/25', reserved: { nas: '10.90.0.1' } }),
      request('fd90::/64'),
    ]
    expect(resolveSubnets(requests)).toEqual([
      {
        subnet: '10.90.0.0/24',
        gateway: '10.90.0.2',
        range: '10.90.0.128/25',
        reserved: { nas: '10.90.0.1' },
      },
      { subnet: 'fd90::/64', gateway: 'fd90::1' },
    ])
    expect(resolveSubnets([request('10.90.0.0/31', { gateway: '10.90.0.1' })])).toEqual([
      { subnet: '10.90.0.0/31', gateway: '10.90.0.1' },
    ])
  })

  it('is refused where it cannot work, with the field', () => {
    const bad: SubnetRequest[][] = [
      [request('10.90.0.0/24'), request('10.91.0.0/24')],
      [request('10.90.0.1/24')],
      [request('10.0.0.0/7')],
      [request('10.90.0.0/32')],
      [request('fd90::/128')],
      [request('2000::/8')],
      [request('127.0.0.0/24')],
      [request('224.0.0.0/24')],
      [request('fe80::/64')],
      [request('10.90.0.0/24', { gateway: '10.91.0.1' })],
      [request('10.90.0.0/24', { gateway: '10.90.0.255' })],
      [request('10.90.0.0/24', { gateway: '10.90.0.0' })],
      [request('10.90.0.0/24', { gateway: 'fd90::1' })],
      [request('fd90::/64', { gateway: 'fd90::' })],
      [request('10.90.0.0/24', { range: '10.91.0.0/25' })],
      [request('10.90.0.0/24', { range: '10.90.0.0/23' })],
      [request('10.90.0.0/24', { range: '10.90.0.1/32' })],
      [request('10.90.0.0/24', { reserved: { nas: '10.91.0.1' } })],
      [request('10.90.0.0/24', { gateway: '10.90.0.5', reserved: { nas: '10.90.0.5' } })],
      [request('10.90.0.0/31', { reserved: { a: '10.90.0.0', b: '10.90.0.1' } })],
      [request('10.90.0.0/31', { reserved: { a: '10.90.0.0' } })],
    ]
    expect(bad.map((requests) => fault(() => resolveSubnets(requests)))).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE subnets[1] | reading subnets[1]: 10.91.0.0/24 is a second IPv4 subnet | give at most one per family",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: 10.90.0.1/24 is no prefix | write it as 10.90.0.0/24 or fd00:90::/64",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: 10.0.0.0/7 is too large | give a prefix of /8 or longer",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: 10.90.0.0/32 is too small | give a prefix of /31 or shorter",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: fd90::/128 is too small | give a prefix of /127 or shorter",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: 2000::/8 is too large | give a prefix of /16 or longer",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: 127.0.0.0/24 overlaps 127.0.0.0/8 (loopback) | choose a private one, such as 10.90.0.0/24",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: 224.0.0.0/24 overlaps 224.0.0.0/3 (multicast and reserved) | choose a private one, such as 10.90.0.0/24",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: fe80::/64 overlaps fe80::/10 (link-local) | choose a private one, such as fd00:90::/64",
        "TSNET_BAD_VALUE subnets[0].gateway | reading subnets[0].gateway: 10.91.0.1 is outside 10.90.0.0/24 | choose an address of the subnet",
        "TSNET_ADDRESS_UNUSABLE subnets[0].gateway | checking address 10.90.0.255: it is the broadcast address of 10.90.0.0/24 | choose one from 10.90.0.2 to 10.90.0.254, or leave it out",
        "TSNET_ADDRESS_UNUSABLE subnets[0].gateway | checking address 10.90.0.0: it is the network address of 10.90.0.0/24 | choose one from 10.90.0.2 to 10.90.0.254, or leave it out",
        "TSNET_BAD_VALUE subnets[0].gateway | reading subnets[0].gateway: fd90::1 is outside 10.90.0.0/24 | choose an address of the subnet",
        "TSNET_ADDRESS_UNUSABLE subnets[0].gateway | checking address fd90::: it is the subnet-router anycast address of fd90::/64 (RFC 4291) | choose one from fd90::2 to fd90::ffff:ffff:ffff:ffff, or leave it out",
        "TSNET_BAD_VALUE subnets[0].range | reading subnets[0].range: 10.91.0.0/25 is not within 10.90.0.0/24 | give a smaller prefix of the subnet",
        "TSNET_BAD_VALUE subnets[0].range | reading subnets[0].range: 10.90.0.0/23 is not within 10.90.0.0/24 | give a smaller prefix of the subnet",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: 10.90.0.1/32 has no address left for a container | give a larger one, or reserve fewer addresses",
        "TSNET_BAD_VALUE subnets[0].reserved | reading subnets[0].reserved: 10.91.0.1 for "nas" is outside 10.90.0.0/24 | reserve addresses of the subnet",
        "TSNET_BAD_VALUE subnets[0].gateway | reading subnets[0].gateway: 10.90.0.5 is reserved for "nas" too | choose another gateway",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: 10.90.0.0/31 has no address left for a gateway | reserve fewer addresses",
        "TSNET_BAD_VALUE subnets[0] | reading subnets[0]: 10.90.0.0/31 has no address left for a container | give a larger one, or reserve fewer addresses",
      ]
    `)
  })
})
