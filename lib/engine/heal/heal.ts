/**
 * Finishing what killed processes left, before anything new is begun.
 *
 * A killed set-up or teardown leaves a journal entry; a killed `network create`
 * leaves units of a network that is not defined; a killed removal leaves an
 * idle network made at first use. A process killed while it wrote leaves a
 * temporary file or an empty reservation. With nothing of that there, looking
 * costs a few directory listings.
 *
 * @module
 */

import type { NetworkConfig } from '../../model/network.ts'
import type { ContainerRecord } from '../../state/records.ts'
import type { EngineContext } from '../context.ts'
import { copyOf, plannedAgain } from '../network/planunits.ts'
import { idleBases, removeIdleBases, removeUnit, undoPendingUnit, unitNames } from '../network/units.ts'
import { removeIdle, strayUnits, withGuestRules } from './idle.ts'
import { removeOrphans } from './orphans.ts'
import { lockKey, undoPending } from './takedown.ts'

/**
 * Finishes or takes back what killed processes left. Work whose lock is held is
 * somebody's who lives. Every command that changes anything begins with this.
 *
 * @returns what was healed
 */
export async function heal(context: EngineContext): Promise<readonly string[]> {
  await forgetOtherBoots(context)
  await context.locks.forgetDead()
  let keys = await renewUnits(context)
  await renewDefinitions(context)
  // One look for all that follows: nearly always there is nothing.
  const isEmpty = context.tidying.isJournalEmpty()
  const units = await healUnits(context, isEmpty ? [] : context.units.pendingKeys(), keys)
  if (units.length > 0) keys = context.units.keys()
  const containers = isEmpty ? [] : await healContainers(context)
  const healed = units.length + containers.length > 0
  if (healed || (!isEmpty && context.tidying.hasDebris())) await sweep(context)
  const networks = [...new Set([...context.networks.ephemeralNames(), ...withGuestRules(keys)])]
  if (healed || networks.length + idleBases(keys).length > 0) await removeIdle(context, networks)
  return [...units, ...containers.map(({ id }) => id)]
}

/**
 * After a reboot (a state folder on a disk) nothing of what units describe is
 * in the kernel. Containers are told by the boot id in their own records.
 */
async function forgetOtherBoots(context: EngineContext): Promise<void> {
  const { boot, kernel, locks, units } = context
  if (boot.read() === kernel.bootId()) return
  const host = await locks.hostExclusive()
  try {
    const recorded = boot.read()
    if (recorded === kernel.bootId()) return
    if (recorded !== undefined) {
      for (const unit of [...units.keys(), ...units.pendingKeys()]) {
        units.reopen(unit)
        units.forget(unit)
      }
    }
    boot.write(kernel.bootId())
    // Whoever was killed while it wrote this very mark.
    context.tidying.removeDebris()
  } finally {
    host.release()
  }
}

/**
 * Records of units that were garbled, or written by another version: what they describe is still in the kernel.
 *
 * @returns the keys of all units
 */
async function renewUnits(context: EngineContext): Promise<readonly string[]> {
  const { units } = context
  const isLost = (unit: string): boolean => units.get(unit) === undefined
  const keys = units.keys()
  if (!keys.some(isLost)) return keys
  const host = await context.locks.hostExclusive()
  try {
    for (const unit of units.keys().filter(isLost)) {
      const steps = (await plannedAgain(context, unit)) ?? []
      const network = unitNames.networkOf(unit)
      const isBridge = network !== undefined && unit === unitNames.network(network)
      units.renew(unit, {
        version: 1,
        unit,
        steps,
        ...copyOf(isBridge ? context.networks.get(network) : undefined),
      })
    }
    return units.keys()
  } finally {
    host.release()
  }
}

/** Definitions of networks made at first use, of which the record of the bridge has a copy. */
async function renewDefinitions(context: EngineContext): Promise<void> {
  const { networks, units } = context
  const lost = (): readonly NetworkConfig[] =>
    networks
      .ephemeralNames()
      .filter((name) => networks.fault(name) !== undefined)
      .flatMap((name) => units.get(unitNames.network(name))?.config ?? [])
  if (lost().length === 0) return
  const host = await context.locks.hostExclusive()
  try {
    for (const config of lost()) networks.renew(config)
  } finally {
    host.release()
  }
}

async function healUnits(
  context: EngineContext,
  pending: readonly string[],
  keys: readonly string[],
): Promise<readonly string[]> {
  const { units } = context
  const left = (found: readonly string[], all: readonly string[]): number =>
    found.length + strayUnits(context, all).length + idleBases(all).length
  if (left(pending, keys) === 0) return []
  // Whoever makes units holds the lock alone. He may live: when it can be shared he is done, for all who wait at once.
  const shared = await context.locks.hostShared()
  const now = left(units.pendingKeys(), units.keys())
  shared.release()
  if (now === 0) return []
  const healed: string[] = []
  const host = await context.locks.hostExclusive()
  try {
    // Looked up again: those of a living process are done by now.
    for (const unit of units.pendingKeys()) {
      if ((await undoPendingUnit(context, unit)).length === 0) healed.push(unit)
    }
    for (const unit of strayUnits(context, units.keys())) {
      if ((await removeUnit(context, unit)).length === 0) healed.push(unit)
    }
    await removeIdleBases(context)
  } finally {
    host.release()
  }
  return healed
}

async function healContainers(context: EngineContext): Promise<readonly ContainerRecord[]> {
  const healed: ContainerRecord[] = []
  for (const id of context.containers.pendingKeys()) {
    // Those whose process lives, or has just finished, are most of them, and need nobody's wait for the host.
    if (context.locks.isContainerHeld(lockKey(context, id)) || context.containers.pending(id) === undefined)
      continue
    const host = await context.locks.hostShared()
    try {
      const lock = await context.locks.tryContainer(lockKey(context, id))
      if (lock === undefined) continue
      try {
        // Its process may have finished since we listed it.
        const record = context.containers.pending(id)
        if (record !== undefined && (await undoPending(context, id)).length === 0) healed.push(record)
      } finally {
        lock.release()
      }
    } finally {
      host.release()
    }
  }
  return healed
}

/** Exclusive: nobody is between making a file and filling it. */
async function sweep(context: EngineContext): Promise<void> {
  const host = await context.locks.hostExclusive()
  try {
    await removeOrphans(context, 'released')
    context.tidying.removeDebris()
  } finally {
    host.release()
  }
}
