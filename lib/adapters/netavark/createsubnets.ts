/**
 * Subnets of a network that is created: those given are checked, missing ones
 * are taken out of podman's pools, gateways are filled in.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import {
  type Address,
  boundsOf,
  contains,
  type Family,
  familyOf,
  fromBytes,
  fromNumber,
  overlaps,
  prefixLength,
  type Subnet,
  withPrefix,
} from '../../model/address.ts'
import { checkSubnets } from './addresses.ts'
import type { CreateRequest, Pool } from './createrequest.ts'
import { NetavarkError } from './errors.ts'
import type { NetworkSubnet } from './request.ts'

export interface SubnetWish {
  readonly request: CreateRequest
  /** Of the host's own links. */
  readonly host: readonly Subnet[]
  /** VLANs and bridges that are not ours share their subnets with others. */
  readonly shared: boolean
  readonly gateways: boolean
}

/** @throws NetavarkError */
export function chooseSubnets(wish: SubnetWish, ipv6: boolean): readonly NetworkSubnet[] {
  const { request } = wish
  const given = request.draft.subnets
  checkSubnets(given)
  for (const { subnet } of given) checkFree(wish, subnet)
  const has = (family: Family): boolean => given.some(({ subnet }) => familyOf(subnet) === family)
  const fresh = (subnet: Subnet): NetworkSubnet => ({ subnet, gateway: undefined, leaseRange: undefined })
  const all = [
    ...given,
    ...(given.length === 0 || (ipv6 && !has(4)) ? [fresh(freeIpv4(wish))] : []),
    ...(ipv6 && !has(6) ? [fresh(freeIpv6(wish))] : []),
  ]
  return all.map((one) => complete(one, wish.gateways))
}

function checkFree({ request, shared }: SubnetWish, subnet: Subnet): void {
  if (shared || !request.checkSubnets) return
  if (!request.usedSubnets.some((used) => overlaps(used, subnet))) return
  throw new NetavarkError(`subnet ${subnet} is already used on the host or by another config`)
}

function* blocks({ base, size }: Pool): Generator<Subnet> {
  const { first, last } = boundsOf(base)
  const step = 1n << BigInt((familyOf(base) === 4 ? 32 : 128) - size)
  for (let start = first; start + step - 1n <= last; start += step) {
    yield withPrefix(fromNumber(familyOf(base), start), size) as Subnet
  }
}

function freeIpv4({ request, host }: SubnetWish): Subnet {
  const taken = [...request.usedSubnets, ...host]
  for (const pool of request.pools.filter(({ base }) => familyOf(base) === 4)) {
    for (const subnet of blocks(pool)) {
      if (!taken.some((used) => overlaps(used, subnet))) return subnet
    }
  }
  throw new NetavarkError('could not find free subnet from subnet pools')
}

/** fd, 40 random bits, subnet 0. */
function freeIpv6({ request, host }: SubnetWish): Subnet {
  for (let attempt = 0; attempt < 100; attempt++) {
    const bytes = new Uint8Array(16)
    bytes.set([0xfd, ...randomBytes(7)])
    const subnet = withPrefix(fromBytes(bytes), 64) as Subnet
    if (![...request.usedSubnets, ...host].some((used) => overlaps(used, subnet))) return subnet
  }
  throw new NetavarkError('failed to get random ipv6 subnet')
}

function complete(given: NetworkSubnet, gateways: boolean): NetworkSubnet {
  const { subnet, leaseRange } = given
  if (given.gateway !== undefined && !contains(subnet, given.gateway)) {
    throw new NetavarkError(`gateway ${given.gateway} not in subnet ${subnet}`)
  }
  const gateway = given.gateway ?? (gateways ? firstAddress(subnet) : undefined)
  const { startIp, endIp } = leaseRange ?? {}
  for (const [name, end] of Object.entries({ start_ip: startIp, end_ip: endIp })) {
    if (end === undefined || contains(subnet, end)) continue
    throw new NetavarkError(`lease range ${name} ${end} not in subnet ${subnet}`)
  }
  if (startIp !== undefined && endIp !== undefined && numberOf(startIp) > numberOf(endIp)) {
    throw new NetavarkError(`lease range start_ip ${startIp} must be less than or equal to end_ip ${endIp}`)
  }
  return { ...given, gateway }
}

/** In IPv4 the last address is broadcast, so a /31 has no room either. */
function firstAddress(subnet: Subnet): Address {
  const family = familyOf(subnet)
  const limit = family === 4 ? 31 : 128
  if (prefixLength(subnet) >= limit) {
    throw new NetavarkError(
      `could not create gateway for subnet ${subnet} because it has a ${limit} or greater subnet prefix`,
    )
  }
  return fromNumber(family, boundsOf(subnet).first + 1n) as Address
}

const numberOf = (address: Address): bigint =>
  boundsOf(withPrefix(address, familyOf(address) === 4 ? 32 : 128)).first
