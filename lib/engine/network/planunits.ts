/**
 * What units of a network are made of: those that are not there yet, and one
 * whose record cannot be read. Not responsible for making them (units.ts).
 *
 * @module
 */

import {
  planBaseRules,
  planForeignAccepts,
  planNetworkLinks,
  planNetworkRules,
} from '../../drivers/bridge.ts'
import { familyOf } from '../../model/address.ts'
import type { FirewallBackend } from '../../model/attachment.ts'
import type { NetworkConfig } from '../../model/network.ts'
import type { ForeignDrop } from '../../plan/facts.ts'
import type { LoweredStep } from '../../plan/step.ts'
import { lower, withBefore } from '../attach/apply.ts'
import { bridgeMtu } from '../attach/linkchoice.ts'
import type { EngineContext } from '../context.ts'
import { isDriven, planDrivenNetwork } from '../drivers.ts'
import { hasNames } from '../names/names.ts'
import { refuseBeside } from './beside.ts'
import { backends, type PlannedAccept, type PlannedUnit, unitNames } from './units.ts'

/**
 * Units of a network that are not in the kernel now, in the order to make them.
 *
 * @throws TSNET_RULES_IN_USE (conflict) where another state folder has the base rules of this host
 */
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
    planned.push({
      unit: names.network(config.name),
      steps: await planLinks(context, config),
      ...copyOf(config),
    })
  }
  if (!there.has(names.base(backend))) {
    refuseBeside(context, names.base(backend))
    planned.push({ unit: names.base(backend), steps: lower(planBaseRules(), backend) })
  }
  if (!there.has(names.rules(config.name, backend))) {
    const steps = networkRules(context, config, backend)
    planned.push({ unit: names.rules(config.name, backend), steps: withBefore(steps, context.kernel) })
  }
  return [...planned, ...(await missingAccepts(context, { config, backend, there }))]
}

/** Rules of its own, without the accepts it needs in chains of others. */
export function networkRules(
  context: EngineContext,
  config: NetworkConfig,
  backend: FirewallBackend,
): readonly LoweredStep[] {
  const named = hasNames(context, config)
  return lower(planNetworkRules({ config, foreignDrops: [], named, backend }), backend)
}

/** Of what nobody has written down but us. */
export function copyOf(config: NetworkConfig | undefined): { readonly config?: NetworkConfig } {
  return config?.ephemeral === true ? { config } : {}
}

/**
 * What a unit whose record cannot be read was made of, from the definition of
 * its network: as if nothing were there yet, so that all of it goes with the network.
 */
export async function plannedAgain(
  context: EngineContext,
  unit: string,
): Promise<readonly LoweredStep[] | undefined> {
  const base = backends.find((backend) => unit === unitNames.base(backend))
  if (base !== undefined) return lower(planBaseRules(), base)
  const name = unitNames.networkOf(unit)
  const config = name === undefined ? undefined : context.networks.get(name)
  if (config === undefined) return undefined
  if (isDriven(config)) return lower(await planDrivenNetwork(context, config), 'none')
  if (unit === unitNames.network(config.name)) {
    const mtuBytes = await bridgeMtu(context, config)
    const fresh = { config, bridge: undefined, bridgeAddresses: [], mtuBytes, acceptRaDevs: [] }
    return lower(planNetworkLinks(fresh), 'none')
  }
  const backend = backends.find((one) => unit === unitNames.rules(config.name, one))
  if (backend !== undefined) return networkRules(context, config, backend)
  const drop = backends
    .flatMap((one) => foreignChains(context, config, one))
    .find((chain) => unit === unitNames.accept(config.name, chain))
  return drop === undefined ? undefined : lower(planForeignAccepts(config, [drop]), 'nftables')
}

/** No rules, and no bridge that could be looked for: it is there if its record says so. */
async function missingDriven(context: EngineContext, config: NetworkConfig): Promise<readonly PlannedUnit[]> {
  const unit = unitNames.network(config.name)
  if (context.units.has(unit)) return []
  const steps = lower(await planDrivenNetwork(context, config), 'none')
  return [{ unit, steps: withBefore(steps, context.kernel), ...copyOf(config) }]
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
  const [first] = config.subnets
  if (backend === 'none' || config.options.unmanaged === true || first === undefined) return []
  const own = backend === 'iptables' ? `iptables-${context.kernel.iptablesVariant()}` : undefined
  const named = hasNames(context, config)
  const tables = config.subnets.flatMap(({ subnet }) =>
    (['iptables-nft', 'iptables-legacy'] as const).flatMap((tool): readonly ForeignDrop[] => {
      const family = familyOf(subnet)
      return [
        ...(tool === own ? [] : [{ chain: 'FORWARD', tool, family } as const]),
        ...(named ? [{ chain: 'INPUT', tool, family } as const] : []),
      ]
    }),
  )
  return [...tables, { chain: 'FORWARD', tool: 'firewalld', family: familyOf(first.subnet) }]
}
