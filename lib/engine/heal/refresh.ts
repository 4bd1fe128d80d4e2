/**
 * Changing what is in effect without attaching anything: packet rules that
 * somebody has flushed, and whom the names of a network are forwarded to.
 *
 * @module
 */

import { type ErrorCode, isTsnetError } from '../../errors/codes.ts'
import type { Address } from '../../model/address.ts'
import type { LoweredStep, RulesStep } from '../../plan/step.ts'
import type { EngineContext } from '../context.ts'
import { publishNames } from '../names/names.ts'
import { missingAcceptsOfAll } from '../network/planunits.ts'
import { makeUnit, unitNames } from '../network/units.ts'
import { tidy } from './idle.ts'
import { rulesOfLost } from './traces.ts'

/** Base first, then networks, accepts in chains of others, containers: each hangs on those before. */
const order = ['base@', 'network.', 'rules.', 'accept.', 'input.'] as const

/**
 * Puts back rules that are not there any more, and makes accepts that others' drops ask for by now. Repeatable, and
 * nothing happens where all is well.
 *
 * @returns how many groups of rules it took
 */
export async function reapplyRules(context: EngineContext): Promise<number> {
  const host = await context.locks.hostExclusive()
  try {
    return await putRulesBack(context)
  } finally {
    host.release()
    // The last container may have gone meanwhile, and whoever took it down did not wait for us.
    await tidy(context)
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

/** What others flush, and what firewalld was told and forgets when it is reloaded. */
export function comesBack(step: LoweredStep): boolean {
  return step.kind === 'rules' || isWord(step)
}

function isWord(step: LoweredStep): boolean {
  return step.kind === 'batch' && step.tool === 'firewall-cmd'
}

/** As {@link reapplyRules}, by whoever holds the host lock exclusively. */
export async function putRulesBack(context: EngineContext): Promise<number> {
  const { kernel } = context
  const steps = [...stepsOf(context), ...(await rulesOfLost(context))]
  const mended = await kernel.mendRules(steps.filter((step) => step.kind === 'rules'))
  const accepts = await missingAcceptsOfAll(context)
  for (const accept of accepts) await makeUnit(context, accept)
  const forgotten = await kernel.missing(steps.filter(isWord), undefined)
  const { error } = await kernel.apply(forgotten, undefined)
  if (error !== undefined) throw error as Error
  return mended + accepts.length + forgotten.length
}

/**
 * Whether rules are missing. Without any lock, so somebody may be at work: of a container that goes, rules go after its
 * record does, so what is missing is only lost where a later record still asks for it.
 */
export async function areRulesLost(context: EngineContext): Promise<boolean> {
  if ((await missingAcceptsOfAll(context)).length > 0) return true
  const missing = new Set((await lostNow(context)).map(({ add }) => add))
  return missing.size > 0 && (await lostNow(context)).some(({ add }) => missing.has(add))
}

async function lostNow(context: EngineContext): Promise<readonly RulesStep[]> {
  const steps = [...stepsOf(context), ...(await rulesOfLost(context))]
  return context.kernel.lostRules(steps.filter((step) => step.kind === 'rules'))
}

/** Whether firewalld was told anything: to ask it takes half a second. */
export function wasFirewalldTold(context: EngineContext): boolean {
  return stepsOf(context).some(isWord)
}

/** All that can come back, in the order it was made in. */
function stepsOf({ units, containers, networks }: EngineContext): readonly LoweredStep[] {
  const madeAt = new Map(networks.list().map(({ name, createdAt }) => [name, createdAt]))
  const ageOf = (unit: string): string => madeAt.get(unitNames.networkOf(unit) ?? '') ?? ''
  const there = [...units.keys()].sort((a, b) => compare(ageOf(a), ageOf(b)))
  const records = containers.keys().flatMap((key) => containers.get(key) ?? [])
  const byAge = records.sort((a, b) => compare(a.result?.createdAt ?? '', b.result?.createdAt ?? ''))
  return [
    ...order
      .flatMap((head) => there.filter((key) => key.startsWith(head)))
      .flatMap((key) => units.get(key)?.steps ?? []),
    ...byAge.flatMap(({ steps }) => steps.map(({ step }) => step)),
  ].filter(comesBack)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
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
    await tidy(context)
  }
}
