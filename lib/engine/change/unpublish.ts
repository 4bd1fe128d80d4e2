/**
 * Taking published ports of a running container away.
 *
 * A TCP connection through one of them goes on until it ends, because its
 * translation is remembered; nobody can open a new one.
 *
 * @module
 */

import { asTsnetError } from '../../errors/codes.ts'
import { ownerTag } from '../../firewall/tag.ts'
import type { ContainerNetwork } from '../../model/attachment.ts'
import { attachmentOwner } from '../../model/names.ts'
import type { PortBinding, PortMapping } from '../../model/portmapping.ts'
import type { ContainerRecord, OwnedStep } from '../../state/records.ts'
import { type EngineContext, interruptible } from '../context.ts'
import type { Selector } from '../engine.ts'
import { findContainer } from '../look/find.ts'
import { type Anchor, beginChange, changing, undoChange } from './change.ts'
import { type Endpoint, endpointOf, isMeant, requirePublisher, stepsFor } from './publisher.ts'

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
  const endpoint = endpointOf(context, anchor, from)
  const remade = stepsFor(endpoint, config, left)
  const recorded = record.steps.filter((owned) => publishes(owned, endpoint))
  const without: ContainerRecord = {
    ...record,
    result: {
      ...result,
      attachments: result.attachments.map((one) => (one === from ? { ...one, ports: left } : one)),
    },
    steps: [...record.steps.filter((owned) => !recorded.includes(owned)), ...remade],
  }
  const host = await context.locks.hostShared()
  try {
    const attachments = [{ ...from, addresses: [], ports: gone }]
    const steps = stepsFor(endpoint, config, gone)
    const parts = arePartOf(steps, recorded)
      ? { steps, redo: [] }
      : { steps: recorded, redo: remade.map(({ step }) => step) }
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
function publishes({ of, step }: OwnedStep, { container, ifname }: Endpoint): boolean {
  if (of !== ifname) return false
  if (step.kind === 'conntrack') return true
  return step.kind === 'rules' && step.add.includes(`"${ownerTag(attachmentOwner(container.id, ifname))}"`)
}
