/**
 * What a namespace would do with a packet of its own: which route, from which address.
 *
 * @module
 */

import { type Address, addressOf, contains, familyOf, isLoopback, prefixLength } from '../../model/address.ts'
import type { NamespaceView, RouteView } from '../views.ts'

export function isOwn({ interfaces }: NamespaceView, address: Address): boolean {
  return (
    isLoopback(address) ||
    interfaces.some(({ addresses }) => addresses.some((cidr) => addressOf(cidr) === address))
  )
}

/** The longest prefix, of equals the lowest metric. Of other tables only where main has none: a VRF's are all there. */
export function routeTo({ routes }: NamespaceView, to: Address): RouteView | undefined {
  const fitting = routes.filter((route) => contains(route.to, to))
  const main = fitting.filter(({ table }) => table === undefined)
  return (main.length > 0 ? main : fitting).sort(
    (a, b) => prefixLength(b.to) - prefixLength(a.to) || a.metric - b.metric,
  )[0]
}

/** Of the addresses of the device the one in the subnet of the next hop, else the first. */
export function sourceOf(
  { interfaces }: NamespaceView,
  route: RouteView | undefined,
  next: Address,
): Address | undefined {
  const family = familyOf(next)
  const own = (interfaces.find(({ name }) => name === route?.dev)?.addresses ?? []).filter(
    (cidr) => familyOf(cidr) === family && !cidr.startsWith('fe80'),
  )
  const best = own.find((cidr) => contains(cidr, next)) ?? own[0]
  return best === undefined ? undefined : addressOf(best)
}
