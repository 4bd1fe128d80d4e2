/**
 * Ranges of addresses as CNI's `host-local` writes them, and the order they are
 * handed out in. Pure.
 *
 * A range set is a list of ranges that spill over into each other; each set
 * gives one address. Unlike our own networks, the subnet's last IPv6 address is
 * used and any range may have a gateway of its own, as with the reference.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import {
  type Address,
  addressOf,
  boundsOf,
  type Cidr,
  contains,
  familyOf,
  fromNumber,
  overlaps,
  prefixLength,
  subnetOf,
  toNumber,
} from '../model/address.ts'

/** As configured. */
export interface RangeRequest {
  readonly subnet: Cidr
  readonly rangeStart?: Address
  readonly rangeEnd?: Address
  readonly gateway?: Address
}

export interface AddressRange {
  readonly subnet: Cidr
  readonly first: Address
  readonly last: Address
  readonly gateway: Address
}

export type RangeSet = readonly AddressRange[]

/** Where the set of one gateway-less address stands: `10.1.0.2-10.1.0.254`. */
export function describeSet(set: RangeSet): string {
  return set.map(({ first, last }) => `${first}-${last}`).join(',')
}

/** @throws TSNET_BAD_VALUE (invalid) */
export function completeSets(sets: readonly (readonly RangeRequest[])[]): readonly RangeSet[] {
  if (sets.length === 0) throw bad('ranges', undefined, 'no IP ranges specified')
  const complete = sets.map((set, i) => {
    if (set.length === 0) throw bad(`ranges[${i}]`, undefined, 'empty range set')
    const ranges = set.map((range) => completeRange(range))
    if (new Set(ranges.map(({ subnet }) => familyOf(subnet))).size > 1)
      throw bad(`ranges[${i}]`, set.map(({ subnet }) => subnet).join(', '), 'mixed address families')
    return ranges
  })
  const all = complete.flat()
  for (const [i, range] of all.entries()) {
    const other = all.slice(0, i).find((earlier) => overlapping(earlier, range))
    if (other !== undefined)
      throw bad('ranges', `${range.first}-${range.last}`, `overlaps ${other.first}-${other.last}`)
  }
  return complete
}

function overlapping(a: AddressRange, b: AddressRange): boolean {
  if (!overlaps(a.subnet, b.subnet)) return false
  return toNumber(a.first) <= toNumber(b.last) && toNumber(b.first) <= toNumber(a.last)
}

function completeRange({ subnet, rangeStart, rangeEnd, gateway }: RangeRequest): AddressRange {
  const family = familyOf(subnet)
  const network = subnetOf(subnet)
  if (prefixLength(subnet) > (family === 4 ? 30 : 126))
    throw bad('subnet', subnet, 'too small to allocate from')
  if (network !== subnet)
    throw bad('subnet', subnet, `has host bits set: the network address is ${addressOf(network)}`)
  const { first, last } = boundsOf(subnet)
  const range = {
    subnet,
    first: rangeStart ?? fromNumber(family, first + 1n),
    last: rangeEnd ?? fromNumber(family, family === 4 ? last - 1n : last),
    gateway: gateway ?? fromNumber(family, first + 1n),
  }
  for (const [field, address] of [
    ['rangeStart', range.first],
    ['rangeEnd', range.last],
  ] as const) {
    if (!contains(subnet, address)) throw bad(field, address, `not in network ${subnet}`)
  }
  if (familyOf(range.gateway) !== family)
    throw bad('gateway', range.gateway, `not of the family of ${subnet}`)
  if (toNumber(range.first) > toNumber(range.last))
    throw bad('rangeStart', range.first, `is after rangeEnd ${range.last}`)
  return range
}

function bad(field: string, value: unknown, why: string): Error {
  return fail('TSNET_BAD_VALUE', {
    message: `invalid range${value === undefined ? '' : ` ${value}`}: ${why}`,
    field,
    value,
    hint: 'mend ipam of the network configuration',
  })
}

export interface Candidate {
  readonly address: Address
  readonly range: AddressRange
}

/** All addresses of a set once around, after the one handed out last; gateways are left out. */
export function* candidatesIn(
  set: RangeSet,
  after: Address | undefined,
): Generator<Candidate, void, undefined> {
  const at = after === undefined ? -1 : set.findIndex((range) => isIn(range, after))
  const from = Math.max(at, 0)
  const startAt = at < 0 || after === undefined ? undefined : toNumber(after)
  // The first range from behind the last address, all others, and the first range's beginning.
  const turns = [...Array(set.length + 1).keys()]
  for (const turn of turns) {
    const range = set[(from + turn) % set.length] as AddressRange
    const [first, last] = [toNumber(range.first), toNumber(range.last)]
    const begin = turn === 0 && startAt !== undefined ? startAt + 1n : first
    const end = turn === set.length ? (startAt ?? first - 1n) : last
    for (let number = begin; number <= end; number++) {
      const address = fromNumber(familyOf(range.subnet), number)
      if (address !== range.gateway) yield { address, range }
    }
  }
}

export function isIn(range: AddressRange, address: Address): boolean {
  if (familyOf(range.subnet) !== familyOf(address)) return false
  const number = toNumber(address)
  return toNumber(range.first) <= number && number <= toNumber(range.last)
}
