/**
 * The host's own addresses, looked up again when an unknown one is asked about,
 * at most once a second: sources can be forged, and looking costs.
 *
 * @module
 */

import { networkInterfaces } from 'node:os'
import type { Address } from '../model/address.ts'

const MAX_AGE_MS = 1000

export function createHostAddresses(): (address: Address) => boolean {
  let known = new Set<string>()
  let readAt = Number.NEGATIVE_INFINITY
  return (address) => {
    if (known.has(address)) return true
    const now = performance.now()
    if (now - readAt < MAX_AGE_MS) return false
    readAt = now
    known = new Set(
      Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address)),
    )
    return known.has(address)
  }
}
