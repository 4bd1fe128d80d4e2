/**
 * Setting up a container: the main job, from request to record.
 *
 * validate → heal → open the sandbox → lock → journal → networks → addresses
 * and ports → plan → journal → apply → record. On failure everything taken or
 * made on the way is given back before the error leaves.
 *
 * @module
 */

import { asTsnetError, fail, isTsnetError } from '../errors/codes.ts'
import type { LeaseStore } from '../ipam/leases.ts'
import type { OpenSandbox } from '../kernel/kernel.ts'
import type { ContainerNetwork, SetupRequest } from '../model/attachment.ts'
import { validateSetup } from '../model/validate.ts'
import type { LoweredStep } from '../plan/step.ts'
import type { ContainerRecord } from '../state/records.ts'
import type { Owner } from '../state/reservations.ts'
import { leaseAddresses, type Reap } from './addresses.ts'
import { applyOrUndo } from './apply.ts'
import { describeOwner, type EngineContext, interruptible } from './context.ts'
import { type DecidedSetup, decideEndpoints, planContainer } from './decide.ts'
import { wantedNetworks } from './endpoints.ts'
import { ensureNetworks } from './ensure.ts'
import { listContainers } from './find.ts'
import { heal } from './heal.ts'
import { removeIdle, tidy } from './idle.ts'
import { confirmNames, publishNames } from './names.ts'
import { portKey } from './portkey.ts'
import { choosePorts } from './ports.ts'
import { decideDry } from './rehearse.ts'
import { refuseSysctlValues } from './sysctls.ts'
import { reapDead, takeDown, undoPending } from './takedown.ts'
import { openTarget, type Target } from './target.ts'
import { requireTools } from './tools.ts'

export async function setup(
  context: EngineContext,
  request: SetupRequest,
  signal?: AbortSignal,
): Promise<ContainerNetwork> {
  validateSetup(request)
  requireTools(context, request.firewall ?? context.backend)
  return setupTarget(context, request, () => openTarget(context, request), signal)
}

/**
 * One more endpoint for a container, with a record of its own: what CNI does,
 * and connecting a running container. Its ifname must be given.
 */
export async function attach(
  context: EngineContext,
  request: SetupRequest,
  signal?: AbortSignal,
): Promise<ContainerNetwork> {
  validateSetup(request)
  const [one] = request.networks
  if (one?.ifname === undefined || request.networks.length !== 1) {
    throw fail('TSNET_BAD_VALUE', {
      message: 'attaching: exactly one network with an ifname is attached at a time',
      field: 'networks',
      value: request.networks.map(({ network }) => network),
      hint: 'setup takes several',
    })
  }
  requireTools(context, request.firewall ?? context.backend)
  return setupTarget(context, request, () => openTarget(context, request, one), signal)
}

async function setupTarget(
  context: EngineContext,
  request: SetupRequest,
  open: () => Promise<Target>,
  signal: AbortSignal | undefined,
): Promise<ContainerNetwork> {
  const waiting = interruptible(context, signal)
  let target: Target | undefined
  try {
    // Before anybody looks into the sandbox: what a killed set-up left there is not how it was found.
    await heal(waiting)
    target = await open()
    const lock = await waiting.locks.container(target.key)
    try {
      return (
        (await alreadyThere(waiting, request, target)) ??
        (await setupLocked(context, request, target, signal))
      )
    } finally {
      lock.release()
    }
  } catch (error) {
    await tidy(waiting)
    throw error
  } finally {
    target?.sandbox?.close()
  }
}

/**
 * What a container with this id has from before. Equal request, same sandbox:
 * that is the answer. Its sandbox gone: it is taken down first.
 *
 * @throws TSNET_ALREADY_ATTACHED (conflict) for a different request
 */
