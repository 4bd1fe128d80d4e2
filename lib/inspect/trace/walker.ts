/**
 * The packet on its way: where it is, what it has become, what is told of it.
 *
 * @module
 */

import type { Address } from '../../model/address.ts'
import type { Inventory, NamespaceView } from '../views.ts'
import type { Packet, RuleTable } from '../walk/model.ts'
import type { TraceHop, TraceReason, TraceStage, TraceStop } from './report.ts'
import { isOwn } from './routes.ts'

/** What the walker may ask; each answer is read once. */
export interface Sight {
  readonly inventory: Inventory
  rulesOf(view: NamespaceView): Promise<readonly RuleTable[]>
  /** A setting inside a namespace, by its key below /proc/sys. */
  setting(view: NamespaceView, key: string): number
  /** Names of networks that have no way in or out. */
  readonly internal: ReadonlySet<string>
}

/** Goes from namespace to namespace. */
export interface Walker {
  readonly sight: Sight
  readonly hops: TraceHop[]
  packet: Packet
  view: NamespaceView
  /** Undefined: it starts here. */
  iif: string | undefined
}

/** The end of the way, with what to do about it. */
export class Stopped extends Error {
  readonly stop: TraceStop
  constructor(stop: TraceStop) {
    super(stop.what)
    this.stop = stop
  }
}

/** As the rules of the present namespace meet it. */
export function met({ packet, view, iif }: Walker): Packet {
  const daddrtype = isOwn(view, packet.daddr as Address) ? 'local' : 'unicast'
  return { ...packet, daddrtype, ...(iif === undefined ? {} : { iif }) }
}

export function tell(walker: Walker, stage: TraceStage, what: string): void {
  walker.hops.push({ stage, where: walker.view.name, what, ok: true })
}

export function halt(
  walker: Walker,
  stage: TraceStage,
  reason: TraceReason,
  what: string,
  fix?: string,
): Stopped {
  walker.hops.push({ stage, where: walker.view.name, what, ok: false })
  return new Stopped({ stage, reason, what, ...(fix === undefined ? {} : { fix }) })
}
