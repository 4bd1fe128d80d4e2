/**
 * `create` of netavark 2: networks checked and completed.
 *
 * @module
 */
import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { netavark } from './netavark.ts'
import type { Json } from './requests.ts'

const id = 'ab'.repeat(32)
const pools = [{ base: '10.89.0.0/16', size: 24 }]

interface Wish {
  readonly network?: Json
  readonly used?: Json
  readonly options?: Json
}

async function create({ network = {}, used = {}, options = {} }: Wish): Promise<Json> {
  const request = {
    network: {
      name: 'front',
      id,
      driver: 'bridge',
      dns_enabled: true,
      internal: false,
      ipv6_enabled: false,
      ...network,
    },
    used: { interfaces: [], names: {}, subnets: [], ...used },
    options: { subnet_pools: pools, default_interface_name: 'tspod', check_used_subnets: true, ...options },
  }
  const { stdout } = await netavark(['create'], { stdin: JSON.stringify(request) })
  const answer = JSON.parse(stdout) as Json
  const { created, ...rest } = answer
  if (rest['error'] === undefined) expect(created).toMatch(/^\d{4}-\d\d-\d\dT/)
  return rest
}

const errorOf = async (wish: Wish): Promise<unknown> => (await create(wish))['error']

describe('create', () => {
  it('gives a network a link, a subnet and a gateway', async () => {
    expect(await create({})).toEqual({
      name: 'front',
      id,
      driver: 'bridge',
      network_interface: 'tspod1',
      subnets: [{ subnet: '10.89.0.0/24', gateway: '10.89.0.1' }],
      ipv6_enabled: false,
      internal: false,
      dns_enabled: true,
      ipam_options: { driver: 'host-local' },
    })
  })

  it('takes the next link and subnet where the first are used', async () => {
    const used = { interfaces: ['tspod1'], names: { tspod2: id }, subnets: ['10.89.0.0/23', '10.89.2.7/32'] }
    expect(await create({ used })).toMatchObject({
      network_interface: 'tspod3',
      subnets: [{ subnet: '10.89.3.0/24', gateway: '10.89.3.1' }],
    })
  })

  it('makes a random /64 for IPv6', async () => {
    const { subnets } = (await create({ network: { ipv6_enabled: true } })) as {
      readonly subnets: readonly { readonly subnet: string }[]
    }
    expect(subnets.map(({ subnet }) => subnet.replace(/^fd.*\/64$/, 'fd/64'))).toEqual([
      '10.89.0.0/24',
      'fd/64',
    ])
  })

  it('leaves a network of IPv6 alone without IPv4', async () => {
    expect(await create({ network: { subnets: [{ subnet: 'fd00:1::/64' }] } })).toMatchObject({
      subnets: [{ subnet: 'fd00:1::/64', gateway: 'fd00:1::1' }],
      ipv6_enabled: true,
    })
  })

  it('gives no gateway to an internal network without names', async () => {
    expect(await create({ network: { internal: true, dns_enabled: false } })).toMatchObject({
      subnets: [{ subnet: '10.89.0.0/24' }],
    })
    const { subnets } = await create({ network: { internal: true, dns_enabled: false } })
    expect(subnets).toEqual([{ subnet: '10.89.0.0/24' }])
  })

  it('knows Docker’s names of options', async () => {
    const options = { 'com.docker.network.driver.mtu': '1400', 'com.docker.network.bridge.name': 'mine' }
    expect(await create({ network: { options } })).toMatchObject({
      network_interface: 'mine',
      options: { mtu: '1400' },
    })
  })

  it.each([
    ['a VLAN', { vlan: '7' }],
    ['an unmanaged bridge', { mode: 'unmanaged' }],
  ])('lets %s share link and subnet with others', async (_, options) => {
    const network = { options, network_interface: 'tspod1', subnets: [{ subnet: '10.89.0.0/24' }] }
    const used = { interfaces: ['tspod1'], subnets: ['10.89.0.0/24'] }
    expect(await create({ network, used })).toMatchObject({ network_interface: 'tspod1' })
  })

  it('chooses dhcp for a macvlan network without subnet, and no names', async () => {
    const [parent] = Object.keys(networkInterfaces())
    expect(await create({ network: { driver: 'macvlan', network_interface: parent } })).toEqual({
      name: 'front',
      id,
      driver: 'macvlan',
      network_interface: parent,
      ipv6_enabled: false,
      internal: false,
      dns_enabled: false,
      ipam_options: { driver: 'dhcp' },
    })
  })

  it('switches names off with ipam none', async () => {
    expect(await create({ network: { ipam_options: { driver: 'none' } } })).toMatchObject({
      dns_enabled: false,
    })
  })

  it('carries what it does not know', async () => {
    const labels = { a: 'b' }
    expect(await create({ network: { labels, later: 1 } })).toMatchObject({ labels, later: 1 })
  })

  it.each<[string, Wish]>([
    [
      'Invalid characters in network name "a b": must match [a-zA-Z0-9][a-zA-Z0-9_.-]*',
      { network: { name: 'a b' } },
    ],
    ['network already exists front', { used: { names: { front: id } } }],
    ['Network id must be a hexadecimal string "ab"', { network: { id: 'ab' } }],
    [
      'Interface name is too long: interface names must be 15 characters or less: a234567890123456',
      { network: { network_interface: 'a234567890123456' } },
    ],
    ['Interface name cannot be . or ..', { network: { network_interface: '..' } }],
    ['Interface name cannot contain "/"', { network: { network_interface: 'a/b' } }],
    [
      'bridge name mine already in use',
      { network: { network_interface: 'mine' }, used: { interfaces: ['mine'] } },
    ],
    [
      'unable to parse "conntrack_limit": "many" is no number of connections, use 1 to 4294967295',
      { network: { options: { protect: 'strict', conntrack_limit: 'many' } } },
    ],
    ['unsupported bridge network option: odd', { network: { options: { odd: '1' } } }],
    ['unsupported vlan network option: odd', { network: { driver: 'macvlan', options: { odd: '1' } } }],
    ['unsupported ipvlan network option bclim', { network: { driver: 'ipvlan', options: { bclim: '1' } } }],
    ['parent interface nope does not exist', { network: { driver: 'macvlan', network_interface: 'nope' } }],
    ['plugin directory not provided', { network: { driver: 'odd' } }],
    ['Unsupported ipam driver: odd', { network: { ipam_options: { driver: 'odd' } } }],
    [
      'None ipam driver is set but subnets are given',
      { network: { ipam_options: { driver: 'none' }, subnets: [{ subnet: '10.1.0.0/24' }] } },
    ],
    ['ipam driver dhcp is not supported with ipvlan', { network: { driver: 'ipvlan' } }],
    [
      'macvlan driver needs at least one subnet specified when the host-local ipam driver is set',
      { network: { driver: 'macvlan', ipam_options: { driver: 'host-local' } } },
    ],
    [
      'ipam driver dhcp set but subnets are set',
      {
        network: {
          driver: 'macvlan',
          ipam_options: { driver: 'dhcp' },
          subnets: [{ subnet: '10.1.0.0/24' }],
        },
      },
    ],
    [
      'cannot use dhcp ipam driver without using the option mode=unmanaged',
      { network: { ipam_options: { driver: 'dhcp' } } },
    ],
    [
      'subnet 10.1.0.0/24 is already used on the host or by another config',
      { network: { subnets: [{ subnet: '10.1.0.0/24' }] }, used: { subnets: ['10.1.0.0/16'] } },
    ],
    [
      'duplicate subnet defined: 10.1.0.0/24',
      { network: { subnets: [{ subnet: '10.1.0.0/24' }, { subnet: '10.1.0.0/24' }] } },
    ],
    [
      'overlapping subnets: 10.1.0.0/16 and 10.1.2.0/24',
      { network: { subnets: [{ subnet: '10.1.0.0/16' }, { subnet: '10.1.2.0/24' }] } },
    ],
    [
      'could not create gateway for subnet 10.1.0.0/31 because it has a 31 or greater subnet prefix',
      { network: { subnets: [{ subnet: '10.1.0.0/31' }] } },
    ],
    [
      'could not create gateway for subnet fd00::1/128 because it has a 128 or greater subnet prefix',
      { network: { subnets: [{ subnet: 'fd00::1/128' }] } },
    ],
    [
      'gateway 10.2.0.1 not in subnet 10.1.0.0/24',
      { network: { subnets: [{ subnet: '10.1.0.0/24', gateway: '10.2.0.1' }] } },
    ],
    [
      'lease range start_ip 10.2.0.9 not in subnet 10.1.0.0/24',
      { network: { subnets: [{ subnet: '10.1.0.0/24', lease_range: { start_ip: '10.2.0.9' } }] } },
    ],
    [
      'lease range start_ip 10.1.0.9 must be less than or equal to end_ip 10.1.0.8',
      {
        network: {
          subnets: [{ subnet: '10.1.0.0/24', lease_range: { start_ip: '10.1.0.9', end_ip: '10.1.0.8' } }],
        },
      },
    ],
    ['could not find free subnet from subnet pools', { options: { subnet_pools: [] } }],
    [
      'route destination invalid',
      { network: { routes: [{ destination: '10.8.0.1/16', gateway: '10.89.0.9' }] } },
    ],
    [
      'route 10.8.0.0/16 requires a gateway for type unicast',
      { network: { routes: [{ destination: '10.8.0.0/16' }] } },
    ],
    [
      'cannot set NetworkDNSServers if DNS is not enabled for the network',
      { network: { dns_enabled: false, network_dns_servers: ['10.0.0.53'] } },
    ],
    [
      'failed to load network create: IO error: invalid type: integer `3`, expected a string at line 1 column 21',
      { network: { name: 3 } },
    ],
  ])('refuses: %s', async (error, wish) => {
    expect(await errorOf(wish)).toBe(error)
  })
})
