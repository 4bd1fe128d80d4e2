/**
 * Changing what is in effect without attaching anything: packet rules that
 * somebody has flushed, and whom the names of a network are forwarded to.
 *
 * @module
 */

import { type ErrorCode, isTsnetError } from '../errors/codes.ts'
import type { Address } from '../model/address.ts'
import type { LoweredStep } from '../plan/step.ts'
import type { EngineContext } from './context.ts'
import { publishNames } from './names.ts'

/** Base first, then networks, accepts in chains of others, containers: each hangs on those before. */
const order = ['base@', 'network.', 'rules.', 'accept.'] as const

/** Puts back rules that are not there any more. @returns how many steps it took */
export async function reapplyRules(context: EngineContext): Promise<number> {
  const host = await context.locks.hostExclusive()
  try {
    return (await putRulesBack(context)) + (await putSourcesBack(context))
  } finally {
    host.release()
  }
}

/** What the kernel's refusal of a step, and that of a program that writes rules, is told as. */
const refusals: readonly ErrorCode[] = ['TSNET_STEP_FAILED', 'TSNET_PROGRAM_FAILED']

/**
 * Somebody may have flushed what the rules of a container hang on, and the kernel
 * refuses those then: what is missing is put back, of all containers, and the work
 * is done once more. It must have been undone when it fails.
 */
export async function despiteFlush<T>(context: EngineContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!refusals.some((code) => isTsnetError(error, code))) throw error
    const back = await reapplyRules(context).catch(() => 0)
    if (back === 0) throw error
    return await work()
  }
}

/** As {@link reapplyRules}, by whoever holds the host lock exclusively. */
export async function putRulesBack({ kernel, units, containers }: EngineContext): Promise<number> {
  const keys = order.flatMap((head) => units.keys().filter((key) => key.startsWith(head)))
  const steps = [
    ...keys.flatMap((key) => units.get(key)?.steps ?? []),
    ...containers.keys().flatMap((key) => (containers.get(key)?.steps ?? []).map(({ step }) => step)),
  ].filter((step): step is Extract<LoweredStep, { kind: 'rules' }> => step.kind === 'rules')
  const missing = await kernel.missing(steps, undefined)
  if (missing.length === 0) return 0
  // Of a step that is only partly there the rest goes first, so that nothing is there twice.
  await kernel.revert(missing, undefined)
  const { error } = await kernel.apply(missing, undefined)
  if (error !== undefined) throw error as Error
  return missing.length
}

/** What firewalld was told and forgets when it is reloaded; it takes a word twice. Nothing where it does not run. */
async function putSourcesBack({ kernel, containers }: EngineContext): Promise<number> {
  const steps = containers
    .keys()
    .flatMap((key) => (containers.get(key)?.steps ?? []).map(({ step }) => step))
    .filter((step) => step.kind === 'batch' && step.tool === 'firewall-cmd')
  if (steps.length === 0) return 0
  const { error } = await kernel.apply(steps, undefined)
  return error === undefined ? steps.length : 0
}

/** Empty: whom the host asks. Nothing to do where no such network is there. */
export async function setForwarders(
  context: EngineContext,
  network: string,
  servers: readonly Address[],
): Promise<void> {
  const host = await context.locks.hostExclusive()
  try {
    const config = context.networks.get(network)
    if (config === undefined) return
    const { forwarders: _before, ...options } = config.options
    context.networks.put({
      ...config,
      options: servers.length === 0 ? options : { ...options, forwarders: servers },
    })
    // Told together with any container of the network.
    const record = context.containers
      .keys()
      .map((key) => context.containers.get(key))
      .find((one) => one?.networks.includes(network))
    if (record !== undefined) await publishNames(context, record)
  } finally {
    host.release()
  }
}
