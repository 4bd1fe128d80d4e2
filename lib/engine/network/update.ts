/**
 * Changing a network while containers are on it: whom its name server asks, its
 * labels, and whether other networks may talk to it.
 *
 * Isolation is one opening in the network's rules, made or closed with the rest
 * in place, so no packet of anybody meets a network without rules. The opening
 * is in the journal until the definition is written: a killed change leaves the
 * network closed.
 *
 * @module
 */

import { asTsnetError, fail } from '../../errors/codes.ts'
import type { FirewallBackend } from '../../model/attachment.ts'
import type { NetworkConfig } from '../../model/network.ts'
import type { LoweredStep, RulesStep } from '../../plan/step.ts'
import type { UnitRecord } from '../../state/records.ts'
import { applyOrUndo } from '../attach/apply.ts'
import { type EngineContext, interruptible } from '../context.ts'
import { isDriven } from '../drivers.ts'
import type { NetworkUpdate } from '../engine.ts'
import { heal } from '../heal/heal.ts'
import { restateNames } from '../names/names.ts'
import { noSuchNetwork } from './ensure.ts'
import { opening } from './opening.ts'
import { networkRules } from './planunits.ts'
import { backends, unitNames } from './units.ts'

/** @throws TSNET_NO_SUCH_NETWORK (notFound) */
export async function updateNetwork(
  context: EngineContext,
  name: string,
  update: NetworkUpdate,
  signal?: AbortSignal,
): Promise<NetworkConfig> {
  const waiting = interruptible(context, signal)
  await heal(waiting)
  const host = await waiting.locks.hostExclusive()
  try {
    const before = context.networks.get(name)
    if (before === undefined) throw noSuchNetwork(context, name, 'to look')
    if (isDriven(before)) refuseForDriven(before, update)
    const after = changed(before, update)
    const opens = before.options.isolate !== after.options.isolate
    if (opens) await changeIsolation(context, before, after)
    context.networks.put(after)
    if (opens) commitAll(context, after)
    if (update.forwarders !== undefined) await tellNames(context, name)
    return after
  } finally {
    host.release()
  }
}

/** @throws TSNET_MODE_MISMATCH (invalid): what only bridge networks have */
function refuseForDriven({ name, driver }: NetworkConfig, { isolate, forwarders }: NetworkUpdate): void {
  if (isolate === undefined && forwarders === undefined) return
  const [field, value] = isolate === undefined ? ['forwarders', forwarders] : ['isolate', isolate]
  throw fail('TSNET_MODE_MISMATCH', {
    message: `changing network ${name}: driver ${driver} has neither packet rules nor names`,
    field,
    value,
    hint: 'its labels can be changed',
  })
}

function changed(config: NetworkConfig, { forwarders, labels = {}, isolate }: NetworkUpdate): NetworkConfig {
  const { forwarders: asked, ...options } = config.options
  const servers = forwarders ?? asked ?? []
  const merged = Object.entries({ ...config.labels, ...labels })
  return {
    ...config,
    labels: Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null)),
    options: {
      ...options,
      ...(isolate === undefined ? {} : { isolate }),
      ...(servers.length === 0 ? {} : { forwarders: servers }),
    },
  }
}

/** In every backend the network has rules of. Open or closed, the journal says how to close. */
async function changeIsolation(
  context: EngineContext,
  before: NetworkConfig,
  after: NetworkConfig,
): Promise<void> {
  const closed = after.options.isolate ? after : before
  const open = { ...closed, options: { ...closed.options, isolate: false } }
  for (const { unit, backend } of unitsOf(context, before.name)) {
    const record = context.units.get(unit)
    if (record === undefined) continue
    const rules = networkRules(context, closed, backend)
    const steps = opening(rules, networkRules(context, open, backend))
    const shut: UnitRecord = { ...record, steps: withRules(record.steps, rules) }
    context.units.begin(unit, { ...record, steps, change: { config: closed, unit: shut } })
    if (after.options.isolate) {
      const errors = await context.kernel.revert(steps, undefined)
      if (errors.length > 0) throw asTsnetError(errors[0])
    } else await applyOrForget(context, unit, steps)
  }
}

async function applyOrForget(
  context: EngineContext,
  unit: string,
  steps: readonly LoweredStep[],
): Promise<void> {
  try {
    await applyOrUndo(context.kernel, steps, undefined)
  } catch (error) {
    if (asTsnetError(error).undo.length === 0) context.units.forget(unit)
    throw error
  }
}

/** The unit's record is that of the definition now. */
function commitAll(context: EngineContext, config: NetworkConfig): void {
  for (const { unit, backend } of unitsOf(context, config.name)) {
    const record = context.units.get(unit)
    if (record === undefined || context.units.pending(unit) === undefined) continue
    context.units.replace(unit, {
      ...record,
      steps: withRules(record.steps, networkRules(context, config, backend)),
    })
    context.units.forget(unit)
  }
}

/** The record's steps with these rules; settings beside them have values from before. */
function withRules(steps: readonly LoweredStep[], rules: readonly LoweredStep[]): readonly LoweredStep[] {
  const isRules = (step: LoweredStep): step is RulesStep => step.kind === 'rules'
  return [...rules.filter(isRules), ...steps.filter((step) => !isRules(step))]
}

function unitsOf(
  context: EngineContext,
  name: string,
): readonly { readonly unit: string; readonly backend: FirewallBackend }[] {
  return backends
    .map((backend) => ({ unit: unitNames.rules(name, backend), backend }))
    .filter(({ unit }) => context.units.has(unit))
}

/** Whoever is on it brings its definition along. */
async function tellNames(context: EngineContext, name: string): Promise<void> {
  const key = context.containers
    .keys()
    .find((one) => context.containers.get(one)?.result?.attachments.some(({ network }) => network === name))
  const record = key === undefined ? undefined : context.containers.get(key)
  if (record !== undefined) await restateNames(context, record)
}
