/**
 * Ports of a running container, more and fewer.
 *
 * Only the rules of the ports named are touched: connections through others do
 * not notice. A TCP connection through a port that is taken away goes on until
 * it ends, because its translation is remembered; nobody can open a new one.
 *
 * @module
 */

import { planPublish } from '../../drivers/publish.ts'
import { asTsnetError, fail } from '../../errors/codes.ts'
import { ownerTag } from '../../firewall/tag.ts'
import type { Attachment, ContainerNetwork } from '../../model/attachment.ts'
import { attachmentOwner } from '../../model/names.ts'
import type { NetworkConfig } from '../../model/network.ts'
import type { PortBinding, PortMapping } from '../../model/portmapping.ts'
import { validateSetup } from '../../model/validate.ts'
import type { ContainerRecord, OwnedStep } from '../../state/records.ts'
import { applyOrUndo, lower } from '../attach/apply.ts'
import { reservePorts } from '../attach/portholding.ts'
import { choosePorts } from '../attach/ports.ts'
import { type EngineContext, interruptible } from '../context.ts'
import type { Selector } from '../engine.ts'
import { reapDead } from '../heal/takedown.ts'
import { findContainer } from '../look/find.ts'
import {
  type Anchor,
  beginChange,
  changing,
  failChange,
  finishChange,
  openLiving,
  undoChange,
} from './change.ts'

/** Published ports lead to the network with the IPv4 default route, else the IPv6 one, else the first with a way out. */
export function publisherOf(attachments: readonly Attachment[]): Attachment | undefined {
  return (
    attachments.find(({ defaultRoute }) => defaultRoute.includes(4)) ??
    attachments.find(({ defaultRoute }) => defaultRoute.includes(6)) ??
    attachments.find(({ gateways }) => gateways.length > 0)
  )
}

/**
 * @returns what is bound, in the order asked; a port that is published already stays as it is
 * @throws TSNET_PORT_IN_USE, TSNET_NO_FREE_PORT (conflict)
 * @throws TSNET_MODE_MISMATCH (invalid) where no network of the container can publish
 */
export async function publish(
  context: EngineContext,
  selector: Selector,
  mappings: readonly PortMapping[],
  signal?: AbortSignal,
): Promise<readonly PortBinding[]> {
  const { ifname } = requirePublisher(context, findContainer(context, selector), mappings)
  const has = ({ attachments }: ContainerNetwork): boolean =>
    attachments.some((one) => one.ifname === ifname && one.addresses.length > 0)
  const waiting = interruptible(context, signal)
  return changing(waiting, selector, has, (anchor) => publishAt(context, anchor, mappings))
}

function requirePublisher(
  context: EngineContext,
  { container, attachments }: ContainerNetwork,
  mappings: readonly PortMapping[],
): Attachment & { readonly config: NetworkConfig } {
  const publisher = publisherOf(attachments)
  const config = publisher === undefined ? undefined : context.networks.get(publisher.network)
  if (publisher !== undefined && config !== undefined) return { ...publisher, config }
  const name = container.name ?? container.id
  throw fail('TSNET_MODE_MISMATCH', {
    message:
      publisher === undefined
        ? `publishing ports of ${name}: it is on no network with a way in`
        : `publishing ports of ${name}: network ${publisher.network} was made by single CNI plugins, which publish by portmap`,
    field: 'publish',
    value: mappings[0]?.containerPort,
    hint:
      publisher === undefined
        ? `"tsnet network connect NETWORK ${name}" first`
        : 'add the port to the capability arguments of its engine',
  })
}

async function publishAt(
  context: EngineContext,
  anchor: Anchor,
  mappings: readonly PortMapping[],
): Promise<readonly PortBinding[]> {
  const { record, result, key } = anchor
  const publisher = requirePublisher(context, result, mappings)
  const known = findContainer(context, { container: result.container.id }).attachments.flatMap(
    ({ ports }) => ports,
  )
  const bound = (mapping: PortMapping): PortBinding | undefined =>
    mapping.hostPort === undefined ? undefined : known.find((binding) => isMeant(mapping, binding))
  const wanted = mappings.filter((mapping) => bound(mapping) === undefined)
  if (wanted.length === 0) return mappings.flatMap((mapping) => bound(mapping) ?? [])
  // An endpoint of dockerd was asked for before there was a sandbox.
  validateSetup({
    ...record.request,
    sandbox: { path: result.sandbox.path },
    mode: 'bridge',
    publish: mappings,
    networks: [],
  })
  ;(await openLiving(context, result)).close()
  const { container, sandbox } = result
  const owner = {
    record: key,
    container: container.id,
    ...(container.name === undefined ? {} : { name: container.name }),
    path: sandbox.path,
    ...sandbox.identity,
  }
  const host = await context.locks.hostShared()
  try {
    const by = { owner, reap: (owners: Parameters<typeof reapDead>[1]) => reapDead(context, owners) }
    const { bindings, steps } = await reserve(context, anchor, publisher, wanted, by)
    await applyOrUndo(
      context.kernel,
      steps.map(({ step }) => step),
      undefined,
    )
    await finishChange(context, anchor, withPorts(record, publisher.ifname, bindings, steps), [])
    const fresh = [...bindings]
    return mappings.flatMap((mapping) => bound(mapping) ?? fresh.shift() ?? [])
  } catch (error) {
    throw await failChange(context, anchor, error)
  } finally {
    host.release()
  }
}

