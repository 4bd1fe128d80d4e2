/**
 * Units: what several containers use, each with its own record and journal.
 *
 * - `base@BACKEND`: chains and tables everything hangs on;
 * - `network.NAME`: the bridge and its addresses;
 * - `rules.NAME@BACKEND`: packet rules of a network;
 * - `accept.NAME@TOOL.FAMILY`: an accept in somebody else's forward chain that
 *   would drop what those rules accept (decisions 1), and `input.NAME@TOOL.FAMILY`
 *   one in an input chain that would drop questions to the name server. Looked
 *   for at every set-up: a policy can be set to DROP, or firewalld started, long
 *   after the network was made.
 *
 * Made and removed under the exclusive host lock. Every backend has its own,
 * because each attachment may choose its backend.
 *
 * @module
 */

import { asTsnetError } from '../../errors/codes.ts'
import type { FirewallBackend } from '../../model/attachment.ts'
import type { NetworkConfig } from '../../model/network.ts'
import type { ForeignDrop } from '../../plan/facts.ts'
import type { LoweredStep } from '../../plan/step.ts'
import { applyOrUndo } from '../attach/apply.ts'
import type { EngineContext } from '../context.ts'
import { forgetBeside, refuseBeside, tellBeside, whereMade } from './beside.ts'

export const unitNames = {
  base: (backend: FirewallBackend): string => `base@${backend}`,
  network: (name: string): string => `network.${name}`,
  rules: (name: string, backend: FirewallBackend): string => `rules.${name}@${backend}`,
  accept: (name: string, { chain, tool, family }: ForeignDrop): string =>
    `${chain === 'INPUT' ? 'input' : 'accept'}.${name}@${tool}.${family}`,
  /** Undefined for base rules. `@` is in no network's name. */
  networkOf: (unit: string): string | undefined => /^(?:network|rules|accept|input)\.([^@]+)/.exec(unit)?.[1],
}

export const backends: readonly FirewallBackend[] = ['iptables', 'nftables', 'none']

export interface PlannedUnit {
  readonly unit: string
  readonly steps: readonly LoweredStep[]
  /** Of the bridge of a network made at first use. */
  readonly config?: NetworkConfig
}

export interface PlannedAccept extends PlannedUnit {
  readonly drop: ForeignDrop
}

/** Under the exclusive host lock. On failure nothing of this unit is left. */
export async function makeUnit(context: EngineContext, planned: PlannedUnit): Promise<void> {
  const { kernel, units } = context
  const { unit, steps, config } = planned
  const about = { ...(config === undefined ? {} : { config }), ...whereMade(context, unit) }
  const record = { version: 1, unit, steps, ...about } as const
  units.begin(planned.unit, record)
  let created: readonly boolean[]
  try {
    // Of two who are at it now each sees what the other has begun.
    tellBeside(context, record)
    refuseBeside(context, unit)
    created = await applyOrUndo(kernel, planned.steps, undefined)
  } catch (error) {
    // What could not be taken back stays in the journal.
    if (asTsnetError(error).undo.length === 0) forget(context, unit)
    throw error
  }
  const ours = planned.steps.filter((_, i) => created[i])
  try {
    units.commit(planned.unit, ours.length === planned.steps.length ? undefined : { ...record, steps: ours })
  } catch (error) {
    const left = await kernel.revert(ours, undefined)
    if (left.length === 0) forget(context, unit)
    asTsnetError(error).undo.push(...left)
    throw error
  }
}

/** Under the exclusive host lock. Repeatable. @returns what could not be taken back */
export async function removeUnit(context: EngineContext, unit: string): Promise<readonly unknown[]> {
  context.units.reopen(unit)
  return undoPendingUnit(context, unit)
}

/** Takes back what a journal entry of a unit says. */
export async function undoPendingUnit(context: EngineContext, unit: string): Promise<readonly unknown[]> {
  const record = context.units.pending(unit)
  if (record === undefined) return []
  const errors = await context.kernel.revert(record.steps, undefined)
  if (errors.length > 0) return errors
  if (record.change === undefined) {
    forget(context, unit)
    return []
  }
  // A change was killed: the network is as before it, the definition too.
  const { config, unit: before } = record.change
  if (context.networks.get(config.name) !== undefined) context.networks.put(config)
  context.units.replace(unit, before)
  context.units.forget(unit)
  return []
}

/** The journal entry of what is not there, or not any more. */
function forget(context: EngineContext, unit: string): void {
  forgetBeside(context, unit)
  context.units.forget(unit)
}

/**
 * Removes a network's units; then base rules that serve no network any more,
 * unless an admin has put rules into TSNET-USER. Under the exclusive host lock.
 */
export async function removeNetworkUnits(context: EngineContext, name: string): Promise<readonly unknown[]> {
  const errors: unknown[] = []
  const keys = context.units.keys()
  // Rules first: they speak of the bridge.
  for (const unit of keys
    .filter((key) => unitNames.networkOf(key) === name)
    .sort()
    .reverse()) {
    errors.push(...(await removeUnit(context, unit)))
  }
  errors.push(...(await removeIdleBases(context)))
  return errors
}

/** Base rules that serve no network. */
export function idleBases(keys: readonly string[]): readonly FirewallBackend[] {
  return backends.filter(
    (backend) =>
      keys.includes(unitNames.base(backend)) &&
      !keys.some((key) => key.startsWith('rules.') && key.endsWith(`@${backend}`)),
  )
}

/** Under the exclusive host lock. */
export async function removeIdleBases(context: EngineContext): Promise<readonly unknown[]> {
  const errors: unknown[] = []
  for (const backend of idleBases(context.units.keys())) {
    if (backend !== 'none' && (await context.kernel.userRules(backend))) continue
    errors.push(...(await removeUnit(context, unitNames.base(backend))))
  }
  return errors
}
