/**
 * What serves nobody any more: networks made at first use, units of networks
 * that are gone, and at last the state folder itself.
 *
 * @module
 */

import type { EngineContext } from './context.ts'
import { removeNetworkUnits, unitNames } from './units.ts'

/**
 * Networks made at first use go with their last endpoint. Takes the exclusive
 * host lock when there is one to remove.
 */
export async function removeIdleNetworks(
  context: EngineContext,
  names: readonly string[],
): Promise<readonly string[]> {
  const idle = (name: string): boolean =>
    context.networks.get(name)?.ephemeral === true && context.reservations.leases.list(name).length === 0
  if (!names.some(idle)) return []
  const removed: string[] = []
  const host = await context.locks.hostExclusive()
  try {
    for (const name of names.filter(idle)) {
      const errors = await removeNetworkUnits(context, name)
      if (errors.length > 0) continue
      context.reservations.leases.forget(name)
      // Last: as long as it is defined, whoever comes after a kill finds it idle.
      context.networks.remove(name)
      removed.push(name)
    }
  } finally {
    host.release()
  }
  return removed
}

/** Units of networks nobody has defined: their maker was killed. In the order to remove them. */
export function strayUnits(context: EngineContext): readonly string[] {
  const keys = context.units.keys()
  if (keys.length === 0) return []
  const defined = context.networks.names()
  return keys
    .filter((unit) => {
      const network = unitNames.networkOf(unit)
      return network !== undefined && !defined.includes(network)
    })
    .reverse()
}

/** Takes the state folder away when nothing is in it. Called last, without any lock; never fails. */
export async function tidy(context: EngineContext): Promise<void> {
  const { locks, tidying } = context
  if (!tidying.looksEmpty()) return
  // Somebody is at work for longer than we wait: they tidy.
  const host = await locks.hostLast().catch(() => undefined)
  if (host === undefined) return
  let empty: boolean
  try {
    empty = tidying.removeEmpty()
    if (empty) host.portsIdle()
  } finally {
    host.release()
  }
  if (empty) tidying.removeTop()
}