async function alreadyThere(
  context: EngineContext,
  request: SetupRequest,
  target: Target,
): Promise<ContainerNetwork | undefined> {
  const record = context.containers.get(target.key)
  if (record?.result === undefined) {
    refuseSecondId(context, target)
    return undefined
  }
  const { identity } = record.result.sandbox
  if (identity.cookie === target.identity.cookie && identity.bootId === target.identity.bootId) {
    if (sameRequest(record.request, request)) return record.result
    throw fail('TSNET_ALREADY_ATTACHED', {
      message: `setting up ${target.container.id}: it was set up before with a different request`,
      field: 'id',
      value: target.container.id,
      hint: `"tsnet inspect ${target.container.id}" shows it; "tsnet teardown --id ${target.container.id}" first`,
    })
  }
  if (context.kernel.isAlive(record.result.sandbox.path, identity)) {
    throw fail('TSNET_NAME_IN_USE', {
      message: `setting up ${target.container.id}: a living container in another sandbox (${record.result.sandbox.path}) has that id`,
      field: 'id',
      value: target.container.id,
      hint: 'choose another --id',
    })
  }
  const host = await context.locks.hostShared()
  try {
    const { errors } = await takeDown(context, target.key)
    if (errors.length > 0) throw errors[0]
  } finally {
    host.release()
  }
  return undefined
}

/**
 * One sandbox is set up under one id; what shares it says so (mode container).
 *
 * @throws TSNET_ALREADY_ATTACHED (conflict)
 */
function refuseSecondId(context: EngineContext, { key, container, path, identity, sandbox }: Target): void {
  // A fresh sandbox has nothing but `lo`, and no record has to be read.
  if (key !== container.id || sandbox === undefined || sandbox.facts.links.length < 2) return
  const other = listContainers(context).find(
    (one) =>
      (one.mode === 'bridge' || one.mode === 'none') &&
      one.container.id !== container.id &&
      one.sandbox.identity.cookie === identity.cookie &&
      one.sandbox.identity.bootId === identity.bootId,
  )
  if (other === undefined) return
  const { id } = other.container
  throw fail('TSNET_ALREADY_ATTACHED', {
    message: `setting up ${container.id}: its sandbox ${path} was set up as ${id}`,
    field: 'sandbox',
    value: path,
    hint: `"tsnet teardown --id ${id}" first, or share it with --network container:${id}`,
  })
}

/** The path may differ (pid, bind mount): the cookie was compared already. */
function sameRequest(a: SetupRequest, b: SetupRequest): boolean {
  const text = (request: SetupRequest): string => JSON.stringify({ ...request, sandbox: undefined }, sorted)
  return text(a) === text(b)
}

/** Requests from flags and from JSON name their fields in different order. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
}

async function setupLocked(
  context: EngineContext,
  request: SetupRequest,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<ContainerNetwork> {
  const waiting = interruptible(context, signal)
  const endpoints = wantedNetworks(request)
  const { name } = target.container
  const record: ContainerRecord = {
    version: 1,
    id: target.key,
    container: target.container.id,
    networks: [...new Set(endpoints.map(({ network }) => network))],
    ...(name === undefined ? {} : { name }),
    request,
    steps: [],
  }
  refuseSysctlValues(request.sysctls, context.kernel)
  // What could not be healed is still to be taken back: its journal entry must not be lost.
  await finishPending(waiting, target.key)
  // From here on a kill leaves a trace that the next command follows.
  context.containers.begin(target.key, record)
  let host: { release(): void } | undefined
  try {
    const backend = request.firewall ?? context.backend
    const ensured = await ensureNetworks(waiting, endpoints, backend, async (configs) => {
      await decideDry(context, request, target, configs)
    })
    host = ensured.host
    if (name !== undefined) await takeName(context, name, target.owner)
    signal?.throwIfAborted()
    const by: { owner: Owner; reap: Reap } = {
      owner: target.owner,
      reap: (owners) => reapDead(context, owners),
    }
    const { leases } = context.reservations
    // Where the next address is taken from changes only when this one is really used.
    const used: (() => void)[] = []
    const store: LeaseStore<Owner> = {
      ...leases,
      setLast: (...last) => used.push(() => leases.setLast(...last)),
    }
    const decided = await decideEndpoints(context, request, target, ensured.configs, {
      lease: (endpoint) => leaseAddresses(context, store, endpoint, by),
      ports: async (mappings) => {
        const lock = await waiting.locks.ports()
        try {
          const bindings = await choosePorts(context, mappings, by)
          for (const binding of bindings) context.reservations.ports.take(portKey(binding), target.owner)
          return bindings
        } finally {
          lock.release()
        }
      },
    })
    signal?.throwIfAborted()
    const result = await applyDecided(context, record, decided, { sandbox: target.sandbox, signal })
    noteLast(used)
    return result
  } catch (error) {
    // Without the host lock nothing has been taken yet, and nobody is waited for to take it back.
    if (host === undefined) context.containers.forget(target.key)
    const left = await undoPending(context, target.key).catch((late: unknown) => [late])
    // What could not be taken back stays in the journal: the next command goes on there.
    if (isTsnetError(error)) error.undo.push(...left)
    throw asInterrupted(error, signal)
  } finally {
    host?.release()
    // After a failure a network made for this container alone has nobody on it.
    if (!context.containers.has(target.key)) await removeIdle(waiting, record.networks)
  }
}

/** The container is up: where the next address is taken from must not be what it fails of. */
function noteLast(used: readonly (() => void)[]): void {
  try {
    for (const note of used) note()
  } catch (error) {
    // The next one looks further.
    if (!isTsnetError(error)) throw error
  }
}

