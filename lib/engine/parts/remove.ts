/**
 * Removing a part, by its record or by what can be seen of one that another plugin set made. Never fails because something is gone.
 *
 * @module
 */

import { type PartType, parts } from '../../drivers/cni/registry.ts'
import { lower } from '../attach/apply.ts'
import type { EngineContext } from '../context.ts'
import { heal } from '../heal/heal.ts'
import { tidy } from '../heal/idle.ts'
import { takeDown } from '../heal/takedown.ts'
import { notAllGone } from '../heal/unfinished.ts'
import { lookAround } from './lookaround.ts'
import { type PartRequest, partKey } from './part.ts'

export async function remove<T extends PartType>(
  context: EngineContext,
  request: PartRequest<T>,
): Promise<void> {
  const { type, id } = request
  const key = partKey(type, id)
  await heal(context)
  const { container, host } = await context.locks.takedown(key)
  try {
    const record = context.containers.get(key)
    const { errors } = await takeDown(context, key)
    // Rules of nftables go by handles, which no record can know.
    const byLook =
      record === undefined || record.steps.some(({ step }) => step.kind === 'rules' && step.remove === '')
    const left = byLook ? await removeSeen(context, request) : []
    const all = [...errors, ...left]
    if (all.length > 0) throw notAllGone(`detaching ${id.container}`, all)
  } finally {
    host.release()
    container.release()
  }
  await tidy(context)
}

async function removeSeen<T extends PartType>(
  context: EngineContext,
  request: PartRequest<T>,
): Promise<readonly unknown[]> {
  const { type, id, options, netns } = request
  const sandbox = netns === '' ? undefined : await context.kernel.openSandbox(netns).catch(() => undefined)
  try {
    if (sandbox?.own === true) return []
    const planner = parts[type]
    const facts = await lookAround(context, planner.looks(options, 'remove'), sandbox)
    return await context.kernel.revert(lower(planner.remove({ id, options, facts }), 'none'), sandbox)
  } finally {
    sandbox?.close()
  }
}
