/**
 * The life of user networks: create, list, inspect, remove, prune.
 *
 * @module
 */

import { fail, isTsnetError } from '../../errors/codes.ts'
import type { Address } from '../../model/address.ts'
import type { CreateNetworkRequest, NetworkConfig } from '../../model/network.ts'
import { validateCreateNetwork } from '../../model/networkrequest.ts'
import type { LockHandle } from '../../state/lock.ts'
import { describeOwner, type EngineContext, interruptible } from '../context.ts'
import { isDriven } from '../drivers.ts'
import type { NetworkInspect } from '../engine.ts'
import { heal } from '../heal/heal.ts'
import { tidy } from '../heal/idle.ts'
import { reapDead } from '../heal/reap.ts'
import { notAllGone } from '../heal/unfinished.ts'
import { listContainers } from '../look/find.ts'
import { requireTools } from '../tools.ts'
import { configFrom } from './definition.ts'
import { noSuchNetwork } from './ensure.ts'
import { missingUnits } from './planunits.ts'
import { makeUnit, removeNetworkUnits, unitNames } from './units.ts'

/** The network is in the kernel when this returns; after a failure nothing of it is left. */
export async function createNetwork(
  context: EngineContext,
  request: CreateNetworkRequest,
  signal?: AbortSignal,
): Promise<NetworkConfig> {
  validateCreateNetwork(request)
  requireTools(context, context.backend)
  // Frames are nftables' in either backend.
  if (request.options.protect !== undefined && context.backend !== 'none') requireTools(context, 'nftables')
  const host = await hostAfterHealing(context, signal)
  try {
    if (context.networks.get(request.name) !== undefined) throw networkExists(request.name)
    const fault = context.networks.fault(request.name)
    if (fault !== undefined) throw fault
    const config = await configFrom(context, request)
    try {
      for (const unit of await missingUnits(context, config, context.backend)) await makeUnit(context, unit)
      // Last: units of a network that is not defined are taken for those of a killed process.
      context.networks.put(config)
    } catch (error) {
      const left = await removeNetworkUnits(context, config.name)
      if (isTsnetError(error)) error.undo.push(...left)
      throw error
    }
    return config
  } catch (error) {
    host.release()
    await tidy(context)
    throw error
  } finally {
    host.release()
  }
}

/** The signal ends the waiting for others; what has begun is finished, or taken back when it fails. */
async function hostAfterHealing(
  context: EngineContext,
  signal: AbortSignal | undefined,
): Promise<LockHandle> {
  const waiting = interruptible(context, signal)
  await heal(waiting)
  return waiting.locks.hostExclusive()
}

function networkExists(name: string): Error {
  return fail('TSNET_NETWORK_EXISTS', {
    message: `creating network ${name}: there is one of that name`,
    field: 'name',
    value: name,
    hint: `"tsnet network inspect ${name}" shows it; choose another name`,
  })
}

/** @throws TSNET_NETWORK_IN_USE, TSNET_NO_SUCH_NETWORK */
export async function removeNetwork(
  context: EngineContext,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  const host = await hostAfterHealing(context, signal)
  try {
    // One whose definition cannot be read goes like any other: what it is made of, its units say.
    if (!context.networks.names().includes(name)) throw noSuchNetwork(context, name, 'to look')
    const holders = await livingHolders(context, name)
    if (holders.length > 0) {
      throw fail('TSNET_NETWORK_IN_USE', {
        message: `removing network ${name}: ${holders.length === 1 ? 'a container is' : `${holders.length} containers are`} on it`,
        field: 'name',
        value: name,
        hint: `tear down ${holders.slice(0, 5).join(', ')}${holders.length > 5 ? ', …' : ''} first`,
      })
    }
    // First: should we be killed, units of a network that is not defined are removed by the next command.
    context.networks.remove(name)
    const errors = await removeNetworkUnits(context, name)
    context.reservations.leases.forget(name)
    if (errors.length > 0) throw notAllGone(`removing network ${name}`, errors)
  } finally {
    host.release()
    await tidy(context)
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

export async function pruneNetworks(
  context: EngineContext,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const removed: string[] = []
  for (const { name, ephemeral } of context.networks.list()) {
    if (ephemeral) continue
    try {
      await removeNetwork(context, name, signal)
      removed.push(name)
    } catch (error) {
      // Somebody else may have removed it meanwhile.
      const passes =
        isTsnetError(error, 'TSNET_NETWORK_IN_USE') || isTsnetError(error, 'TSNET_NO_SUCH_NETWORK')
      if (!passes) throw error
    }
  }
  return removed
}

/** One that goes while we look is left out, and so is one whose definition cannot be read. */
export async function listNetworks(context: EngineContext): Promise<readonly NetworkInspect[]> {
  const found: NetworkInspect[] = []
  for (const name of context.networks.names()) {
    try {
      found.push(await inspectNetwork(context, name))
    } catch (error) {
      if (isTsnetError(error, 'TSNET_STATE_UNREADABLE')) context.warn(`${error.message}; ${error.hint ?? ''}`)
      else if (!isTsnetError(error, 'TSNET_NO_SUCH_NETWORK')) throw error
    }
  }
  return found
}

export async function inspectNetwork(context: EngineContext, name: string): Promise<NetworkInspect> {
  const config = context.networks.get(name)
  if (config === undefined) throw noSuchNetwork(context, name, 'to look')
  const { leases } = context.reservations
  const bridge = await context.kernel.hostLink(config.options.bridge)
  return {
    config,
    live: isDriven(config) ? context.units.has(unitNames.network(name)) : bridge !== undefined,
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
