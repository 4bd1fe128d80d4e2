/**
 * What serves nobody any more: networks made at first use, units of networks
 * that are gone, and at last the state folder itself.
 *
 * @module
 */

import type { FirewallBackend } from '../../model/attachment.ts'
import type { ContainerRecord, Records } from '../../state/records.ts'
import type { EngineContext } from '../context.ts'
import { foreignChains } from '../network/planunits.ts'
import {
  backends,
  idleBases,
  removeIdleBases,
  removeNetworkUnits,
  removeUnit,
  unitNames,
} from '../network/units.ts'

/**
 * Networks made at first use go with their last endpoint, rules of a backend
 * that is not the network's own with the last endpoint that asked for it. Takes
 * the exclusive host lock when there is something to remove.
 *
 * @returns the networks that were removed
 */
export async function removeIdle(
  context: EngineContext,
  names: readonly string[],
): Promise<readonly string[]> {
  const idle = (name: string): boolean =>
    context.networks.ephemeralNames().includes(name) && context.reservations.leases.isUnused(name)
  const something = names.some((name) => idle(name) || idleBackends(context, name).length > 0)
  if (!something && idleBases(context.units.keys()).length === 0) return []
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
    for (const name of names.filter((one) => !removed.includes(one))) await removeIdleRules(context, name)
    await removeIdleBases(context)
  } finally {
    host.release()
  }
  return removed
}

/** Backends a network has rules of, but for its own; of one made at first use, but for the only one. */
function guestBackends(context: EngineContext, name: string): readonly FirewallBackend[] {
  const config = context.networks.get(name)
  if (config === undefined) return []
  const there = backendsOf(context, name)
  return config.ephemeral && there.length === 1 ? [] : there.filter((backend) => backend !== config.firewall)
}

function backendsOf({ units }: EngineContext, name: string): readonly FirewallBackend[] {
  return backends.filter((backend) => units.has(unitNames.rules(name, backend)))
}

/** Networks that have rules of more than one backend. */
export function withGuestRules(keys: readonly string[]): readonly string[] {
  const withRules = keys.flatMap((unit) =>
    unit.startsWith('rules.') ? (unitNames.networkOf(unit) ?? []) : [],
  )
  return [...new Set(withRules.filter((name, i) => withRules.indexOf(name) !== i))]
}

/**
 * Of those, what no container asks for: looked for before the lock is taken, which keeps everybody else waiting. Every
 * command begins with this, and nearly always somebody asks: whoever did so last, or one of the first that are read.
 */
function idleBackends(context: EngineContext, name: string): readonly FirewallBackend[] {
  const unseen = new Set(guestBackends(context, name))
  const { containers } = context
  const askers = askersOf(containers)
  const look = (key: string): void => {
    const record = containers.get(key) ?? containers.pending(key)
    if (record?.networks.includes(name) !== true) return
    const backend = record.request.firewall ?? record.result?.attachments[0]?.firewall ?? context.backend
    if (unseen.delete(backend)) askers.set(`${name} ${backend}`, key)
  }
  for (const backend of unseen) {
    const asker = askers.get(`${name} ${backend}`)
    askers.delete(`${name} ${backend}`)
    if (asker !== undefined) look(asker)
  }
  const keys = unseen.size === 0 ? [] : [...containers.keys(), ...containers.pendingKeys()]
  for (const key of keys) {
    look(key)
    if (unseen.size === 0) break
  }
  return [...unseen]
}

/** By network and backend, the key of a record: only where to look first. A daemon has one for each state folder. */
const lastAskers = new WeakMap<Records<ContainerRecord>, Map<string, string>>()

function askersOf(containers: Records<ContainerRecord>): Map<string, string> {
  const known = lastAskers.get(containers) ?? new Map<string, string>()
  lastAskers.set(containers, known)
  return known
}

async function removeIdleRules(context: EngineContext, name: string): Promise<void> {
  const idle = idleBackends(context, name)
  for (const backend of idle) await removeUnit(context, unitNames.rules(name, backend))
  if (idle.length === 0) return
  // Accepts in chains of others serve whichever backend is left.
  const config = context.networks.get(name)
  const needed = backendsOf(context, name).flatMap((backend) =>
    config === undefined ? [] : foreignChains(context, config, backend),
  )
  const needless = context.units
    .keys()
    .filter((unit) => /^(?:accept|input)\./.test(unit) && unitNames.networkOf(unit) === name)
    .filter((unit) => !needed.some((chain) => unitNames.accept(name, chain) === unit))
  for (const unit of needless) await removeUnit(context, unit)
}

/** Units of networks nobody has defined: their maker was killed. In the order to remove them. */
export function strayUnits(context: EngineContext, keys: readonly string[]): readonly string[] {
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
  if (!empty) return
  // Of whoever could not lock it: the file was made before.
  await locks.forgetDead().catch(() => undefined)
  tidying.removeTop()
}
