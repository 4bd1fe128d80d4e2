/**
 * Networks as an attach needs them: defined, and in the kernel.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { chooseSubnets } from '../ipam/pools.ts'
import type { EndpointRequest, FirewallBackend } from '../model/attachment.ts'
import { bridgeName, DEFAULT_NETWORK } from '../model/names.ts'
import type { BridgeOptions, IpamSubnet, NetworkConfig } from '../model/network.ts'
import type { LockHandle } from '../state/lock.ts'
import type { EngineContext } from './context.ts'
import { makeUnit, missingUnits } from './units.ts'

export interface Ensured {
  readonly configs: ReadonlyMap<string, NetworkConfig>
  /** The host lock, shared or exclusive; the caller releases it. */
  readonly host: LockHandle
}

/**
 * The usual case finds everything there, under the shared lock. Else the lock
 * is taken exclusively, looked again, and what is missing is made.
 *
 * @throws TSNET_NO_SUCH_NETWORK (notFound), with the lock released
 */
export async function ensureNetworks(
  context: EngineContext,
  endpoints: readonly EndpointRequest[],
  backend: FirewallBackend,
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
    const configs = new Map<string, NetworkConfig>()
    for (const { network } of endpoints) {
      const config = await defined(context, network)
      if (context.networks.get(network) === undefined) context.networks.put(config)
      configs.set(network, config)
      for (const unit of await missingUnits(context, config, backend)) await makeUnit(context, unit)
    }
    return { configs, host: exclusive }
  } catch (error) {
    exclusive.release()
    throw error
  }
}

async function definedAndLive(
  context: EngineContext,
  endpoints: readonly EndpointRequest[],
  backend: FirewallBackend,
): Promise<ReadonlyMap<string, NetworkConfig> | undefined> {
  const configs = new Map<string, NetworkConfig>()
  for (const { network } of endpoints) {
    const config = context.networks.get(network)
    if (config === undefined) {
      if (network === DEFAULT_NETWORK) return undefined
      throw noSuchNetwork(context, network)
    }
    if ((await missingUnits(context, config, backend)).length > 0) return undefined
    configs.set(network, config)
  }
  return configs
}

/** The definition; that of the default network is made up when there is none yet. */
export async function defined(context: EngineContext, name: string): Promise<NetworkConfig> {
  const config = context.networks.get(name)
  if (config !== undefined) return config
  if (name !== DEFAULT_NETWORK) throw noSuchNetwork(context, name)
  return {
    name,
    driver: 'bridge',
    internal: false,
    subnets: await freeSubnets(context, { name, ipv6: true }),
    options: { ...defaultOptions, bridge: bridgeName(name) },
    labels: {},
    ephemeral: true,
    createdAt: new Date().toISOString(),
  }
}

export const defaultOptions: Omit<BridgeOptions, 'bridge'> = {
  masquerade: true,
  icc: true,
  hairpin: true,
  isolate: true,
}

export async function freeSubnets(
  context: EngineContext,
  wanted: { readonly name: string; readonly ipv6: boolean },
): Promise<readonly IpamSubnet[]> {
  const facts = await context.kernel.hostFacts()
  const taken = context.networks.list().flatMap(({ subnets }) => subnets.map(({ subnet }) => subnet))
  return chooseSubnets({ facts, taken, ipv6: wanted.ipv6, seed: `${context.kernel.bootId()} ${wanted.name}` })
}

export function noSuchNetwork(context: EngineContext, name: string): Error {
  const known = context.networks.list().map((network) => network.name)
  return fail('TSNET_NO_SUCH_NETWORK', {
    message: `finding network ${name}: there is none of that name`,
    field: 'network',
    value: name,
    hint:
      known.length === 0
        ? `"tsnet network create ${name}" makes it`
        : `there are ${known.join(', ')}; "tsnet network create ${name}" makes it`,
  })
}
