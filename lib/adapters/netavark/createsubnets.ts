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
  for (const [i, { subnet }] of given.entries()) {
    const twin = given.slice(0, i).find((other) => overlaps(other.subnet, subnet))
    if (twin !== undefined) throw new NetavarkError(`subnets ${twin.subnet} and ${subnet} overlap`)
    checkFree(wish, subnet)
  }
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
  for (const end of [leaseRange?.startIp, leaseRange?.endIp]) {
    if (end !== undefined && !contains(subnet, end)) {
      throw new NetavarkError(`lease range address ${end} is not in subnet ${subnet}`)
    }
  }
  if (given.gateway !== undefined && !contains(subnet, given.gateway)) {
    throw new NetavarkError(`gateway ${given.gateway} not in subnet ${subnet}`)
  }
  if (given.gateway !== undefined || !gateways) return given
  const family = familyOf(subnet)
  if (prefixLength(subnet) > (family === 4 ? 30 : 126)) {
    throw new NetavarkError(
      `subnet ${subnet} has no room for a gateway: a prefix of /${family === 4 ? 30 : 126} or shorter is needed`,
    )
  }
  return { ...given, gateway: fromNumber(family, boundsOf(subnet).first + 1n) as Address }
}
