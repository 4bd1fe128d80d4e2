/**
 * The life of user networks: create, list, inspect, remove, prune.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { checkSubnet } from '../ipam/overlap.ts'
import { resolveSubnets } from '../ipam/subnets.ts'
import type { Address } from '../model/address.ts'
import { bridgeName } from '../model/names.ts'
import type { CreateNetworkRequest, NetworkConfig } from '../model/network.ts'
import { validateCreateNetwork } from '../model/networkrequest.ts'
import { describeOwner, type EngineContext } from './context.ts'
import type { NetworkInspect } from './engine.ts'
import { defaultOptions, freeSubnets, noSuchNetwork } from './ensure.ts'
import { listContainers } from './find.ts'
import { requireTools } from './setup.ts'
import { heal, reapDead } from './takedown.ts'
import { makeUnit, missingUnits, removeNetworkUnits } from './units.ts'

/** The network is in the kernel when this returns; after a failure nothing of it is left. */
export async function createNetwork(
  context: EngineContext,
  request: CreateNetworkRequest,
): Promise<NetworkConfig> {
  validateCreateNetwork(request)
  requireTools(context, context.backend)
  await heal(context)
  const host = await context.locks.hostExclusive()
  try {
    if (context.networks.get(request.name) !== undefined) throw networkExists(request.name)
    const config = await configFrom(context, request)
    context.networks.put(config)
    try {
      for (const unit of await missingUnits(context, config, context.backend)) await makeUnit(context, unit)
    } catch (error) {
      await removeNetworkUnits(context, config.name)
      context.networks.remove(config.name)
      throw error
    }
    return config
  } finally {
    host.release()
  }
}

function networkExists(name: string): Error {
  return fail('TSNET_NETWORK_EXISTS', {
    message: `creating network ${name}: there is one of that name`,
    field: 'name',
    value: name,
    hint: `"tsnet network inspect ${name}" shows it; choose another name`,
  })
}

async function configFrom(context: EngineContext, request: CreateNetworkRequest): Promise<NetworkConfig> {
  const { name, driver, internal, labels, ipv6 } = request
  const bridge = request.options.bridge ?? bridgeName(name)
  const holder = context.networks.list().find(({ options }) => options.bridge === bridge)
  if (holder !== undefined) {
    throw fail('TSNET_NAME_IN_USE', {
      message: `creating network ${name}: bridge ${bridge} belongs to network ${holder.name}`,
      field: 'options.bridge',
      value: bridge,
      hint: 'choose another name with -o bridge=NAME',
    })
  }
  return {
    name,
    driver,
    internal,
    subnets:
      request.subnets.length > 0
        ? await askedSubnets(context, request)
        : await freeSubnets(context, { name, ipv6 }),
    options: { ...defaultOptions, ...request.options, bridge },
    labels,
    ephemeral: false,
    createdAt: new Date().toISOString(),
  }
}

async function askedSubnets(
  context: EngineContext,
  request: CreateNetworkRequest,
): Promise<NetworkConfig['subnets']> {
  const facts = await context.kernel.hostFacts()
  const taken = context.networks
    .list()
    .flatMap(({ name, subnets }) => subnets.map(({ subnet }) => ({ subnet, network: name })))
  // A bridge that is there already may have the very addresses it is meant to have.
  const own = request.options.bridge
  const others = {
    ...facts,
    addresses: facts.addresses.filter(({ dev }) => dev !== own),
    routes: facts.routes.filter(({ dev }) => dev === undefined || dev !== own),
  }
  const asked = resolveSubnets(request.subnets)
  for (const { subnet } of asked) checkSubnet(subnet, others, taken)
  const missing6 = request.ipv6 && !asked.some(({ subnet }) => subnet.includes(':'))
  if (!missing6) return asked
  const free = await freeSubnets(context, { name: request.name, ipv6: true })
  return [...asked, ...free.filter(({ subnet }) => subnet.includes(':'))]
}

/** @throws TSNET_NETWORK_IN_USE, TSNET_NO_SUCH_NETWORK */
export async function removeNetwork(context: EngineContext, name: string): Promise<void> {
  await heal(context)
  const host = await context.locks.hostExclusive()
  try {
    if (context.networks.get(name) === undefined) throw noSuchNetwork(context, name)
    const holders = await livingHolders(context, name)
    if (holders.length > 0) {
      throw fail('TSNET_NETWORK_IN_USE', {
        message: `removing network ${name}: ${holders.length === 1 ? 'a container is' : `${holders.length} containers are`} on it`,
        field: 'name',
        value: name,
        hint: `tear down ${holders.slice(0, 5).join(', ')}${holders.length > 5 ? ', …' : ''} first`,
      })
    }
    const errors = await removeNetworkUnits(context, name)
    if (errors.length > 0) throw errors[0]
    context.networks.remove(name)
    context.reservations.leases.forget(name)
  } finally {
    host.release()
  }
}

/** Under the host lock; containers whose sandbox is gone are taken down on the way. */
async function livingHolders(context: EngineContext, name: string): Promise<readonly string[]> {
  const { leases } = context.reservations
  const owners = (): NonNullable<ReturnType<typeof leases.owner>>[] =>
    leases.list(name).flatMap((address) => leases.owner(name, address) ?? [])
  await reapDead(context, owners())
  return [...new Set(owners().map(describeOwner))]
}

export async function pruneNetworks(context: EngineContext): Promise<readonly string[]> {
  const removed: string[] = []
  for (const { name, ephemeral } of context.networks.list()) {
    if (ephemeral) continue
    try {
      await removeNetwork(context, name)
      removed.push(name)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'TSNET_NETWORK_IN_USE')) throw error
    }
  }
  return removed
}

export async function inspectNetwork(context: EngineContext, name: string): Promise<NetworkInspect> {
  const config = context.networks.get(name)
  if (config === undefined) throw noSuchNetwork(context, name)
  const { leases } = context.reservations
  const bridge = await context.kernel.hostLink(config.options.bridge)
  return {
    config,
    live: bridge !== undefined,
    containers: listContainers(context).flatMap(({ container, attachments }) =>
      attachments
        .filter(({ network }) => network === name)
        .map(({ ifname, addresses }) => ({
          id: container.id,
          ...(container.name === undefined ? {} : { name: container.name }),
          ifname,
          addresses,
        })),
    ),
    leases: leases.list(name).map((address) => {
      const owner = leases.owner(name, address)
      return { address: address as Address, owner: owner === undefined ? '' : describeOwner(owner) }
    }),
  }
}
