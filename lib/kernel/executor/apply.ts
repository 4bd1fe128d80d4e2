/**
 * Carries out steps in order, in as few messages to the kernel as possible.
 *
 * Messages of one side travel together until something needs an answer: a link
 * that is being made (what follows must not hit a stranger of the same name), an
 * unknown index, a step of the other side, or one done by a call.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { LoweredStep, Where } from '../../plan/step.ts'
import type { ApplyOutcome, StepHook, StepResult } from '../kernel.ts'
import { findLinks } from '../look/facts.ts'
import type { Message } from '../netlink/encode.ts'
import type { Link } from '../netlink/link.ts'
import { EEXIST } from '../system/errno.ts'
import { failureOf, refusal } from './failure.ts'
import type { ByMessages, Device, Side, Sides } from './handler.ts'
import { handlerOf } from './table.ts'
import { readView } from './view.ts'

/** Never rejects: a failure is part of the outcome. */
export async function applySteps(
  steps: readonly LoweredStep[],
  sides: Sides,
  onStep: StepHook | undefined,
): Promise<ApplyOutcome> {
  const run = new Run(steps, sides)
  try {
    if (onStep === undefined) await run.all()
    else await run.oneByOne(onStep)
  } catch (error) {
    return { results: run.results, tried: run.tried, error }
  }
  return { results: run.results, tried: steps.length }
}

interface Pending {
  readonly position: number
  readonly step: LoweredStep
  readonly message: Message
}

class Run {
  readonly results: (StepResult | undefined)[]
  /** How many steps, from the first, were begun. */
  tried = 0
  readonly #steps: readonly LoweredStep[]
  readonly #sides: Sides
  readonly #lookups = new Map<string, Promise<Link | undefined>>()
  #pending: Pending[] = []

  constructor(steps: readonly LoweredStep[], sides: Sides) {
    this.#steps = steps
    this.#sides = sides
    this.results = steps.map(() => undefined)
  }

  async all(): Promise<void> {
    for (const [position, step] of this.#steps.entries()) {
      if (this.results[position] !== undefined) continue
      const { apply } = handlerOf(step)
      const neighbours =
        apply.by === 'call' && apply.together !== undefined ? this.#neighbours(position) : [step]
      if (neighbours.length === 1) await this.#start(position, step)
      else await this.#startTogether(position, neighbours)
    }
    await this.#flush()
  }

  async oneByOne(onStep: StepHook): Promise<void> {
    for (const [position, step] of this.#steps.entries()) {
      onStep(step, 'before')
      await this.#start(position, step)
      await this.#flush()
      onStep(step, 'after')
    }
  }

