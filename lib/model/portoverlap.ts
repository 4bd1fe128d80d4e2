/**
 * When two published ranges want the same port of the host.
 *
 * @module
 */

import type { Address } from './address.ts'
import { familyOf } from './address.ts'
import type { Protocol } from './portmapping.ts'

/** What a mapping or binding holds on the host. */
export interface HeldPorts {
  readonly hostAddress?: Address
  readonly hostPort: number
  readonly count: number
  readonly protocol: Protocol
}

/** The same protocol, ports in common, and addresses that meet. */
export function portsOverlap(a: HeldPorts, b: HeldPorts): boolean {
  if (a.protocol !== b.protocol) return false
  if (a.hostPort >= b.hostPort + b.count || b.hostPort >= a.hostPort + a.count) return false
  return addressesMeet(a.hostAddress, b.hostAddress)
}

/** No address means all, `0.0.0.0` and `::` all of their family. */
function addressesMeet(a: Address | undefined, b: Address | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return true
  if (familyOf(a) !== familyOf(b)) return false
  return [a, b].some((address) => address === '0.0.0.0' || address === '::')
}
