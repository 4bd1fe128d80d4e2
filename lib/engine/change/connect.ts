/**
 * Connecting a running container to one more network.
 *
 * The default route of a family stays where it is, unless the new network has a
 * higher priority, or nothing carries it yet; internal networks never carry it.
 * Published ports stay on the network they are on. Names of the new network are
 * answered, and files that were written for the container are brought up to
 * date, before this returns.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { addressOf, familyOf } from '../../model/address.ts'
import {
  type Attachment,
  type ContainerNetwork,
  type EndpointRequest,
  nothingMore,
  type SetupRequest,
} from '../../model/attachment.ts'
import type { NetworkConfig } from '../../model/network.ts'
import { validateSetup } from '../../model/validate.ts'
import type { LoweredStep } from '../../plan/step.ts'
import type { ContainerRecord, OwnedStep } from '../../state/records.ts'
import { leaseAddresses } from '../attach/addresses.ts'
import { applyOrUndo } from '../attach/apply.ts'
import { decideEndpoints } from '../attach/decide.ts'
import { decideDry } from '../attach/rehearse.ts'
import type { Target } from '../attach/target.ts'
import { addressTurn } from '../attach/turns.ts'
import { type EngineContext, interruptible } from '../context.ts'
import type { Selector } from '../engine.ts'
import { reapingFor } from '../heal/reap.ts'
import { findContainer } from '../look/find.ts'
import { ensureNetworks } from '../network/ensure.ts'
import { requireTools } from '../tools.ts'
import {
  type Anchor,
  afterChange,
  beginChange,
  changing,
  failChange,
  finishChange,
  openLiving,
} from './change.ts'
import { type Connection, planConnection } from './connection.ts'
import { isDefault } from './defaultroute.ts'
import { isGuest } from './guest.ts'
import { filesOf } from './refile.ts'

/**
 * @returns the container as it is now
 * @throws TSNET_ALREADY_ATTACHED (conflict) where it is on that network otherwise than asked
 */
export async function connect(
  context: EngineContext,
  selector: Selector,
  endpoint: EndpointRequest,
  signal?: AbortSignal,
): Promise<ContainerNetwork> {
  await changing(
    interruptible(context, signal),
    selector,
    ({ attachments }) => attachments.some(({ addresses }) => addresses.length > 0),
    (anchor) => connectAnchor(context, anchor, endpoint),
  )
  return findContainer(context, selector)
}

async function connectAnchor(
  context: EngineContext,
  anchor: Anchor,
  endpoint: EndpointRequest,
): Promise<void> {
  const { result } = anchor
  const there = findContainer(context, { container: result.container.id }).attachments.find(
    ({ network }) => network === endpoint.network,
  )
  if (there !== undefined) {
    refuseOther(result, there, endpoint)
    return
  }
  const sandbox = await openLiving(context, result)
  try {
    const backend = result.attachments[0]?.firewall ?? anchor.record.request.firewall ?? context.backend
    const request: SetupRequest = {
      sandbox: { path: result.sandbox.path },
      container: result.container,
      mode: 'bridge',
      networks: [isGuest(anchor.record) ? { ...endpoint, guest: 'connected' } : endpoint],
      ...nothingMore,
      firewall: backend,
    }
    validateSetup(request)
    requireTools(context, backend)
    await connectInside(context, anchor, request, await targetOf(anchor, sandbox))
  } finally {
    sandbox.close()
  }
}

async function targetOf(
  { key, result }: Anchor,
  sandbox: NonNullable<Target['sandbox']>,
): Promise<Target & { sandbox: typeof sandbox }> {
  const { container } = result
  const { path, identity } = result.sandbox
  const named = container.name === undefined ? {} : { name: container.name }
  const owner = { record: key, container: container.id, ...named, path, ...identity }
  const links = await sandbox.links()
  return { key, container, path, identity, owner, sandbox, shares: undefined, links }
}

