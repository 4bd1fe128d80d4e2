/**
 * One row of `tsnet top`: what has moved between two looks at the counters of a container, and with whom.
 *
 * Where more packets came than could be looked at, the shares of those that were seen are applied to what the
 * counters say. Pure.
 *
 * @module
 */

import type { Address } from '../model/address.ts'
import { hostOf } from './find.ts'
import type { Inventory, NamespaceView } from './views.ts'

/** Traffic with one other end. */
export interface TopPeer {
  readonly address: Address
  /** Container, or `host`. */
  readonly name?: string
  /** Bytes a second, as seen from the container. */
  readonly received: number
  readonly sent: number
}

/** Traffic of one container since the look before. */
export interface TopRow {
  readonly name: string
  readonly id: string
  /** A second, over all its interfaces but lo. */
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly receivedPackets: number
  readonly sentPackets: number
  /** At both ends of its links, a second; packet rules count for themselves. */
  readonly drops: number
  /** How many that were: a few are no rate worth telling. */
  readonly dropped: number
  /** Busiest first. */
  readonly peers: readonly TopPeer[]
  /** Not every packet could be looked at: peers are shares of those that were. */
  readonly sampled: boolean
}

/** What was seen of a container's packets. */
export interface Seen {
  readonly peers: Map<Address, { received: number; sent: number }>
  sampled: boolean
}

/** Of all interfaces of a container but lo, since they were made. */
export interface Counters {
  readonly rxBytes: number
  readonly txBytes: number
  readonly rxPackets: number
  readonly txPackets: number
  readonly drops: number
}

export function countersOf(view: NamespaceView, { namespaces }: Inventory): Counters {
  const host = hostOf({ namespaces })
  const links = view.interfaces.filter(({ name }) => name !== 'lo')
  const ends = links.flatMap(({ peer }) => host?.interfaces.filter(({ name }) => name === peer?.name) ?? [])
  const sum = (pick: (traffic: NamespaceView['interfaces'][number]['traffic']) => number): number =>
    links.reduce((total, { traffic }) => total + pick(traffic), 0)
  return {
    rxBytes: sum(({ rxBytes }) => rxBytes),
    txBytes: sum(({ txBytes }) => txBytes),
    rxPackets: sum(({ rxPackets }) => rxPackets),
    txPackets: sum(({ txPackets }) => txPackets),
    drops: [...links, ...ends].reduce(
      (total, { traffic }) => total + traffic.rxDropped + traffic.txDropped,
      0,
    ),
  }
}

export function rowOf(
  view: NamespaceView,
  look: { readonly old: Counters | undefined; readonly now: Counters | undefined; readonly seconds: number },
  seen: Seen | undefined,
  names: ReadonlyMap<Address, string>,
): TopRow {
  const { old, now, seconds } = look
  const moved = (pick: (counters: Counters) => number): number =>
    old === undefined || now === undefined ? 0 : Math.max(0, pick(now) - pick(old))
  const rate = (pick: (counters: Counters) => number): number => Math.round(moved(pick) / seconds)
  const total = { received: rate(({ rxBytes }) => rxBytes), sent: rate(({ txBytes }) => txBytes) }
  const peers = [...(seen?.peers ?? [])]
  const sampled = seen?.sampled === true
  const share = (bytes: number, way: 'received' | 'sent'): number => {
    if (!sampled) return Math.round(bytes / seconds)
    const all = peers.reduce((sum, [, one]) => sum + one[way], 0)
    return all === 0 ? 0 : Math.round((bytes / all) * total[way])
  }
  return {
    name: view.name,
    id: view.container?.id ?? view.id,
    receivedBytes: total.received,
    sentBytes: total.sent,
    receivedPackets: rate(({ rxPackets }) => rxPackets),
    sentPackets: rate(({ txPackets }) => txPackets),
    drops: rate(({ drops }) => drops),
    dropped: moved(({ drops }) => drops),
    peers: peers
      .map(([address, { received, sent }]): TopPeer => {
        const name = names.get(address)
        const amounts = { received: share(received, 'received'), sent: share(sent, 'sent') }
        return { address, ...(name === undefined ? {} : { name }), ...amounts }
      })
      .sort((a, b) => b.received + b.sent - a.received - a.sent),
    sampled,
  }
}