async function finishPending(context: EngineContext, key: string): Promise<void> {
  if (context.containers.pending(key) === undefined) return
  const host = await context.locks.hostShared()
  try {
    const errors = await undoPending(context, key)
    if (errors.length > 0) throw asTsnetError(errors[0])
  } finally {
    host.release()
  }
}

function asInterrupted(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted !== true || isTsnetError(error)) return error
  return fail('TSNET_INTERRUPTED', {
    message: 'setting up: interrupted, everything was taken back',
    cause: error,
  })
}

/** @throws TSNET_NAME_IN_USE (conflict) */
async function takeName(context: EngineContext, name: string, owner: Owner): Promise<void> {
  const { names } = context.reservations
  for (let attempt = 0; attempt < 2; attempt++) {
    if (names.take(name, owner)) return
    const holder = names.owner(name)
    if (holder?.container === owner.container) return
    if (attempt === 0 && holder !== undefined && (await reapDead(context, [holder])) > 0) continue
    throw fail('TSNET_NAME_IN_USE', {
      message: `naming the container ${name}: ${holder === undefined ? 'another container' : describeOwner(holder)} has that name`,
      field: 'container.name',
      value: name,
      hint: 'choose another --container-name, or "tsnet teardown" the other first',
    })
  }
}

/** A setting that goes with its interface: that it was so already changes nothing in the record. */
function takesNothingBack(step: LoweredStep): boolean {
  return step.kind === 'sysctl' && step.before === undefined
}

async function applyDecided(
  context: EngineContext,
  begun: ContainerRecord,
  decided: DecidedSetup,
  {
    sandbox,
    signal,
  }: { readonly sandbox: OpenSandbox | undefined; readonly signal: AbortSignal | undefined },
): Promise<ContainerNetwork> {
  const steps = planContainer(context, decided, sandbox)
  const record = { ...begun, steps, result: decided.result }
  context.containers.begin(begun.id, record)
  // Both at once: telling the name server is mostly waiting. Names answer before the container's first instruction runs.
  const [applied, named] = await Promise.allSettled([
    applyOrUndo(
      context.kernel,
      steps.map(({ step }) => step),
      sandbox,
    ),
    publishNames(context, record),
  ])
  if (applied.status === 'rejected') throw applied.reason
  const ours = steps.filter(({ step }, i) => applied.value[i] || takesNothingBack(step))
  if (ours.length < steps.length) context.containers.begin(begun.id, { ...record, steps: ours })
  if (named.status === 'rejected') throw named.reason
  signal?.throwIfAborted()
  context.containers.commit(begun.id)
  await confirmNames(context, record, named.value)
  return decided.result
}
