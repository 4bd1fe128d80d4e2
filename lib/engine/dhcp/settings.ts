/**
 * What an order for a lease and a keeper's patience mean to the machine.
 *
 * @module
 */

import type { ClientSettings } from '../../dhcp/machine.ts'
import type { LeaseOrder } from './control.ts'

/** How patient, for all leases of a keeper. */
export interface Patience {
  readonly broadcast: boolean
  readonly firstPauseMs: number
  readonly longestPauseMs: number
  /** For the first address. */
  readonly limitMs: number
}

/** @param mac of the interface */
export function settingsOf(
  { clientId, wanted, provided }: LeaseOrder,
  { broadcast, firstPauseMs, longestPauseMs }: Patience,
  mac: Buffer,
): ClientSettings {
  return {
    mac,
    clientId: Buffer.from(clientId, 'hex'),
    wanted,
    provided: new Map(provided.map(([option, value]) => [option, Buffer.from(value, 'hex')])),
    broadcast,
    firstPauseMs,
    longestPauseMs,
  }
}
