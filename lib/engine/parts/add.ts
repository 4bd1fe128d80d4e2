/**
 * Adding a part: looked, planned, noted, applied; undone where a step fails.
 *
 * @module
 */

import type { PartInterface, PartPlan } from '../../drivers/cni/part.ts'
import { type PartType, parts } from '../../drivers/cni/registry.ts'
import { fail, isTsnetError } from '../../errors/codes.ts'
import type { OpenSandbox } from '../../kernel/kernel.ts'
import type { ContainerRecord } from '../../state/records.ts'
import type { EngineContext } from '../context.ts'
import { heal } from '../heal/heal.ts'
import { clearTheWay, finishPending, undoPending } from '../heal/takedown.ts'
import { confirmNames, publishNames, refuseUnspeakableNames } from '../names/names.ts'
import { lookAround } from './lookaround.ts'
import { type PartRequest, partKey } from './part.ts'
import { recordOf } from './record.ts'
import { settledOrUndo } from './settle.ts'
import { applyShared, applySteps } from './steps.ts'

export async function add<T extends PartType>(
  context: EngineContext,
  request: PartRequest<T>,
): Promise<readonly PartInterface[]> {
  const { type, id, options, netns } = request
  const key = partKey(type, id)
  await heal(context)
  const sandbox = await context.kernel.openSandbox(netns)
  try {
    const lock = await context.locks.container(key)
    try {
      await refuseSecond(context, key, sandbox)
      await finishPending(context, key)
      // Exclusive: chains and bridges that several attachments use are looked for and made here.
      const planner = parts[type]
      const host = await (planner.alone ? context.locks.hostShared() : context.locks.hostExclusive())
      try {
        const facts = await lookAround(context, planner.looks(options, 'add'), sandbox)
        const plan = planner.add({ id, options, facts })
        const shared = await applyShared(context, plan.shared, sandbox)
        if (planner.unrecorded) return plan.interfaces
        try {
          await applyOwn(context, request, plan, sandbox)
        } catch (error) {
          if (isTsnetError(error)) error.undo.push(...(await context.kernel.revert(shared, sandbox)))
          throw error
        }
        return plan.interfaces
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

/** The attachment of a sandbox that is gone is taken down first. */
async function refuseSecond(context: EngineContext, key: string, sandbox: OpenSandbox): Promise<void> {
  const result = context.containers.get(key)?.result
  if (result === undefined) return
  const { path, identity } = result.sandbox
  const { cookie } = sandbox.identity
  const [container, ifname] = key.split('~')
  const here = identity.cookie === cookie
  // Another plugin set may have taken it down: then only our record is left.
  const gone = here && !(await sandbox.links()).some(({ name }) => name === ifname)
  if (!gone && (here || context.kernel.isAlive(path, identity))) {
    throw fail('TSNET_ALREADY_ATTACHED', {
      message: `attaching ${container}: it has ${ifname} already`,
      field: 'CNI_IFNAME',
      value: ifname,
      hint: 'DEL it first',
    })
  }
  await clearTheWay(context, key)
}

async function applyOwn<T extends PartType>(
  context: EngineContext,
  request: PartRequest<T>,
  plan: PartPlan,
  sandbox: OpenSandbox,
): Promise<void> {
  const key = partKey(request.type, request.id)
  const { names: zone } = plan
  if (zone !== undefined && context.names === undefined) throw namesOff()
  refuseUnspeakableNames([
    ...(zone?.names ?? []).map((name) => ['name', name] as const),
    ...(zone?.aliases ?? []).map((name) => ['aliases', name] as const),
  ])
  const made = recordOf(key, request, plan.interfaces, sandbox)
  const record = zone === undefined ? made : { ...made, zone }
  const steps = await applySteps(context, { key, record, of: request.id.ifname, steps: plan.steps }, sandbox)
  if (plan.settle === true) await settledOrUndo(context, { key, ifname: request.id.ifname }, sandbox)
  const told = zone === undefined ? undefined : await publishOrUndo(context, record)
  context.containers.commit(key, { ...record, steps })
  await confirmNames(context, record, told)
}

function namesOff(): Error {
  return fail('TSNET_NOT_SUPPORTED', {
    message: 'naming the container: names are switched off on this host',
    field: 'dns',
    value: false,
    hint: 'take "dns": false out of /etc/tsnet/config.json',
  })
}

async function publishOrUndo(context: EngineContext, record: ContainerRecord): Promise<string | undefined> {
  try {
    return await publishNames(context, record)
  } catch (error) {
    const undone = await undoPending(context, record.id)
    if (isTsnetError(error)) error.undo.push(...undone)
    throw error
  }
}
