/**
 * Takes steps back: reverse order, going on through errors, and never failing
 * because a thing is gone.
 *
 * Links are deleted last and together, because the kernel waits 20 ms for each
 * deletion and hardly longer for a hundred at once; beside programs that take
 * rules back, which wait as long. What goes with a link is not taken back singly.
 *
 * @module
 */

import type { LoweredStep, Where } from '../../plan/step.ts'
import { findLinks } from '../look/facts.ts'
import type { Message } from '../netlink/encode.ts'
import type { Link } from '../netlink/link.ts'
import { goneErrors, SystemError } from '../system/errno.ts'
import { undoFailureOf } from './failure.ts'
import type { Device, Side, Sides } from './handler.ts'
import { isOurs } from './links.ts'
import { handlerOf } from './table.ts'

/** Deletes links of the host. @returns an error for each that is still there */
export type RemoveLinks = (links: readonly Link[]) => Promise<readonly unknown[]>

/** @returns what could not be taken back */
export async function revertSteps(
  steps: readonly LoweredStep[],
  sides: Sides,
  removeLinks: RemoveLinks,
): Promise<readonly unknown[]> {
  const backwards = steps.filter(({ where }) => where === 'host' || sides.sandbox !== undefined).reverse()
  try {
    const found = await look(backwards, sides)
    const undoing = new Undoing(sides, found)
    const onHost = backwards.filter(({ where }) => where === 'host')
    // A program and the kernel's wait, both for the host and neither for the other.
    if (onHost.some(isProgram) && !undoing.hasMessages(onHost)) {
      await undoing.take(backwards.filter(({ where }) => where === 'sandbox'))
      const leaving = removeLinks(found.doomed)
      // The kernel is asked first: starting the first program of a process takes as long as the kernel waits.
      await new Promise((resolve) => setImmediate(resolve))
      const [errors, left] = await Promise.all([undoing.take(onHost), leaving])
      return [...errors, ...left]
    }
    const errors = await undoing.take(backwards)
    return [...errors, ...(await removeLinks(found.doomed))]
  } catch (error) {
    return [error]
  }
}

/** A restore program waits 10 to 20 ms for the kernel where it deletes. */
function isProgram(step: LoweredStep): boolean {
  return step.kind === 'rules' && step.tool !== 'nft'
}

interface Found {
  /** Links that are ours, to be deleted. */
  readonly doomed: readonly Link[]
  /** What will be gone with them, or is gone already. */
  readonly dying: readonly Device[]
  readonly links: Readonly<Record<Where, ReadonlyMap<string, Link>>>
}

/** Every link the steps name, as it is now: one round trip for each side. */
async function look(steps: readonly LoweredStep[], sides: Sides): Promise<Found> {
  const names: Record<Where, Set<string>> = { host: new Set(), sandbox: new Set() }
  for (const step of steps) {
    const { undo } = handlerOf(step)
    if (undo.by === 'link') names.host.add(undo.link(step).name)
    if (undo.by === 'messages') names[step.where].add(undo.device(step).name)
  }
  const [host, sandbox] = await Promise.all([
    linksByName(sides.host, names.host),
    sides.sandbox === undefined ? new Map<string, Link>() : linksByName(sides.sandbox, names.sandbox),
  ])
  const doomed: Link[] = []
  const dying: Device[] = []
  for (const step of steps) {
    const { undo } = handlerOf(step)
    if (undo.by !== 'link') continue
    // The peer goes with the host end; if that is a stranger's by now, ours has gone before.
    if (step.kind === 'veth') dying.push({ where: 'sandbox', name: step.peer.name })
    const wanted = undo.link(step)
    const link = host.get(wanted.name)
    if (link !== undefined && !isOurs(link, wanted)) continue
    dying.push({ where: 'host', name: wanted.name })
    if (link !== undefined) doomed.push(link)
  }
  return { doomed, dying, links: { host, sandbox } }
}

async function linksByName(side: Side, names: ReadonlySet<string>): Promise<ReadonlyMap<string, Link>> {
  const links = names.size === 0 ? [] : await findLinks(side.socket, [...names])
  return new Map(links.flatMap((link) => (link === undefined ? [] : [[link.name, link]])))
}

