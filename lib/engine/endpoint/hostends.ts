/**
 * Endpoints whose inside is somebody else's: a pair with both ends on the host,
 * one of which an engine (Docker) takes into its sandbox, names and addresses
 * itself, and ports that are published when the engine says so (`endports.ts`).
 *
 * Each has a record of its own, and published ports another, so that a kill
 * while they are changed costs the ports and not the endpoint. The sandbox is
 * not known when the pair is made: alive is whoever still has its host end.
 * Whose container it is may be told later (`endowner.ts`).
 *
 * @module
 */

import { planAttachment } from '../../drivers/bridge.ts'
import { asTsnetError, fail, isTsnetError } from '../../errors/codes.ts'
import { addressOf, type Cidr, macFromAddress } from '../../model/address.ts'
import type { NetworkConfig } from '../../model/network.ts'
import type { PortBinding } from '../../model/portmapping.ts'
import type { OwnedStep } from '../../state/records.ts'
import type { Owner } from '../../state/reservations.ts'
import { leaseAddresses } from '../attach/addresses.ts'
import { applyOrUndo, lower } from '../attach/apply.ts'
import { bridgeMtu, freeHostIfname, rulesSeeBridge } from '../attach/linkchoice.ts'
import { describeOwner, type EngineContext, interruptible, ownerIsAlive } from '../context.ts'
import { heal } from '../heal/heal.ts'
import { removeIdle, tidy } from '../heal/idle.ts'
import { reapingFor, reapOrAwait } from '../heal/reap.ts'
import { despiteFlush } from '../heal/refresh.ts'
import { clearTheWay, takeDown, undoPending } from '../heal/takedown.ts'
import { endKey, isEndKey } from '../look/find.ts'
import { ensureNetworks } from '../network/ensure.ts'
import { type EndOwner, identify } from './endowner.ts'
import { publish } from './endports.ts'
import {
  aliasOf,
  type EndRequestRecord,
  endOf,
  type HostEnd,
  type HostEndRequest,
  ownerOf,
  portsKey,
  portsSuffix,
  recordOf,
  type WantedPort,
} from './endrecords.ts'

export interface HostEnds {
  /**
   * An equal request returns what is there. An endpoint of the same engine that
   * has one of the addresses is taken down: whoever gives an address says that
   * an earlier holder has lost it.
   *
   * @throws TSNET_ADDRESS_IN_USE (conflict) where somebody else's container has it
   */
  create(request: HostEndRequest, options?: { readonly signal?: AbortSignal }): Promise<HostEnd>
  /** Replaces what is published. @throws TSNET_PORT_IN_USE (conflict), TSNET_NO_SUCH_CONTAINER (notFound) */
  publish(id: string, ports: readonly WantedPort[]): Promise<readonly PortBinding[]>
  unpublish(id: string): Promise<void>
  /** Nothing to remove is a success. */
  remove(id: string): Promise<void>
  /** @throws TSNET_PORT_IN_USE and others of the name server; what was told is noted all the same */
  identify(id: string, owner: EndOwner): Promise<void>
  get(id: string): HostEnd | undefined
  list(): readonly HostEnd[]
  /** Its host end is there. */
  isAlive(id: string): Promise<boolean>
}

export function createHostEnds(context: EngineContext): HostEnds {
  return {
    create: (request, options) => despiteFlush(context, () => create(context, request, options?.signal)),
    publish: (id, ports) =>
      despiteFlush(context, () => publish(context, id, ports)).finally(() => tidy(context)),
    unpublish: (id) => unpublish(context, id).finally(() => tidy(context)),
    remove: (id) => remove(context, id).finally(() => tidy(context)),
    identify: (id, owner) => identify(context, id, owner).finally(() => tidy(context)),
    get: (id) => endOf(context, id),
    list: () =>
      context.containers
        .keys()
        .filter((key) => isEndKey(key) && !key.endsWith(portsSuffix))
        .flatMap((key) => endOf(context, key.slice(1)) ?? []),
    isAlive: async (id) => {
      const record = context.containers.get(endKey(id))
      return record !== undefined && ownerIsAlive(context, ownerOf(context, id, record.id))
    },
  }
}

async function create(
  context: EngineContext,
  request: HostEndRequest,
  signal: AbortSignal | undefined,
): Promise<HostEnd> {
  const key = endKey(request.id)
  const waiting = interruptible(context, signal)
  await heal(waiting)
  const lock = await waiting.locks.container(key)
  try {
    const known = context.containers.get(key)
    if (known !== undefined && (await ownerIsAlive(context, ownerOf(context, request.id, key)))) {
      if (sameEnd((known.request as EndRequestRecord).end, request))
        return endOf(context, request.id) as HostEnd
      throw fail('TSNET_ALREADY_ATTACHED', {
        message: `creating endpoint ${request.id}: it is there with other settings`,
        field: 'EndpointID',
        value: request.id,
        hint: 'delete it first',
      })
    }
    await clearTheWay(context, portsKey(request.id), key)
    return await createLocked(context, request, signal)
  } finally {
    lock.release()
    await tidy(context)
  }
}

const sameEnd = (a: HostEndRequest, b: HostEndRequest): boolean =>
  a.network === b.network && String(a.cidrs) === String(b.cidrs) && a.mac === b.mac && a.peer === b.peer

