/**
 * Parts of attachments, made one by one by the plugins of a chain, each with a
 * record and journal of its own, so that a killed plugin is cleaned up like any
 * other killed work.
 *
 * What a part does is decided in drivers/cni; here it is looked, planned, noted,
 * applied, and taken back. An attachment without a record was made by another
 * plugin set: it is taken down by what can be seen of it.
 *
 * @module
 */

import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Look, Obstacle, PartId, PartInterface, PartPlan } from '../drivers/cni/part.ts'
import { linkNamed } from '../drivers/cni/part.ts'
import { type PartOptions, type PartType, parts } from '../drivers/cni/registry.ts'
import { asTsnetError, fail, isTsnetError } from '../errors/codes.ts'
import type { OpenSandbox } from '../kernel/kernel.ts'
import type { Attachment, ContainerNetwork } from '../model/attachment.ts'
import type { Step } from '../plan/step.ts'
import { makeFolder } from '../state/files.ts'
import type { ContainerRecord, OwnedStep } from '../state/records.ts'
import { applyOrUndo, beforeValues, lower } from './apply.ts'
import type { EngineContext } from './context.ts'
import { heal } from './heal.ts'
import { tidy } from './idle.ts'
import { lookAround } from './lookaround.ts'
import { confirmNames, publishNames, refuseUnspeakableNames } from './names.ts'
import { takeDown, undoPending } from './takedown.ts'

export interface PartRequest<T extends PartType> {
  readonly type: T
  readonly id: PartId
  readonly options: PartOptions[T]
  /** Path of the sandbox; empty where it is gone. */
  readonly netns: string
  /** What `tsnet ls` and `tsnet port` show of it; absent: nothing. */
  readonly shown?: Omit<Attachment, 'hostIfname' | 'bridge' | 'mac' | 'mtuBytes'> & {
    readonly bridge?: string
  }
}

export interface Parts {
  /**
   * @returns the interfaces it made
   * @throws TSNET_ALREADY_ATTACHED (conflict) where this attachment has this part already
   */
  add<T extends PartType>(request: PartRequest<T>): Promise<readonly PartInterface[]>
  /**
   * Gives an attachment that was added without addresses those that are known now.
   *
   * @throws TSNET_NO_SUCH_CONTAINER (notFound) where it was not added
   */
  address<T extends PartType>(request: PartRequest<T>): Promise<void>
  /** Never fails because something is gone. */
  remove<T extends PartType>(request: PartRequest<T>): Promise<void>
  /** @returns what is not as it should be */
  check<T extends PartType>(request: PartRequest<T>): Promise<readonly string[]>
  /** @returns why adding would fail now; undefined: nothing is known against it */
  obstacle<T extends PartType>(type: T, options: PartOptions[T]): Promise<Obstacle | undefined>
  /** Attachments of a network that have this part: by records, and by what can be seen of other plugin sets'. */
  list<T extends PartType>(type: T, network: string, options: PartOptions[T]): Promise<readonly PartId[]>
}

export function createParts(context: EngineContext): Parts {
  return {
    add: async (request) => {
      try {
        return await add(context, request)
      } catch (error) {
        await tidy(context)
        throw error
      }
    },
    address: (request) => address(context, request),
    remove: (request) => remove(context, request),
    check: (request) => check(context, request),
    obstacle: async (type, options) => {
      const { obstacle, looks } = parts[type]
      if (obstacle === undefined) return undefined
      return obstacle(options, await lookAround(context, hostLooks(looks(options, 'add')), undefined))
    },
    list: (type, network, options) => list(context, { type, network, options }),
  }
}

/** Of the host as a whole: rules and settings are not needed to see what stands in the way. */
function hostLooks(looks: readonly Look[]): readonly Look[] {
  return looks.filter(({ what }) => what === 'links' || what === 'firewalld')
}

/** Of foreign ones the interface is not known: its name is empty. */
async function list<T extends PartType>(
  context: EngineContext,
  {
    type,
    network,
    options,
  }: { readonly type: T; readonly network: string; readonly options: PartOptions[T] },
): Promise<readonly PartId[]> {
  const recorded = context.containers.keys().flatMap((key): readonly PartId[] => {
    const [container, ifname, own, part] = key.split('~')
    if (part !== type || own !== network || container === undefined || ifname === undefined) return []
    return [{ network, container, ifname }]
  })
  const planner = parts[type]
  if (planner.seen === undefined) return recorded
  const facts = await lookAround(context, planner.looks(options, 'remove'), undefined)
  const foreign = planner
    .seen(network, facts)
    .filter((container) => !recorded.some((one) => one.container === container))
  return [...recorded, ...[...new Set(foreign)].map((container) => ({ network, container, ifname: '' }))]
}