/** Written down before they are taken: what a killed one has taken is known. */
async function reserve(
  context: EngineContext,
  anchor: Anchor,
  publisher: Attachment & { readonly config: NetworkConfig },
  mappings: readonly PortMapping[],
  by: Parameters<typeof choosePorts>[2],
): Promise<{ readonly bindings: readonly PortBinding[]; readonly steps: readonly OwnedStep[] }> {
  const lock = await context.locks.ports()
  try {
    const bindings = await choosePorts(context, mappings, by)
    const steps = stepsFor(anchor.result, publisher, publisher.config, bindings)
    const attachments = [{ ...publisher, addresses: [], ports: bindings }]
    beginChange(context, anchor, { networks: [], steps, attachments, without: anchor.record, redo: [] })
    reservePorts(context, by.owner, mappings, bindings)
    return { bindings, steps }
  } finally {
    lock.release()
  }
}

function stepsFor(
  { container }: ContainerNetwork,
  { ifname, addresses: cidrs, firewall: backend }: Attachment,
  config: NetworkConfig,
  bindings: readonly PortBinding[],
): readonly OwnedStep[] {
  return lower(planPublish({ config, container, ifname, cidrs, bindings, backend }), backend).map((step) => ({
    of: ifname,
    step,
  }))
}

function withPorts(
  record: ContainerRecord,
  ifname: string,
  bindings: readonly PortBinding[],
  steps: readonly OwnedStep[],
): ContainerRecord {
  const { result } = record
  if (result === undefined) return record
  const attachments = result.attachments.map((one) =>
    one.ifname === ifname ? { ...one, ports: [...one.ports, ...bindings] } : one,
  )
  return { ...record, result: { ...result, attachments }, steps: [...record.steps, ...steps] }
}

/** The mapping names that binding; what it leaves out fits everything. */
function isMeant(mapping: PortMapping, binding: PortBinding): boolean {
  return (
    mapping.containerPort === binding.containerPort &&
    mapping.count === binding.count &&
    mapping.protocol === binding.protocol &&
    (mapping.hostPort === undefined || mapping.hostPort === binding.hostPort) &&
    (mapping.hostAddress === undefined || mapping.hostAddress === binding.hostAddress)
  )
}

/**
 * Takes published ports away; a mapping without a host port means every one of that container port.
 *
 * @returns those that were taken away; none is a success too
 */
export async function unpublish(
  context: EngineContext,
  selector: Selector,
  mappings: readonly PortMapping[],
  signal?: AbortSignal,
): Promise<readonly PortBinding[]> {
  const waiting = interruptible(context, signal)
  const meant = (binding: PortBinding): boolean => mappings.some((mapping) => isMeant(mapping, binding))
  const gone: PortBinding[] = []
  // Each has one record, and a container may have several records.
  for (;;) {
    const next = findContainer(context, selector).attachments.find(({ ports }) => ports.some(meant))
    if (next === undefined) return gone
    const has = ({ attachments }: ContainerNetwork): boolean =>
      attachments.some(({ ports }) => ports.some(meant))
    const taken = await changing(waiting, selector, has, (anchor) => unpublishAt(context, anchor, meant))
    if (taken.length === 0) return gone
    gone.push(...taken)
  }
}

async function unpublishAt(
  context: EngineContext,
  anchor: Anchor,
  meant: (binding: PortBinding) => boolean,
): Promise<readonly PortBinding[]> {
  const { record, result } = anchor
  const from = result.attachments.find(({ ports }) => ports.some(meant))
  if (from === undefined) return []
  const { config } = requirePublisher(context, { ...result, attachments: [from] }, [])
  const gone = from.ports.filter(meant)
  const left = from.ports.filter((binding) => !meant(binding))
  const without: ContainerRecord = {
    ...record,
    result: {
      ...result,
      attachments: result.attachments.map((one) => (one === from ? { ...one, ports: left } : one)),
    },
    steps: [
      ...record.steps.filter((owned) => !publishes(owned, result, from)),
      ...(left.length === 0 ? [] : stepsFor(result, from, config, left)),
    ],
  }
  const host = await context.locks.hostShared()
  try {
    const attachments = [{ ...from, addresses: [], ports: gone }]
    const steps = stepsFor(result, from, config, gone)
    const recorded = record.steps.filter((owned) => publishes(owned, result, from))
    const parts = arePartOf(steps, recorded)
      ? { steps, redo: [] }
      : { steps: recorded, redo: stepsFor(result, from, config, left).map(({ step }) => step) }
    beginChange(context, anchor, { networks: [], attachments, without, ...parts })
    const errors = await undoChange(context, anchor)
    if (errors.length > 0) throw asTsnetError(errors[0])
    return gone
  } finally {
    host.release()
  }
}

/**
 * What is to be removed is what was made. Where an older tsnet made it with other rules, those of all ports go
 * together, and what is left is made anew.
 */
function arePartOf(steps: readonly OwnedStep[], recorded: readonly OwnedStep[]): boolean {
  const removals = ({ step }: OwnedStep): readonly string[] =>
    step.kind === 'rules' ? step.remove.split('\n') : []
  const made = new Set(recorded.flatMap(removals))
  return steps.flatMap(removals).every((line) => made.has(line))
}

/** A step that publishes ports of that endpoint: its rules carry the endpoint's mark. */
function publishes(
  { of, step }: OwnedStep,
  { container }: ContainerNetwork,
  { ifname }: Attachment,
): boolean {
  if (of !== ifname) return false
  if (step.kind === 'conntrack') return true
  return step.kind === 'rules' && step.add.includes(`"${ownerTag(attachmentOwner(container.id, ifname))}"`)
}
