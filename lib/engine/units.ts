/**
 * Units: what several containers use, each with its own record and journal.
 *
 * - `base@BACKEND`: chains and tables everything hangs on;
 * - `network.NAME`: the bridge and its addresses;
 * - `rules.NAME@BACKEND`: packet rules of a network;
 * - `accept.NAME@TOOL.FAMILY`: an accept in somebody else's forward chain that
 *   would drop what those rules accept (decisions 1), and `input.NAME@TOOL.FAMILY`
 *   one in an input chain that would drop questions to the name server. Looked
 *   for at every set-up: a policy can be set to DROP long after the network was
 *   made.
 *
 * Made and removed under the exclusive host lock. Every backend has its own,
 * because each attachment may choose its backend.
 *
 * @module
 */

import { planBaseRules, planForeignAccepts, planNetworkLinks, planNetworkRules } from '../drivers/bridge.ts'
import { asTsnetError } from '../errors/codes.ts'
import { familyOf } from '../model/address.ts'
import type { FirewallBackend } from '../model/attachment.ts'
import type { NetworkConfig } from '../model/network.ts'
import type { ForeignDrop } from '../plan/facts.ts'
import type { LoweredStep } from '../plan/step.ts'
import { applyOrUndo, lower, withBefore } from './apply.ts'
import type { EngineContext } from './context.ts'
import { isDriven, planDrivenNetwork } from './drivers.ts'
import { bridgeMtu } from './linkchoice.ts'
import { hasNames } from './names.ts'

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
}

export interface PlannedAccept extends PlannedUnit {
  readonly drop: ForeignDrop
}

/** Units of a network that are not in the kernel now, in the order to make them. */
export async function missingUnits(
  context: EngineContext,
  config: NetworkConfig,
  backend: FirewallBackend,
): Promise<readonly PlannedUnit[]> {
  const names = unitNames
  if (isDriven(config)) return missingDriven(context, config)
  const hasBridge = context.kernel.hasHostLink(config.options.bridge)
  const there = new Set(context.units.keys())
  const planned: PlannedUnit[] = []
  if (!hasBridge || !there.has(names.network(config.name))) {
    planned.push({ unit: names.network(config.name), steps: await planLinks(context, config) })
  }
  if (!there.has(names.base(backend))) {
    planned.push({ unit: names.base(backend), steps: lower(planBaseRules(), backend) })
  }
  if (!there.has(names.rules(config.name, backend))) {
    const named = hasNames(context, config)
    const steps = lower(planNetworkRules({ config, foreignDrops: [], named, backend }), backend)
    planned.push({ unit: names.rules(config.name, backend), steps: withBefore(steps, context.kernel) })
  }
  return [...planned, ...(await missingAccepts(context, { config, backend, there }))]
}

/** No rules, and no bridge that could be looked for: it is there if its record says so. */
async function missingDriven(context: EngineContext, config: NetworkConfig): Promise<readonly PlannedUnit[]> {
  const unit = unitNames.network(config.name)
  if (context.units.has(unit)) return []
  const steps = lower(await planDrivenNetwork(context, config), 'none')
  return [{ unit, steps: withBefore(steps, context.kernel) }]
}

/** Accepts that are needed in chains of others and not there yet. */
async function missingAccepts(
  context: EngineContext,
  {
    config,
    backend,
    there,
  }: {
    readonly config: NetworkConfig
    readonly backend: FirewallBackend
    /** Units that are made. */
    readonly there: ReadonlySet<string>
  },
): Promise<readonly PlannedAccept[]> {
  const unknown = foreignChains(context, config, backend).filter(
    (chain) => !there.has(unitNames.accept(config.name, chain)),
  )
  const drops = unknown.length === 0 ? [] : await context.kernel.foreignDrops(unknown)
  return drops.map((drop) => ({
    unit: unitNames.accept(config.name, drop),
    steps: lower(planForeignAccepts(config, [drop]), backend),
    drop,
  }))
}