/** `~` is in no id, no ifname, no network name and no type. */
function partKey(type: string, { container, ifname, network }: PartId): string {
  return `${container}~${ifname}~${network}~${type}`
}

async function add<T extends PartType>(
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
  const { cookie } = sandbox.facts.identity
  const [container, ifname] = key.split('~')
  const here = identity.cookie === cookie
  // Another plugin set may have taken it down: then only our record is left.
  const gone = here && !sandbox.facts.links.some(({ name }) => name === ifname)
  if (!gone && (here || context.kernel.isAlive(path, identity))) {
    throw fail('TSNET_ALREADY_ATTACHED', {
      message: `attaching ${container}: it has ${ifname} already`,
      field: 'CNI_IFNAME',
      value: ifname,
      hint: 'DEL it first',
    })
  }
  const host = await context.locks.hostShared()
  try {
    await takeDown(context, key)
  } finally {
    host.release()
  }
}

/** @returns the steps that made something: to be taken back only if this very ADD fails */
async function applyShared(
  context: EngineContext,
  steps: readonly Step[],
  sandbox: OpenSandbox,
): Promise<ReturnType<typeof lower>> {
  if (steps.length === 0) return []
  const lowered = lower(steps, 'none')
  const filled = lowered.flatMap(beforeValues(lowered, context.kernel, sandbox))
  const created = await applyOrUndo(context.kernel, filled, sandbox)
  return filled.filter((_, i) => created[i])
}

async function applyOwn<T extends PartType>(
  context: EngineContext,
  request: PartRequest<T>,
  plan: PartPlan,
  sandbox: OpenSandbox,
): Promise<void> {
  const key = partKey(request.type, request.id)
  const { names: zone } = plan
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

/** The kernel looks for duplicates for one to two seconds. */
const settleLimitMs = 5_000
const settlePauseMs = 50

/** @throws TSNET_ADDRESS_IN_USE (conflict) where another has the address, with the attachment undone */
async function settledOrUndo(
  context: EngineContext,
  { key, ifname }: { readonly key: string; readonly ifname: string },
  sandbox: OpenSandbox,
): Promise<void> {
  const deadline = Date.now() + settleLimitMs
  for (;;) {
    const facts = await lookAround(context, [{ what: 'sandbox' }], sandbox)
    const link = linkNamed(facts.sandbox, ifname)
    const [duplicate] = link?.duplicate ?? []
    const waiting = (link?.tentative ?? []).filter((cidr) => !cidr.startsWith('fe80:'))
    if (duplicate === undefined && waiting.length === 0) return
    if (duplicate === undefined && Date.now() < deadline) {
      await sleep(settlePauseMs)
      continue
    }
    const undone = await undoPending(context, key)
    const error = fail('TSNET_ADDRESS_IN_USE', {
      message:
        duplicate === undefined
          ? `giving ${ifname} the address ${waiting[0]}: whether another has it is not known after ${settleLimitMs} ms`
          : `giving ${ifname} the address ${duplicate}: another on that network has it`,
      field: 'enabledad',
      value: duplicate ?? waiting[0],
      hint: 'give it another address, or find who has this one: ip -6 neigh',
    })
    error.undo.push(...undone)
    throw error
  }
}

async function publishOrUndo(context: EngineContext, record: ContainerRecord): Promise<string | undefined> {
  if (context.names === undefined) {
    context.containers.forget(record.id)
    throw fail('TSNET_NOT_SUPPORTED', {
      message: 'naming the container: names are switched off on this host',
      field: 'dns',
      value: false,
      hint: 'take "dns": false out of /etc/tsnet/config.json',
    })
  }
  try {
    return await publishNames(context, record)
  } catch (error) {
    const undone = await undoPending(context, record.id)
    if (isTsnetError(error)) error.undo.push(...undone)
    throw error
  }
}

/** Journals the steps and applies them. @returns those that made something; the caller commits */
async function applySteps(
  context: EngineContext,
  {
    key,
    record,
    of,
    steps: planned,
  }: {
    readonly key: string
    readonly record: ContainerRecord
    readonly of: string
    readonly steps: readonly Step[]
  },
  sandbox: OpenSandbox,
): Promise<readonly OwnedStep[]> {
  const lowered = lower(planned, 'none')
  for (const step of lowered) if (step.kind === 'file') makeFolder(dirname(step.path))
  const steps = lowered
    .flatMap(beforeValuesOf(context, lowered, sandbox))
    .map((step): OwnedStep => ({ of, step }))
  context.containers.begin(key, { ...record, steps })
  try {
    const created = await applyOrUndo(
      context.kernel,
      steps.map(({ step }) => step),
      sandbox,
    )
    return steps.filter((_, i) => created[i])
  } catch (error) {
    const undone = await undoPending(context, key)
    if (isTsnetError(error)) error.undo.push(...undone)
    throw error
  }
}

/** Settings of interfaces that the same plan makes cannot be read yet, and go with them. */
function beforeValuesOf(
  context: EngineContext,
  steps: ReturnType<typeof lower>,
  sandbox: OpenSandbox,
): ReturnType<typeof beforeValues> {
  const fill = beforeValues(steps, context.kernel, sandbox)
  const batches = steps.flatMap((step) => (step.kind === 'batch' ? step.add : [])).join('\n')
  return (step) => {
    const dev = step.kind === 'sysctl' ? step.key.split('/')[3] : undefined
    return dev !== undefined && batches.includes(` ${dev} `) ? [step] : fill(step)
  }
}

function recordOf<T extends PartType>(
  key: string,
  { id, netns, shown }: PartRequest<T>,
  interfaces: readonly PartInterface[],
  sandbox: OpenSandbox,
): ContainerRecord {
  const inside = interfaces.find(({ inSandbox }) => inSandbox)
  const outside = interfaces.findLast(({ inSandbox, name }) => !inSandbox && name !== shown?.bridge)
  const attachments =
    shown === undefined
      ? []
      : [
          {
            bridge: '',
            hostIfname: outside?.name ?? '',
            ...shown,
            mac: (inside?.mac ?? '') as Attachment['mac'],
            mtuBytes: inside?.mtu ?? 0,
          },
        ]
  const result: ContainerNetwork = {
    container: { id: id.container },
    sandbox: { path: netns, identity: sandbox.facts.identity },
    mode: 'bridge',
    attachments,
    hostAddresses: [],
    resolver: { servers: [], search: [], options: [], hosts: [] },
    createdAt: new Date().toISOString(),
  }
  return {
    version: 1,
    id: key,
    container: id.container,
    networks: [],
    request: {
      sandbox: { path: netns },
      container: { id: id.container },
      mode: 'bridge',
      networks: [],
      publish: [],
      expose: [],
      publishAll: false,
      ignorePublish: false,
      resolver: {},
      sysctls: {},
    },
    result,
    steps: [],
  }
}

async function address<T extends PartType>(context: EngineContext, request: PartRequest<T>): Promise<void> {
  const { type, id, options, netns, shown } = request
  const key = partKey(type, id)
  const planner = parts[type]
  const sandbox = await context.kernel.openSandbox(netns)
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
    sandbox.close()
  }
}

