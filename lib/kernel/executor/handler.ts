/**
 * What the executor has to know about each kind of step: how to do it, how to
 * take it back, how to see whether it still holds.
 *
 * @module
 */

import type { Mac } from '../../model/address.ts'
import type { LoweredKind, LoweredStep, StepOf, Where } from '../../plan/step.ts'
import type { StepResult } from '../kernel.ts'
import type { LinkIndexes, LinuxSandbox } from '../namespace/sandbox.ts'
import type { LinkAddress } from '../netlink/addr.ts'
import type { Message } from '../netlink/encode.ts'
import type { Link } from '../netlink/link.ts'
import type { Route } from '../netlink/route.ts'
import type { RouteSocket } from '../netlink/socket.ts'
import type { RulesAnswer, RulesOrder } from '../rules/rule-folder.ts'
import type { Company } from '../system/company.ts'

/** One side of an apply or revert: the host, or the sandbox. */
export interface Side {
  readonly socket: RouteSocket
  readonly indexes: LinkIndexes
}

/** Both sides; the sandbox is missing where the namespace is gone. */
export interface Sides {
  readonly host: Side
  readonly sandbox: LinuxSandbox | undefined
  /** Where rules wait for those of others. */
  readonly rules: Company<RulesOrder, RulesAnswer>['join']
}

/** A link whose index the messages of a step need. */
export interface Device {
  readonly where: Where
  readonly name: string
}

/** Index of a device that `devices` named, or of one made earlier in the same apply. */
export type IndexOf = (device: Device) => number

export interface ByMessages<S> {
  readonly by: 'messages'
  readonly devices: (step: S) => readonly Device[]
  readonly messages: (step: S, indexOf: IndexOf, sides: Sides) => readonly Message[]
  /**
   * The first message makes a link, and what follows names it: it is sent alone,
   * and the rest only once it has succeeded. Otherwise a stranger's link of the
   * same name would be changed.
   */
  readonly creates?: boolean
  /** A link that appears on the other side too, and whose index later steps will want. */
  readonly bears?: (step: S) => Device | undefined
  /** After the first message failed: true if an assumption was dropped and the step is worth trying once more. */
  readonly again?: (step: S, errno: number, sides: Sides) => boolean
  /**
   * The first message was refused with EEXIST: the result if it was so already,
   * undefined if that is an ordinary failure. May throw the better error.
   */
  readonly exists?: (step: S, view: View) => StepResult | undefined
  /** The step has succeeded, but may have changed nothing. Default: it has. */
  readonly changes?: (step: S) => boolean
}

export interface ByCall<S> {
  readonly by: 'call'
  /** It is so already, as is known without a call: what is pending need not be sent first. */
  readonly isDone?: (step: S, sides: Sides) => boolean
  readonly call: (step: S, sides: Sides) => StepResult | Promise<StepResult>
  /** Neighbours of the kind are done in one call, which hardly costs more than one of them. An answer for each. */
  readonly together?: (steps: readonly S[], sides: Sides) => Promise<readonly TogetherResult[]>
}

export type TogetherResult = StepResult | { readonly error: unknown }

/** A link to delete, and how to know that it is ours. */
export interface OwnedLink {
  readonly name: string
  readonly kind: string
  readonly mac: Mac
  readonly alias: string
}

export type Undo<S> =
  | { readonly by: 'nothing' }
  | { readonly by: 'link'; readonly link: (step: S) => OwnedLink }
  | {
      readonly by: 'messages'
      readonly device: (step: S) => Device
      readonly messages: (step: S, index: number) => readonly Message[]
    }
  | {
      readonly by: 'call'
      /** `last`: after everything else, before links are deleted. */
      readonly order: 'inPlace' | 'last'
      /** The step's effect goes with that device. */
      readonly dies: (step: S, device: Device) => boolean
      readonly call: (step: S, sides: Sides) => void | Promise<void>
      /** @returns what could not be taken back */
      readonly together?: (steps: readonly S[], sides: Sides) => Promise<readonly unknown[]>
    }

/** One side as it is now. */
export interface SideView {
  readonly links: readonly Link[]
  readonly addresses: readonly LinkAddress[]
  readonly routes: readonly Route[]
}

export interface View {
  readonly host: SideView
  readonly sandbox: SideView | undefined
  readonly sides: Sides
}

export interface Handler<K extends LoweredKind> {
  /** For error messages: what was being done. */
  readonly doing: (step: StepOf<K>) => string
  readonly apply: ByMessages<StepOf<K>> | ByCall<StepOf<K>>
  readonly undo: Undo<StepOf<K>>
  readonly holds: (step: StepOf<K>, view: View) => boolean | Promise<boolean>
}

/** A kind without a handler does not compile. */
export type Handlers = { readonly [K in LoweredKind]: Handler<K> }

/** A handler whose kind has been forgotten: only for the step it was looked up with. */
export type AnyHandler = Handler<LoweredStep['kind']>

/** For messages: where a step is carried out, if that is not obvious. */
export function inside(where: Where): string {
  return where === 'sandbox' ? ' in the sandbox' : ''
}
