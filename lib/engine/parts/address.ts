/**
 * Addresses for a part that was added without: the plugin of a chain that knows them comes later.
 *
 * @module
 */

import { type PartType, parts } from '../../drivers/cni/registry.ts'
import { fail } from '../../errors/codes.ts'
import type { EngineContext } from '../context.ts'
import { lookAround } from './lookaround.ts'
import { type PartRequest, partKey } from './part.ts'
import { settledOrUndo } from './settle.ts'
import { applyShared, applySteps } from './steps.ts'

export async function address<T extends PartType>(
  context: EngineContext,
  request: PartRequest<T>,
): Promise<void> {
  const { type, id, options, netns, shown } = request
  const key = partKey(type, id)
  const planner = parts[type]
  const sandbox = await context.kernel.openSandbox(netns)
  try {
    const lock = await context.locks.container(key)
    try {
      const host = await (planner.alone ? context.locks.hostShared() : context.locks.hostExclusive())
      try {
        const record = context.containers.get(key)
        if (record === undefined || planner.address === undefined) {
          throw fail('TSNET_NO_SUCH_CONTAINER', {
            message: `giving ${id.container} an address: it has no ${id.ifname} of this kind`,
            value: id.container,
            hint: 'ADD it first',
          })
        }
        const facts = await lookAround(context, planner.looks(options, 'add'), sandbox)
        const plan = planner.address({ id, options, facts })
        await applyShared(context, plan.shared, sandbox)
        const steps = await applySteps(context, { key, record, of: id.ifname, steps: plan.steps }, sandbox)
        if (plan.settle === true) await settledOrUndo(context, { key, ifname: id.ifname }, sandbox)
        const result = record.result && {
          ...record.result,
          attachments: record.result.attachments.map((one) => ({ ...one, ...shown })),
        }
        context.containers.commit(key, {
          ...record,
          ...(result === undefined ? {} : { result }),
          steps: [...record.steps, ...steps],
        })
      } finally {
        host.release()
      }
    } finally {
      lock.release()
    }
  } finally {
    sandbox.close()
  }
}