async function takeDownEnd(context: EngineContext, id: string): Promise<{ errors: readonly unknown[] }> {
  const ports = await takeDown(context, portsKey(id))
  const { errors } = await takeDown(context, endKey(id))
  return { errors: [...ports.errors, ...errors] }
}

async function createLocked(
  context: EngineContext,
  request: HostEndRequest,
  signal: AbortSignal | undefined,
): Promise<HostEnd> {
  const { id, network } = request
  const key = endKey(id)
  const begun = recordOf(context, request, { key })
  context.containers.begin(key, begun)
  let host: { release(): void } | undefined
  try {
    const backend = context.networks.get(network)?.firewall ?? context.backend
    const ensured = await ensureNetworks(context, [{ network }], backend, async () => undefined)
    host = ensured.host
    const config = ensured.configs.get(network) as NetworkConfig
    const cidrs = await addressesOf(context, request, config)
    signal?.throwIfAborted()
    const first = cidrs[0]
    if (first === undefined) {
      throw fail('TSNET_BAD_VALUE', {
        message: `creating endpoint ${id}: network ${network} has no subnet, and no address was given`,
        field: 'Interface.Address',
        value: '',
        hint: 'give the network a subnet',
      })
    }
    const plan = planAttachment({
      config,
      container: { id },
      ifname: request.peer,
      hostPeer: request.peer,
      hostIfname: freeHostIfname(context, { containerId: id, network, ifname: request.peer }),
      cidrs,
      mac: request.mac ?? macFromAddress(addressOf(first)),
      mtuBytes: await bridgeMtu(context, config),
      defaultRoute: [4, 6],
      severalNetworks: false,
      bindings: [],
      backend,
      aliases: [],
      rulesSeeBridge: rulesSeeBridge(context, config),
    })
    const alias = aliasOf(id)
    const steps = lower(plan.endpoint, backend).map(
      (step): OwnedStep => ({ of: request.peer, step: step.kind === 'veth' ? { ...step, alias } : step }),
    )
    const record = recordOf(context, request, { key, steps, attachment: plan.attachment })
    context.containers.begin(key, record)
    await applyOrUndo(
      context.kernel,
      steps.map(({ step }) => step),
      undefined,
    )
    signal?.throwIfAborted()
    context.containers.commit(key)
    return endOf(context, id) as HostEnd
  } catch (error) {
    host ??= await context.locks.hostShared()
    const left = await undoPending(context, key)
    if (isTsnetError(error)) error.undo.push(...left)
    throw error
  } finally {
    host?.release()
    if (!context.containers.has(key)) await removeIdle(context, [network])
  }
}

/** Under the host lock. */
async function addressesOf(
  context: EngineContext,
  { id, network, cidrs }: HostEndRequest,
  config: NetworkConfig,
): Promise<readonly Cidr[]> {
  const { leases } = context.reservations
  const owner = ownerOf(context, id, endKey(id))
  if (cidrs.length === 0) {
    const endpoint = { request: { network }, config, ifname: 'end', defaultRoute: [] }
    return leaseAddresses(context, leases, endpoint, reapingFor(context, owner))
  }
  for (const cidr of cidrs) {
    const address = addressOf(cidr)
    const holder = leases.owner(network, address)
    if (holder !== undefined) await evict(context, holder, { network, address })
    leases.take(network, address, owner)
  }
  return cidrs
}

/** An endpoint of the engine's that it has forgotten, an address held for it, or a container that is dead. */
async function evict(
  context: EngineContext,
  holder: Owner,
  { network, address }: { readonly network: string; readonly address: string },
): Promise<void> {
  if (isEndKey(holder.record) && context.containers.has(holder.record)) {
    // Only tried: whoever waits for one container while he holds another may wait in a circle.
    const lock = await context.locks.tryContainer(holder.record)
    if (lock !== undefined) {
      try {
        await takeDownEnd(context, holder.container)
      } finally {
        lock.release()
      }
    }
  } else if (isEndKey(holder.record)) {
    context.reservations.leases.release(network, address)
  } else {
    await reapOrAwait(context, [holder])
  }
  if (context.reservations.leases.owner(network, address) === undefined) return
  throw fail('TSNET_ADDRESS_IN_USE', {
    message: `taking ${address} on network ${network}: held by ${describeOwner(holder)}`,
    field: 'Interface.Address',
    value: address,
    hint: 'have tsnet give the addresses: --ipam-driver tsnet',
  })
}

async function unpublish(context: EngineContext, id: string): Promise<void> {
  await withEnd(context, id, async () => (await takeDown(context, portsKey(id))).errors)
}

async function remove(context: EngineContext, id: string): Promise<void> {
  const network = endOf(context, id)?.network
  await withEnd(context, id, async () => (await takeDownEnd(context, id)).errors)
  if (network !== undefined) await removeIdle(context, [network])
}

async function withEnd(
  context: EngineContext,
  id: string,
  work: () => Promise<readonly unknown[]>,
): Promise<void> {
  await heal(context)
  const { container, host } = await context.locks.takedown(endKey(id))
  try {
    const errors = await work()
    if (errors.length > 0) throw asTsnetError(errors[0])
  } finally {
    host.release()
    container.release()
  }
}