async function connectInside(
  context: EngineContext,
  anchor: Anchor,
  request: SetupRequest,
  target: Awaited<ReturnType<typeof targetOf>>,
): Promise<void> {
  const { record } = anchor
  const networks = request.networks.map(({ network }) => network)
  const before = { networks, steps: [], without: record, redo: [] }
  beginChange(context, anchor, before)
  let host: { release(): void } | undefined
  const turn = addressTurn(context.reservations.leases)
  try {
    const ensured = await ensureNetworks(
      context,
      request.networks,
      request.firewall ?? context.backend,
      async (configs) => void (await decideDry(context, request, target, configs)),
    )
    host = ensured.host
    const by = reapingFor(context, target.owner)
    const decided = await decideEndpoints(context, request, target, ensured.configs, {
      lease: (endpoint) => leaseAddresses(context, turn.store, endpoint, by),
      ports: async () => [],
    })
    const planned = planConnection(context, anchor, request, decided, target.sandbox)
    const { now, filesBefore } = withConnection(context, anchor, planned, target, ensured.configs)
    const change = { ...before, attachments: [planned.attachment], redo: filesBefore }
    beginChange(context, anchor, { ...change, steps: planned.steps })
    const applied = await applyOrUndo(
      context.kernel,
      planned.steps.map(({ step }) => step),
      target.sandbox,
    )
    const ours = planned.steps.filter(({ step }, i) => applied[i] || takesNothingBack(step))
    beginChange(context, anchor, { ...change, steps: ours })
    await finishChange(
      context,
      anchor,
      { ...now.record, steps: [...now.record.steps, ...kept(ours, planned), ...planned.moved] },
      now.files,
    )
    turn.used()
  } catch (error) {
    host ??= await context.locks.hostShared()
    throw await failChange(context, anchor, error)
  } finally {
    turn.over()
    host?.release()
    if (context.containers.get(anchor.key)?.networks.includes(networks[0] ?? '') !== true) {
      await afterChange(context, networks)
    }
  }
}

/** A setting that goes with its interface. */
const takesNothingBack = (step: LoweredStep): boolean => step.kind === 'sysctl' && step.before === undefined

/** The move of a default route is told by the route itself in the record. */
const kept = (steps: readonly OwnedStep[], { moves }: Connection): readonly OwnedStep[] =>
  steps.filter(
    ({ step }) => step.kind !== 'batch' || !moves.some(({ add }) => add.join() === step.add.join()),
  )

/** The record with the new network in it, and what its files say then and said before. */
function withConnection(
  context: EngineContext,
  anchor: Anchor,
  { attachment, taken }: Connection,
  target: Target,
  configs: ReadonlyMap<string, NetworkConfig>,
): {
  readonly now: { readonly record: ContainerRecord; readonly files: ReturnType<typeof filesOf>['redo'] }
  readonly filesBefore: ReturnType<typeof filesOf>['redo']
} {
  const { record, result } = anchor
  const others = result.attachments.map((other) => ({
    ...other,
    defaultRoute: other.defaultRoute.filter((family) => !taken.includes(family)),
  }))
  const lost = (step: OwnedStep['step']): boolean =>
    step.kind === 'route' && isDefault(step) && taken.includes(familyOf(step.to))
  const connected: ContainerRecord = {
    ...record,
    networks: [...new Set([...record.networks, attachment.network])],
    result: { ...result, mode: 'bridge', attachments: [...others, attachment] },
    steps: record.steps.filter(({ step }) => !lost(step)),
  }
  const files = filesOf(context, target, record, connected, configs)
  return { now: { record: files.record, files: files.redo }, filesBefore: files.back }
}

/** @throws TSNET_ALREADY_ATTACHED (conflict) */
function refuseOther(
  { container }: ContainerNetwork,
  there: Attachment,
  { network, addresses = [], aliases = [], ifname, mac }: EndpointRequest,
): void {
  const has = there.addresses.map(addressOf)
  const same =
    addresses.every((address) => has.includes(address)) &&
    aliases.every((alias) => there.aliases.includes(alias)) &&
    (ifname === undefined || ifname === there.ifname) &&
    (mac === undefined || mac === there.mac)
  if (same) return
  const name = container.name ?? container.id
  throw fail('TSNET_ALREADY_ATTACHED', {
    message: `connecting ${name} to ${network}: it is on it already, as ${there.ifname} with ${has.join(', ')}`,
    field: 'network',
    value: network,
    hint: `"tsnet network disconnect ${network} ${name}" first`,
  })
}
