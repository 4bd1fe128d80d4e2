/**
 * Subnets as a user asks for them, completed and checked in themselves. Pure.
 *
 * Whether they are free on this host is `overlap.ts`.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import {
  type Address,
  contains,
  familyOf,
  overlaps,
  parseSubnet,
  prefixLength,
  type Subnet,
} from '../model/address.ts'
import type { IpamSubnet, SubnetRequest } from '../model/network.ts'
import { candidates, checkStatic, firstUsable } from './allocator.ts'

/** Where no network of containers can live, and why. */
const UNUSABLE: Readonly<Record<string, string>> = {
  '0.0.0.0/8': 'this host',
  '127.0.0.0/8': 'loopback',
  '224.0.0.0/3': 'multicast and reserved',
  '::/8': 'loopback and IPv4',
  'fe80::/10': 'link-local',
  'ff00::/8': 'multicast',
}

/** Shorter prefixes would take whole continents off the routing table; longer ones have no second address. */
const LENGTHS = { 4: [8, 31], 6: [16, 127] } as const

/**
 * Default gateway: the first usable address that is not reserved.
 *
 * @param options.field where the first subnet came from, for errors; the others follow: `subnets[1]`
 * @throws TSNET_BAD_VALUE, TSNET_ADDRESS_UNUSABLE (invalid)
 */
export function resolveSubnets(
  requests: readonly SubnetRequest[],
  options: { readonly field?: string } = {},
): readonly IpamSubnet[] {
  const { field = 'subnets' } = options
  return requests.map((request, i) => {
    const path = `${field}[${i}]`
    const family = familyOf(request.subnet)
    if (requests.findIndex((other) => familyOf(other.subnet) === family) !== i) {
      refuse(path, request.subnet, `is a second IPv${family} subnet`, 'give at most one per family')
    }
    return resolveSubnet(request, path)
  })
}

function resolveSubnet(request: SubnetRequest, path: string): IpamSubnet {
  const { subnet, range, reserved = {} } = request
  checkPrefix(subnet, path)
  for (const [name, address] of Object.entries(reserved)) {
    if (!contains(subnet, address)) {
      refuse(
        `${path}.reserved`,
        address,
        `for "${name}" is outside ${subnet}`,
        'reserve addresses of the subnet',
      )
    }
  }
  if (range !== undefined) checkRange(subnet, range, path)
  const gateway = request.gateway ?? firstUsable(subnet, Object.values(reserved))
  if (gateway === undefined)
    return refuse(path, subnet, 'has no address left for a gateway', 'reserve fewer addresses')
  checkGateway({ subnet, gateway }, reserved, path)
  const resolved: IpamSubnet = {
    subnet,
    gateway,
    ...(range === undefined ? {} : { range }),
    ...(Object.keys(reserved).length === 0 ? {} : { reserved }),
  }
  if (candidates(resolved, undefined).next().done === true) {
    refuse(
      path,
      range ?? subnet,
      'has no address left for a container',
      'give a larger one, or reserve fewer addresses',
    )
  }
  return resolved
}

function checkPrefix(subnet: Subnet, path: string): void {
  if (parseSubnet(subnet) !== subnet)
    refuse(path, subnet, 'is no prefix', 'write it as 10.90.0.0/24 or fd00:90::/64')
  const [shortest, longest] = LENGTHS[familyOf(subnet)]
  const length = prefixLength(subnet)
  if (length < shortest) refuse(path, subnet, 'is too large', `give a prefix of /${shortest} or longer`)
  if (length > longest) refuse(path, subnet, 'is too small', `give a prefix of /${longest} or shorter`)
  const clash = Object.entries(UNUSABLE).find(([prefix]) => overlaps(prefix as Subnet, subnet))
  if (clash !== undefined) {
    const usual = familyOf(subnet) === 4 ? '10.90.0.0/24' : 'fd00:90::/64'
    refuse(path, subnet, `overlaps ${clash[0]} (${clash[1]})`, `choose a private one, such as ${usual}`)
  }
}

function checkRange(subnet: Subnet, range: Subnet, path: string): void {
  const inside =
    familyOf(range) === familyOf(subnet) &&
    prefixLength(range) >= prefixLength(subnet) &&
    overlaps(subnet, range)
  if (!inside)
    refuse(`${path}.range`, range, `is not within ${subnet}`, 'give a smaller prefix of the subnet')
}

function checkGateway(own: IpamSubnet, reserved: Readonly<Record<string, Address>>, path: string): void {
  const { subnet, gateway } = own
  const name = Object.entries(reserved).find(([, address]) => address === gateway)?.[0]
  if (name !== undefined)
    refuse(`${path}.gateway`, gateway, `is reserved for "${name}" too`, 'choose another gateway')
  if (!contains(subnet, gateway))
    refuse(`${path}.gateway`, gateway, `is outside ${subnet}`, 'choose an address of the subnet')
  // Network, broadcast and anycast address are refused like those of containers.
  const elsewhere = firstUsable(subnet, [gateway])
  if (elsewhere !== undefined)
    checkStatic({ subnet, gateway: elsewhere }, gateway, { field: `${path}.gateway` })
}

function refuse(field: string, value: string, cause: string, hint: string): never {
  throw fail('TSNET_BAD_VALUE', { field, value, message: `reading ${field}: ${value} ${cause}`, hint })
}
