/**
 * Reservations that belong to nobody: their container has neither a record nor
 * a journal entry, or their maker was killed before it wrote its name.
 *
 * @module
 */

import type { Owner } from '../state/reservations.ts'
import type { EngineContext } from './context.ts'

/** Under the exclusive host lock: nobody is between taking a reservation and writing it down. */
export function releaseOrphans(context: EngineContext): void {
  const { leases, ports, names } = context.reservations
  const known = new Set([...context.containers.keys(), ...context.containers.pendingKeys()])
  const orphaned = (owner: Owner | undefined): boolean => owner === undefined || !known.has(owner.record)
  for (const network of leases.networks()) {
    for (const address of leases.list(network)) {
      if (orphaned(leases.owner(network, address))) leases.release(network, address)
    }
    if (context.networks.get(network) === undefined) leases.forget(network)
  }
  for (const { key, owner } of ports.list()) if (orphaned(owner)) ports.release(key)
  for (const name of names.list()) if (orphaned(names.owner(name))) names.release(name)
}
