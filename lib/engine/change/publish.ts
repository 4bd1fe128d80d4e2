/**
 * More ports for a running container.
 *
 * Only the rules of the ports named are touched: connections through others do
 * not notice.
 *
 * @module
 */

import type { Attachment, ContainerNetwork } from '../../model/attachment.ts'
import type { NetworkConfig } from '../../model/network.ts'
import type { PortBinding, PortMapping } from '../../model/portmapping.ts'
import { validateSetup } from '../../model/validate.ts'
import type { ContainerRecord, OwnedStep } from '../../state/records.ts'
import { applyOrUndo } from '../attach/apply.ts'
import { reservePorts } from '../attach/portholding.ts'
import { choosePorts } from '../attach/ports.ts'
import { type EngineContext, interruptible } from '../context.ts'
import type { Selector } from '../engine.ts'
import { reapingFor } from '../heal/reap.ts'
import { findContainer } from '../look/find.ts'
import { type Anchor, beginChange, changing, failChange, finishChange, openLiving } from './change.ts'
import { endpointOf, isMeant, requirePublisher, stepsFor } from './publisher.ts'

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
    const by = reapingFor(context, owner)
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
    const steps = stepsFor(endpointOf(context, anchor, publisher), publisher.config, bindings)
    const attachments = [{ ...publisher, addresses: [], ports: bindings }]
    beginChange(context, anchor, { networks: [], steps, attachments, without: anchor.record, redo: [] })
    reservePorts(context, by.owner, mappings, bindings)
    return { bindings, steps }
  } finally {
    lock.release()
  }
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
