/**
 * Addresses, subnets and routes of one network of a call, checked in netavark's
 * words.
 *
 * @module
 */

import {
  type Address,
  type Cidr,
  contains,
  familyOf,
  type Mac,
  overlaps,
  parseMac,
  prefixLength,
  withPrefix,
} from '../../model/address.ts'
import type { Attaching } from './call.ts'
import { NetavarkError } from './errors.ts'
import type { Generation } from './options.ts'
import type { Network, NetworkRoute, NetworkSubnet } from './request.ts'

type Wish = Pick<Attaching, 'network' | 'joining' | 'options'>

/** netavark 1 calls mistakes in addresses errors of input and output. */
const mistake = (generation: Generation, text: string): NetavarkError =>
  new NetavarkError(generation === 1 ? `IO error: ${text}` : text)

/** @throws NetavarkError */
export function staticMac({ joining, options: { generation } }: Wish): Mac | undefined {
  const text = joining.staticMac
  if (text === undefined) return undefined
  const parts = text.split(/[:-]/)
  const bad = parts.find((part) => !/^[0-9a-fA-F]{1,2}$/.test(part))
  if (bad !== undefined) {
    const why =
      bad === ''
        ? 'cannot parse integer from empty string'
        : /^[0-9a-fA-F]+$/.test(bad)
          ? 'number too large to fit in target type'
          : 'invalid digit found in string'
    throw mistake(generation, `unable to parse mac address ${text}: ${why}`)
  }
  if (parts.length !== 6) throw mistake(generation, `invalid mac length for address: ${text}`)
  const mac = parseMac(parts.map((part) => part.padStart(2, '0')).join(':'))
  if (mac !== undefined) return mac
  throw mistake(generation, `unable to parse mac address ${text}: it is no address one interface can have`)
}

/** The addresses podman has chosen, with the prefix of the subnet each lies in. @throws NetavarkError */
export function staticAddresses({ network, joining, options: { generation } }: Wish): readonly Cidr[] {
  switch (network.ipamDriver) {
    case 'none':
    case 'dhcp':
      return []
    case 'host-local':
      break
    default:
      throw mistake(generation, `unsupported ipam driver ${network.ipamDriver}`)
  }
  if (joining.staticIps === undefined) throw mistake(generation, 'no static ips provided')
  if (network.subnets.length === 0) return []
  return joining.staticIps.map((address) => {
    const own = network.subnets.find(({ subnet }) => contains(subnet, address))
    if (own !== undefined) return withPrefix(address, prefixLength(own.subnet))
    throw mistake(
      generation,
      `static ip ${address} is not in any subnet of network ${network.name}: ${network.subnets.map(({ subnet }) => subnet).join(', ')}`,
    )
  })
}

/** One network cannot have two subnets that share addresses. @throws NetavarkError */
export function checkSubnets(subnets: readonly NetworkSubnet[]): void {
  for (const [i, { subnet }] of subnets.entries()) {
    const twin = subnets.slice(0, i).find((other) => overlaps(other.subnet, subnet))?.subnet
    if (twin === undefined) continue
    throw new NetavarkError(
      twin === subnet ? `duplicate subnet defined: ${subnet}` : `overlapping subnets: ${twin} and ${subnet}`,
    )
  }
}

/** Blackholes and their like lead nowhere, all others lead to a gateway. @throws NetavarkError */
export function checkRoutes(routes: readonly NetworkRoute[]): void {
  for (const { destination, gateway, type } of routes) {
    if (!['unicast', 'blackhole', 'unreachable', 'prohibit'].includes(type)) {
      throw new NetavarkError(`invalid route type "${type}"`)
    }
    if (type === 'unicast' && gateway === undefined) {
      throw new NetavarkError(`route ${destination} requires a gateway for type unicast`)
    }
    if (type !== 'unicast' && gateway !== undefined) {
      throw new NetavarkError(`route ${destination} must not have a gateway for type ${type}`)
    }
    if (gateway !== undefined && familyOf(gateway) !== familyOf(destination)) {
      throw new NetavarkError(
        `gateway with ipv${familyOf(gateway)} address provided for ipv${familyOf(destination)} destination ${destination}`,
      )
    }
  }
}

/** The gateway of an address, as podman's answer names it. */
export function gatewayOf(network: Network, cidr: Cidr): Address | undefined {
  const address = cidr.slice(0, cidr.indexOf('/')) as Address
  return network.subnets.find(({ subnet }) => contains(subnet, address))?.gateway
}

/** One gateway for each family, in the order of the subnets. */
export function firstGateways({ subnets, internal }: Network): readonly Address[] {
  const all = internal ? [] : subnets.flatMap(({ gateway }) => gateway ?? [])
  return all.filter((gateway, i) => all.findIndex((other) => familyOf(other) === familyOf(gateway)) === i)
}
