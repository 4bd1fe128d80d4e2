/**
 * Which addresses of a subnet can be handed out, and in which order. Pure.
 *
 * Next after last: a freed address rests as long as possible, because others
 * still have it in neighbour, conntrack and DNS caches. Who holds what is not
 * known here (`leases.ts` takes the first candidate it can).
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import {
  type Address,
  addressOf,
  boundsOf,
  contains,
  type Family,
  familyOf,
  fromNumber,
  prefixLength,
  type Subnet,
  toNumber,
} from '../model/address.ts'
import type { IpamSubnet } from '../model/network.ts'

/** How many IPv6 addresses are offered before giving up: a /64 cannot be walked, and a bridge holds 1023 ports. */
const MAX_IPV6_CANDIDATES = 65_536

/**
 * The addresses of `subnet` after `after`, once around, lazily. The network and
 * broadcast address, the gateway and reserved ones are left out.
 *
 * @param after the one handed out last; absent or outside: from the beginning
 */
export function* candidates(
  subnet: IpamSubnet,
  after: Address | undefined,
): Generator<Address, void, undefined> {
  const family = familyOf(subnet.subnet)
  const { first, last } = handedOut(subnet)
  const size = last - first + 1n
  if (size <= 0n) return
  const before = after === undefined || familyOf(after) !== family ? undefined : toNumber(after)
  let next = before === undefined || before < first || before >= last ? first : before + 1n
  const count = family === 6 && size > MAX_IPV6_CANDIDATES ? MAX_IPV6_CANDIDATES : Number(size)
  const skipped = new Set<string>([subnet.gateway, ...Object.values(subnet.reserved ?? {})])
  for (let i = 0; i < count; i++) {
    const address = fromNumber(family, next)
    if (!skipped.has(address)) yield address
    next = next === last ? first : next + 1n
  }
}

/**
 * Whether a container may ask for `address` itself. Outside the range but inside
 * the subnet it may: the range only says what is handed out unasked.
 *
 * @throws TSNET_ADDRESS_UNUSABLE (invalid)
 */
export function checkStatic(
  subnet: IpamSubnet,
  address: Address,
  options: { readonly field?: string } = {},
): void {
  const cause = staticFault(subnet, address)
  if (cause === undefined) return
  const family = familyOf(subnet.subnet)
  const { field = family === 4 ? 'ip' : 'ip6' } = options
  const { last } = usableBounds(subnet.subnet)
  const first = firstUsable(subnet.subnet, [subnet.gateway, ...Object.values(subnet.reserved ?? {})])
  throw fail('TSNET_ADDRESS_UNUSABLE', {
    field,
    value: address,
    message: `checking address ${address}: it ${cause}`,
    hint: `choose one from ${first ?? subnet.gateway} to ${fromNumber(family, last)}, or leave it out`,
  })
}

/** The first address a gateway can have: also where Docker and Podman put it. */
export function firstUsable(subnet: Subnet, skipped: readonly Address[] = []): Address | undefined {
  const { first, last } = usableBounds(subnet)
  for (let number = first; number <= last; number++) {
    const address = fromNumber(familyOf(subnet), number)
    if (!skipped.includes(address)) return address
  }
  return undefined
}

/**
 * First and last address an interface can have: without network and broadcast
 * address of IPv4, and without the subnet-router anycast address of IPv6. Two
 * and one address large prefixes have neither (RFC 3021, RFC 6164).
 */
function usableBounds(subnet: Subnet): { readonly first: bigint; readonly last: bigint } {
  const { first, last } = boundsOf(subnet)
  const family: Family = familyOf(subnet)
  if (prefixLength(subnet) >= (family === 4 ? 31 : 127)) return { first, last }
  return { first: first + 1n, last: family === 4 ? last - 1n : last }
}

function handedOut(subnet: IpamSubnet): { readonly first: bigint; readonly last: bigint } {
  const usable = usableBounds(subnet.subnet)
  if (subnet.range === undefined) return usable
  const range = boundsOf(subnet.range)
  let { first, last } = usable
  if (range.first > first) first = range.first
  if (range.last < last) last = range.last
  return { first, last }
}

function staticFault(subnet: IpamSubnet, address: Address): string | undefined {
  if (!contains(subnet.subnet, address)) return `is outside subnet ${subnet.subnet}`
  if (address === subnet.gateway) return 'is the gateway'
  const reserved = Object.entries(subnet.reserved ?? {}).find(([, held]) => held === address)
  if (reserved !== undefined) return `is reserved for "${reserved[0]}"`
  const { first, last } = usableBounds(subnet.subnet)
  const number = toNumber(address)
  if (number >= first && number <= last) return undefined
  if (address !== addressOf(subnet.subnet)) return `is the broadcast address of ${subnet.subnet}`
  return familyOf(address) === 4
    ? `is the network address of ${subnet.subnet}`
    : `is the subnet-router anycast address of ${subnet.subnet} (RFC 4291)`
}
