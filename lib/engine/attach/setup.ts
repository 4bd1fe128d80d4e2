/**
 * Setting up a container: the main job, from request to record.
 *
 * validate → heal → open the sandbox → lock → journal → networks → addresses
 * and ports → plan → journal → apply → record. On failure everything taken or
 * made on the way is given back before the error leaves.
 *
 * @module
 */

import { fail, isTsnetError } from '../../errors/codes.ts'
import type { OpenSandbox } from '../../kernel/kernel.ts'
import type { ContainerNetwork, SetupRequest } from '../../model/attachment.ts'
import { validateSetup } from '../../model/validate.ts'
import type { LoweredStep } from '../../plan/step.ts'
import type { ContainerRecord } from '../../state/records.ts'
import type { Owner } from '../../state/reservations.ts'
import { describeOwner, type EngineContext, interruptible } from '../context.ts'
import { heal } from '../heal/heal.ts'
import { removeIdle, tidy } from '../heal/idle.ts'
import { reapingFor, reapOrAwait } from '../heal/reap.ts'
import { finishPending, undoPending } from '../heal/takedown.ts'
import { confirmNames, publishNames } from '../names/names.ts'
import { ensureNetworks } from '../network/ensure.ts'
import { requireTools } from '../tools.ts'
import { leaseAddresses } from './addresses.ts'
import { applyOrUndo } from './apply.ts'
import { type DecidedSetup, decideEndpoints, planContainer } from './decide.ts'
import { wantedNetworks } from './endpoints.ts'
import { alreadyThere, takeDownLost } from './found.ts'
import { reservePorts } from './portholding.ts'
import { choosePorts } from './ports.ts'
import { decideDry } from './rehearse.ts'
import { refuseSysctlValues } from './sysctls.ts'
import { type NamedTarget, openTarget, type Target, withLinks } from './target.ts'
import { addressTurn } from './turns.ts'

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
  open: () => Promise<NamedTarget>,
  signal: AbortSignal | undefined,
): Promise<ContainerNetwork> {
  const waiting = interruptible(context, signal)
  let named: NamedTarget | undefined
  try {
    // Before anybody looks into the sandbox: what a killed set-up left there is not how it was found.
    await heal(waiting)
    named = await open()
    const lock = await waiting.locks.container(named.key)
    try {
      await takeDownLost(waiting, named)
      const target = await withLinks(named)
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
    named?.sandbox?.close()
  }
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
  const turn = addressTurn(context.reservations.leases)
  try {
    const backend = request.firewall ?? context.backend
    const ensured = await ensureNetworks(waiting, endpoints, backend, async (configs) => {
      await decideDry(context, request, target, configs)
    })
    host = ensured.host
    if (name !== undefined) await takeName(context, name, target.owner)
    signal?.throwIfAborted()
    const by = reapingFor(context, target.owner)
    const decided = await decideEndpoints(context, request, target, ensured.configs, {
      lease: (endpoint) => leaseAddresses(context, turn.store, endpoint, by),
      ports: async (mappings) => {
        const lock = await waiting.locks.ports()
        try {
          const bindings = await choosePorts(context, mappings, by)
          reservePorts(context, target.owner, mappings, bindings)
          return bindings
        } finally {
          lock.release()
        }
      },
    })
    signal?.throwIfAborted()
    const result = await applyDecided(context, record, decided, { sandbox: target.sandbox, signal })
    turn.used()
    return result
  } catch (error) {
    // Without the host lock nothing has been taken yet, and nobody is waited for to take it back.
    if (host === undefined) context.containers.forget(target.key)
    const left = await undoPending(context, target.key).catch((late: unknown) => [late])
    // What could not be taken back stays in the journal: the next command goes on there.
    if (isTsnetError(error)) error.undo.push(...left)
    throw asInterrupted(error, signal)
  } finally {
    turn.over()
    host?.release()
    // After a failure a network made for this container alone has nobody on it.
    if (!context.containers.has(target.key)) await removeIdle(waiting, record.networks)
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
    // Given back between two looks, or by a dead one now.
    if (attempt === 0 && (holder === undefined || (await reapOrAwait(context, [holder])) > 0)) continue
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