/** The same for all networks that have rules, in whatever backend: for `check` and `gc`. */
export async function missingAcceptsOfAll(
  context: EngineContext,
): Promise<readonly (PlannedAccept & { readonly config: NetworkConfig })[]> {
  const found = new Map<string, PlannedAccept & { readonly config: NetworkConfig }>()
  const there = new Set(context.units.keys())
  for (const config of context.networks.list()) {
    for (const backend of backends.filter((one) => there.has(unitNames.rules(config.name, one)))) {
      for (const accept of await missingAccepts(context, { config, backend, there })) {
        found.set(accept.unit, { ...accept, config })
      }
    }
  }
  return [...found.values()]
}

async function planLinks(context: EngineContext, config: NetworkConfig): Promise<readonly LoweredStep[]> {
  const { kernel } = context
  const facts = await kernel.hostFacts()
  const bridge = facts.links.find((link) => link.name === config.options.bridge)
  const steps = planNetworkLinks({
    config,
    bridge,
    bridgeAddresses: facts.addresses.filter((a) => a.dev === config.options.bridge).map((a) => a.cidr),
    mtuBytes: await bridgeMtu(context, config),
    acceptRaDevs: await devsThatLearnRoutes(context),
  })
  return withBefore(lower(steps, 'none'), kernel)
}

/** A host that forwards ignores router advertisements unless accept_ra is 2, and would lose its own way out. */
async function devsThatLearnRoutes(context: EngineContext): Promise<readonly string[]> {
  const wayOut = await context.kernel.wayOut(6)
  if (wayOut === undefined) return []
  const key = `net/ipv6/conf/${wayOut.dev}/accept_ra`
  return context.kernel.hostSysctls([key]).get(key) === '1' ? [wayOut.dev] : []
}

/**
 * Chains in which a network with rules of that backend may need an accept. In
 * the forward chains of our own variant our jump comes first, so nothing there
 * can drop what we accept; in input chains we have nothing of our own.
 */
export function foreignChains(
  context: EngineContext,
  config: NetworkConfig,
  backend: FirewallBackend,
): readonly ForeignDrop[] {
  if (backend === 'none') return []
  const own = backend === 'iptables' ? `iptables-${context.kernel.iptablesVariant()}` : undefined
  const named = hasNames(context, config)
  return config.subnets.flatMap(({ subnet }) =>
    (['iptables-nft', 'iptables-legacy'] as const).flatMap((tool): readonly ForeignDrop[] => {
      const family = familyOf(subnet)
      return [
        ...(tool === own ? [] : [{ chain: 'FORWARD', tool, family } as const]),
        ...(named ? [{ chain: 'INPUT', tool, family } as const] : []),
      ]
    }),
  )
}

/** Under the exclusive host lock. On failure nothing of this unit is left. */
export async function makeUnit(context: EngineContext, planned: PlannedUnit): Promise<void> {
  const { kernel, units } = context
  const record = { version: 1, unit: planned.unit, steps: planned.steps } as const
  units.begin(planned.unit, record)
  let created: readonly boolean[]
  try {
    created = await applyOrUndo(kernel, planned.steps, undefined)
  } catch (error) {
    // What could not be taken back stays in the journal.
    if (asTsnetError(error).undo.length === 0) units.forget(planned.unit)
    throw error
  }
  const ours = planned.steps.filter((_, i) => created[i])
  try {
    units.commit(planned.unit, ours.length === planned.steps.length ? undefined : { ...record, steps: ours })
  } catch (error) {
    const left = await kernel.revert(ours, undefined)
    if (left.length === 0) units.forget(planned.unit)
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
    context.units.forget(unit)
    return []
  }
  // A change was killed: the network is as before it, the definition too.
  const { config, unit: before } = record.change
  if (context.networks.get(config.name) !== undefined) context.networks.put(config)
  context.units.replace(unit, before)
  context.units.forget(unit)
  return []
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