  #neighbours(position: number): readonly LoweredStep[] {
    const rest = this.#steps.slice(position)
    const end = rest.findIndex(({ kind }) => kind !== rest[0]?.kind)
    return end === -1 ? rest : rest.slice(0, end)
  }

  async #startTogether(position: number, steps: readonly LoweredStep[]): Promise<void> {
    const [first] = steps as [LoweredStep]
    const { apply } = handlerOf(first)
    this.tried = position + steps.length
    try {
      await this.#flush()
      if (apply.by !== 'call' || apply.together === undefined) return
      const results = await apply.together(steps, this.#sides)
      for (const [i, result] of results.entries())
        if (!('error' in result)) this.results[position + i] = result
      for (const [i, result] of results.entries())
        if ('error' in result) throw failureOf(steps[i] ?? first, result.error)
    } catch (error) {
      throw failureOf(first, error)
    }
  }

  /** Afterwards the step is done, or its messages are pending. */
  async #start(position: number, step: LoweredStep): Promise<void> {
    const { apply } = handlerOf(step)
    this.tried = position + 1
    try {
      if (apply.by === 'messages') {
        await this.#enqueue(position, step, apply)
      } else if (apply.isDone?.(step, this.#sides) === true) {
        this.results[position] = { created: false }
      } else {
        await this.#flush()
        this.results[position] = await apply.call(step, this.#sides)
      }
    } catch (error) {
      throw failureOf(step, error)
    }
  }

  async #enqueue(position: number, step: LoweredStep, apply: ByMessages<LoweredStep>): Promise<void> {
    if (this.#pending[0] !== undefined && this.#pending[0].step.where !== step.where) await this.#flush()
    await this.#findIndexes(step, apply.devices(step))
    const rest =
      apply.creates === true ? await this.#create(position, step, apply) : this.#messages(step, apply)
    for (const message of rest) this.#pending.push({ position, step, message })
  }

  /** Sends the first message of a step alone. @returns the others, if they are still wanted */
  async #create(
    position: number,
    step: LoweredStep,
    apply: ByMessages<LoweredStep>,
  ): Promise<readonly Message[]> {
    await this.#flush()
    const [errno, rest] = await this.#try(step, apply)
    if (errno !== 0 && apply.again?.(step, errno, this.#sides) === true) {
      await this.#findIndexes(step, apply.devices(step))
      const [secondErrno, secondRest] = await this.#try(step, apply)
      await this.#settle(position, step, secondErrno)
      return secondRest
    }
    await this.#settle(position, step, errno)
    const born = apply.bears?.(step)
    if (born !== undefined) await this.#foresee(born)
    return this.results[position]?.created === true ? rest : []
  }

  async #try(
    step: LoweredStep,
    apply: ByMessages<LoweredStep>,
  ): Promise<[errno: number, rest: readonly Message[]]> {
    const [first, ...rest] = this.#messages(step, apply)
    const [reply] = first === undefined ? [] : await this.#side(step.where).socket.batch([first])
    return [reply?.errno ?? 0, rest]
  }

  #messages(step: LoweredStep, apply: ByMessages<LoweredStep>): readonly Message[] {
    return apply.messages(
      step,
      (device) => this.#side(device.where).indexes.get(device.name) ?? 0,
      this.#sides,
    )
  }

  async #flush(): Promise<void> {
    const [first] = this.#pending
    if (first === undefined) return
    const batch = this.#pending
    this.#pending = []
    const replies = await this.#side(first.step.where).socket.batch(batch.map(({ message }) => message))
    // The kernel went on after a failure, so all answers count; the first failure is the one that is told.
    const failures: unknown[] = []
    for (const [nth, { position, step }] of batch.entries()) {
      await this.#settle(position, step, replies[nth]?.errno ?? 0).catch((error: unknown) =>
        failures.push(error),
      )
    }
    if (failures.length > 0) throw failures[0]
  }

  async #settle(position: number, step: LoweredStep, errno: number): Promise<void> {
    const { apply } = handlerOf(step)
    const changes = apply.by === 'messages' ? apply.changes : undefined
    const exists = apply.by === 'messages' ? apply.exists : undefined
    if (errno === 0) {
      this.results[position] ??= { created: changes?.(step) ?? true }
      return
    }
    const result =
      errno === EEXIST && exists !== undefined ? exists(step, await readView(this.#sides)) : undefined
    if (result === undefined) throw refusal(step, errno)
    this.results[position] = result
  }

  async #findIndexes(step: LoweredStep, devices: readonly Device[]): Promise<void> {
    for (const { where, name } of devices) {
      const { indexes } = this.#side(where)
      if (indexes.has(name)) continue
      const lookup = this.#lookups.get(`${where} ${name}`) ?? this.#lookUp({ where, name })
      // What is pending makes no links, so both may go on at once.
      const [link] = await Promise.all([lookup, this.#flush()])
      if (link === undefined) {
        const message = `${handlerOf(step).doing(step)}: there is no link ${name}`
        throw fail('TSNET_STEP_FAILED', { message, hint: 'it is gone, or was never there: see `ip link`' })
      }
      indexes.set(name, link.index)
    }
  }

  async #lookUp({ where, name }: Device): Promise<Link | undefined> {
    return (await findLinks(this.#side(where).socket, [name]))[0]
  }

  /** What is known of a link that has just been born needs not be asked again. */
  #note({ where, name }: Device, link: Link | undefined): void {
    if (link === undefined) return
    this.#side(where).indexes.set(name, link.index)
    if (where !== 'sandbox' || link.ipv6Off === undefined) return
    this.#sides.sandbox?.told.set(`net/ipv6/conf/${name}/disable_ipv6`, link.ipv6Off ? '1' : '0')
  }

  /** Asks for an index before it is needed. Whoever needs it will see a failure. */
  async #foresee(device: Device): Promise<void> {
    const lookup = this.#lookUp(device)
    this.#lookups.set(`${device.where} ${device.name}`, lookup)
    await lookup.then(
      (link) => this.#note(device, link),
      () => undefined,
    )
  }

  #side(where: Where): Side {
    const side = this.#sides[where]
    if (side === undefined)
      throw fail('TSNET_INTERNAL', { message: 'a step inside a sandbox, but none is open' })
    return side
  }
}