async function remove<T extends PartType>(context: EngineContext, request: PartRequest<T>): Promise<void> {
  const { type, id } = request
  const key = partKey(type, id)
  await heal(context)
  const lock = await context.locks.container(key)
  try {
    const host = await context.locks.hostShared()
    try {
      const record = context.containers.get(key)
      const { errors } = await takeDown(context, key)
      // Rules of nftables go by handles, which no record can know.
      const byLook =
        record === undefined || record.steps.some(({ step }) => step.kind === 'rules' && step.remove === '')
      const left = byLook ? await removeSeen(context, request) : []
      const all = [...errors, ...left]
      if (all.length > 0) throw notAllGone(id, all)
    } finally {
      host.release()
    }
  } finally {
    lock.release()
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
    if (sandbox?.facts.own === true) return []
    const planner = parts[type]
    const facts = await lookAround(context, planner.looks(options, 'remove'), sandbox)
    return await context.kernel.revert(lower(planner.remove({ id, options, facts }), 'none'), sandbox)
  } finally {
    sandbox?.close()
  }
}

function notAllGone({ container }: PartId, errors: readonly unknown[]): Error {
  const first = asTsnetError(errors[0])
  const error = fail('TSNET_STEP_FAILED', {
    message: `detaching ${container}: ${first.message}`,
    cause: first,
    hint: 'mend the cause and try again; "tsnet gc" goes on where this stopped',
  })
  error.undo.push(...errors.slice(1))
  return error
}

async function check<T extends PartType>(
  context: EngineContext,
  request: PartRequest<T>,
): Promise<readonly string[]> {
  const { type, id, options, netns } = request
  const sandbox = await context.kernel.openSandbox(netns)
  try {
    const planner = parts[type]
    const facts = await lookAround(context, planner.looks(options, 'check', id), sandbox)
    return planner.check({ id, options, facts })
  } finally {
    sandbox.close()
  }
}