class Undoing {
  readonly #sides: Sides
  readonly #found: Found
  readonly #errors: unknown[] = []
  #pending: { readonly step: LoweredStep; readonly message: Message }[] = []

  constructor(sides: Sides, found: Found) {
    this.#sides = sides
    this.#found = found
  }

  /** Some would wait for the kernel's lock on links while these are deleted, and everybody here with them. */
  hasMessages(steps: readonly LoweredStep[]): boolean {
    return steps.some((step) => {
      const { undo } = handlerOf(step)
      if (undo.by !== 'messages') return false
      const device = undo.device(step)
      return this.#found.links[device.where].has(device.name) && !this.#dies(device)
    })
  }

  /** @param steps in the order they are to be taken back */
  async take(steps: readonly LoweredStep[]): Promise<readonly unknown[]> {
    for (const group of neighbours(steps.filter((step) => !this.#isLate(step)))) {
      if (group.length > 1) await this.#takeTogether(group)
      else for (const step of group) await this.#takeOne(step)
    }
    const late = steps.filter((step) => this.#isLate(step))
    for (const kind of new Set(late.map((step) => step.kind))) {
      await this.#takeTogether(late.filter((step) => step.kind === kind))
    }
    await this.#flush()
    return this.#errors
  }

  #isLate(step: LoweredStep): boolean {
    const { undo } = handlerOf(step)
    return undo.by === 'call' && undo.order === 'last'
  }

  async #takeTogether(steps: readonly LoweredStep[]): Promise<void> {
    const [first] = steps as [LoweredStep]
    const { undo } = handlerOf(first)
    if (undo.by !== 'call' || undo.together === undefined) {
      for (const step of steps) await this.#takeOne(step)
      return
    }
    await this.#flush()
    try {
      const errors = await undo.together(steps, this.#sides)
      this.#errors.push(...errors.map((error) => undoFailureOf(first, error)))
    } catch (error) {
      this.#errors.push(undoFailureOf(first, error))
    }
  }

  async #takeOne(step: LoweredStep): Promise<void> {
    const { undo } = handlerOf(step)
    if (undo.by === 'messages') {
      const device = undo.device(step)
      const link = this.#found.links[device.where].get(device.name)
      if (link === undefined || this.#dies(device)) return
      if (this.#pending[0] !== undefined && this.#pending[0].step.where !== step.where) await this.#flush()
      for (const message of undo.messages(step, link.index)) this.#pending.push({ step, message })
    } else if (undo.by === 'call') {
      if (this.#found.dying.some((device) => undo.dies(step, device))) return
      await this.#flush()
      try {
        await undo.call(step, this.#sides)
      } catch (error) {
        this.#errors.push(undoFailureOf(step, error))
      }
    }
  }

  #dies(device: Device): boolean {
    return this.#found.dying.some(({ where, name }) => where === device.where && name === device.name)
  }

  async #flush(): Promise<void> {
    const batch = this.#pending
    this.#pending = []
    const where = batch[0]?.step.where
    const side = where === undefined ? undefined : this.#sides[where]
    if (side === undefined) return
    const replies = await side.socket.batch(batch.map(({ message }) => message))
    for (const [nth, { step }] of batch.entries()) {
      const errno = replies[nth]?.errno ?? 0
      if (errno !== 0 && !goneErrors.includes(errno))
        this.#errors.push(undoFailureOf(step, new SystemError('netlink', errno)))
    }
  }
}

/** Steps as they are, those of one kind that can be taken back together as one group. */
function neighbours(steps: readonly LoweredStep[]): readonly (readonly LoweredStep[])[] {
  const groups: LoweredStep[][] = []
  for (const step of steps) {
    const { undo } = handlerOf(step)
    const group = groups.at(-1)
    const joins = undo.by === 'call' && undo.together !== undefined && group?.[0]?.kind === step.kind
    if (joins && group !== undefined) group.push(step)
    else groups.push([step])
  }
  return groups
}
