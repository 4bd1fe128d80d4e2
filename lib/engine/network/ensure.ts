/**
 * Networks as an attach needs them: defined, and in the kernel.
 *
 * @module
 */

import type { EndpointRequest, FirewallBackend } from '../../model/attachment.ts'
import { bridgeName, DEFAULT_NETWORK } from '../../model/names.ts'
import type { NetworkConfig } from '../../model/network.ts'
import { noSuchNetwork as unknownNetwork } from '../../model/unknown.ts'
import type { LockHandle } from '../../state/lock.ts'
import type { EngineContext } from '../context.ts'
import { defaultOptions, freeSubnets, inlineDefinition } from './definition.ts'
import { missingUnits } from './planunits.ts'
import { makeUnit, type PlannedUnit } from './units.ts'

export interface Ensured {
  readonly configs: ReadonlyMap<string, NetworkConfig>
  /** The host lock, shared or exclusive; the caller releases it. */
  readonly host: LockHandle
}

/**
 * The usual case finds everything there, under the shared lock. Else the lock
 * is taken exclusively, looked again, and what is missing is made.
 *
 * @param rehearse called before anything is made, to find what would fail later
 * @throws TSNET_NO_SUCH_NETWORK (notFound), with the lock released
 */
export async function ensureNetworks(
  context: EngineContext,
  endpoints: readonly EndpointRequest[],
  backend: FirewallBackend,
  rehearse: (configs: Ensured['configs']) => Promise<void>,
): Promise<Ensured> {
  const shared = await context.locks.hostShared()
  try {
    const configs = await definedAndLive(context, endpoints, backend)
    if (configs !== undefined) return { configs, host: shared }
  } catch (error) {
    shared.release()
    throw error
  }
  shared.release()
  const exclusive = await context.locks.hostExclusive()
  try {
    const { configs, units } = await planNetworks(context, endpoints, backend)
    await rehearse(configs)
    for (const config of configs.values()) {
      if (context.networks.get(config.name) === undefined) context.networks.put(config)
    }
    for (const unit of units) await makeUnit(context, unit)
    return { configs, host: exclusive }
  } catch (error) {
    exclusive.release()
    throw error
  }
}

/** Definitions of all networks, and what is missing of them in the kernel; changes nothing. */
export async function planNetworks(
  context: EngineContext,
  endpoints: readonly EndpointRequest[],
  backend: FirewallBackend,
): Promise<{ readonly configs: Ensured['configs']; readonly units: readonly PlannedUnit[] }> {
  const configs = new Map<string, NetworkConfig>()
  const units = new Map<string, PlannedUnit>()
  for (const endpoint of endpoints) {
    const { network } = endpoint
    const config = configs.get(network) ?? (await definitionFor(context, endpoint))
    configs.set(network, config)
    // Several networks share their base rules.
    for (const planned of await missingUnits(context, config, backend)) units.set(planned.unit, planned)
  }
  return { configs, units: [...units.values()] }
}

async function definedAndLive(
  context: EngineContext,
  endpoints: readonly EndpointRequest[],
  backend: FirewallBackend,
): Promise<ReadonlyMap<string, NetworkConfig> | undefined> {
  const configs = new Map<string, NetworkConfig>()
  for (const { network, definition } of endpoints) {
    const config = context.networks.get(network)
    if (definition !== undefined && config !== undefined) await inlineDefinition(context, definition)
    if (config === undefined) {
      if (network === DEFAULT_NETWORK || definition !== undefined) return undefined
      throw noSuchNetwork(context, network, 'to use')
    }
    if ((await missingUnits(context, config, backend)).length > 0) return undefined
    configs.set(network, config)
  }
  return configs
}

async function definitionFor(
  context: EngineContext,
  { network, definition }: EndpointRequest,
): Promise<NetworkConfig> {
  return definition === undefined ? defined(context, network) : inlineDefinition(context, definition)
}

/** The definition; that of the default network is made up when there is none yet. */
async function defined(context: EngineContext, name: string): Promise<NetworkConfig> {
  const config = context.networks.get(name)
  if (config !== undefined) return config
  if (name !== DEFAULT_NETWORK || context.networks.fault(name) !== undefined)
    throw noSuchNetwork(context, name, 'to use')
  return {
    name,
    driver: 'bridge',
    internal: false,
    subnets: await freeSubnets(context, { name, ipv6: hasIpv6(context) }),
    options: { ...defaultOptions(context), bridge: bridgeName(name) },
    labels: {},
    ephemeral: true,
    createdAt: new Date().toISOString(),
  }
}

/** A kernel without IPv6, or started with ipv6.disable=1, has no such settings. */
function hasIpv6({ kernel }: EngineContext): boolean {
  const key = 'net/ipv6/conf/all/forwarding'
  return kernel.hostSysctls([key]).get(key) !== undefined
}

/**
 * Or one whose definition cannot be read.
 *
 * @param asked `to use`: somebody wants one, and can make it; `to look`: it would be of no use to him
 */
export function noSuchNetwork(context: EngineContext, name: string, asked: 'to use' | 'to look'): Error {
  const fault = context.networks.fault(name)
  if (fault !== undefined) return fault
  const known = context.networks.list().map((network) => network.name)
  const shown = `${known.slice(0, 10).join(', ')}${known.length > 10 ? ', …' : ''}`
  const hints = [
    ...(known.length > 0 ? [`there are ${shown}`] : []),
    ...(asked === 'to use' ? [`"tsnet network create ${name}" makes it`] : []),
  ]
  return unknownNetwork({
    word: name,
    known: name === DEFAULT_NETWORK ? [] : known,
    hint: hints.join('; ') || '"tsnet network ls" shows all',
  })
}
