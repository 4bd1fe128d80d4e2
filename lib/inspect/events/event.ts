/**
 * One thing that happened to this host's network, and its words. Pure.
 *
 * @module
 */

/** What an event is about. */
export type EventKind =
  | 'attach'
  | 'detach'
  | 'names'
  | 'network'
  | 'link'
  | 'address'
  | 'route'
  | 'rules'
  | 'lost'

/** All kinds of events, as `tsnet events --only` takes them. */
export const eventKinds: readonly EventKind[] = [
  'attach',
  'detach',
  'names',
  'network',
  'link',
  'address',
  'route',
  'rules',
  'lost',
]

/** Something that happened, by whom as far as the kernel tells. */
export interface EventView {
  /** ISO 8601, when it was noticed. */
  readonly time: string
  readonly kind: EventKind
  readonly action: 'added' | 'removed' | 'changed'
  /** Container, network, interface, or table of rules. */
  readonly subject: string
  /** A sentence. */
  readonly words: string
  /** Who did it, where the kernel says. */
  readonly by?: { readonly pid: number; readonly program: string }
}

export type Told = Omit<EventView, 'time'>
