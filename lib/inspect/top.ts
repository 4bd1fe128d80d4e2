/**
 * Live traffic per container and per peer: what `tsnet top` shows.
 *
 * How much a container moves is read from the counters of its interfaces. With
 * whom, from the heads of its packets. What is made of both is toprow.ts.
 *
 * @module
 */

import type { Engine } from '../engine/engine.ts'
import { fail, isTsnetError } from '../errors/codes.ts'
import { openPackets, type PacketSource, type SeenPacket } from '../kernel/packets/packets.ts'
import { type Address, fromBytes } from '../model/address.ts'
import { findNamespace } from './find.ts'
import { takeInventory } from './inventory.ts'
import { addressNames } from './names.ts'
import { type Counters, countersOf, rowOf, type Seen, type TopRow } from './toprow.ts'
import type { Inventory, NamespaceView } from './views.ts'

/** One screen of `tsnet top`. */
export interface TopView {
  /** ISO 8601. */
  readonly time: string
  /** How long was looked. */
  readonly seconds: number
  /** Of how many of the containers peers are known: no more than 64 are looked at so closely. */
  readonly watched: number
  /** Busiest first. */
  readonly containers: readonly TopRow[]
}

/** A running look at the traffic of all containers. */
export interface Top {
  /** Looks at packets that have come; to be called several times a second. */
  tick(): void
  /** What happened since the last call, or since the beginning. @throws TSNET_NO_SUCH_CONTAINER (notFound) */
  view(): Promise<TopView>
  /** Stops looking. */
  close(): void
}

/** Enough of a packet for both addresses. */
const headBytes = 64
const mostPackets = 4000
/** More sockets than that would cost more than they show. */
const mostWatched = 64
const everything = [[0x06, 0, 0, 0xffffffff]] as const

interface Watched extends Seen {
  readonly source: PacketSource
}

interface Moment {
  readonly at: number
  readonly rows: ReadonlyMap<string, Counters>
}

/** @param container absent: all @throws TSNET_NO_SUCH_CONTAINER (notFound), TSNET_NOT_PERMITTED (forbidden) */
export async function openTop(
  engine: Pick<Engine, 'list' | 'listNetworks'>,
  container: string | undefined,
): Promise<Top> {
  const watched = new Map<string, Watched>()
  const first = await takeInventory(engine)
  const only = container === undefined ? undefined : findNamespace(first, container)
  let before = look(first)
  watch(first)

  function chosen({ namespaces }: Inventory): readonly NamespaceView[] {
    if (only !== undefined) return namespaces.filter(({ cookie }) => cookie === only.cookie)
    return namespaces.filter(
      ({ own, container: one, netnsNames }) => !own && (one ?? netnsNames[0]) !== undefined,
    )
  }

  function watch(inventory: Inventory): void {
    for (const view of chosen(inventory)) {
      if (watched.has(view.cookie) || watched.size >= mostWatched) continue
      const source = packetsOf(view.path)
      if (source !== undefined) watched.set(view.cookie, { source, peers: new Map(), sampled: false })
    }
    const living = new Set(chosen(inventory).map(({ cookie }) => cookie))
    for (const [cookie, { source }] of watched) {
      if (living.has(cookie) && !source.gone()) continue
      source.close()
      watched.delete(cookie)
    }
  }

  function look(inventory: Inventory): Moment {
    return {
      at: performance.now(),
      rows: new Map(chosen(inventory).map((view) => [view.cookie, countersOf(view, inventory)])),
    }
  }

  return {
    tick: () => {
      for (const one of watched.values()) count(one)
    },
    view: async () => {
      // Before the counters are read, which takes a while: packets that nobody has counted yet belong to the next view.
      for (const one of watched.values()) count(one)
      const inventory = await takeInventory(engine)
      const views = chosen(inventory).filter(
        ({ cookie }) => only === undefined || watched.get(cookie)?.source.gone() !== true,
      )
      if (only !== undefined && views.length === 0) {
        throw fail('TSNET_NO_SUCH_CONTAINER', {
          message: `watching traffic of ${only.name}: its network namespace is gone`,
          field: 'container',
          value: only.name,
          hint: 'tsnet ps lists those that are there',
        })
      }
      const now = look(inventory)
      const seconds = Math.max((now.at - before.at) / 1000, 0.001)
      const names = addressNames(inventory)
      const containers = views.map((view) =>
        rowOf(
          view,
          { old: before.rows.get(view.cookie), now: now.rows.get(view.cookie), seconds },
          watched.get(view.cookie),
          names,
        ),
      )
      const closely = views.filter(({ cookie }) => watched.has(cookie)).length
      before = now
      for (const one of watched.values()) {
        one.peers.clear()
        one.sampled = false
      }
      watch(inventory)
      const busy = ({ receivedBytes, sentBytes }: TopRow): number => receivedBytes + sentBytes
      return {
        time: new Date().toISOString(),
        seconds: Math.round(seconds * 1000) / 1000,
        watched: closely,
        containers: containers.sort((a, b) => busy(b) - busy(a) || (a.name < b.name ? -1 : 1)),
      }
    },
    close: () => {
      for (const { source } of watched.values()) source.close()
      watched.clear()
    },
  }
}

/** @returns undefined where the namespace has gone since it was seen: on a busy machine one nearly always has */
function packetsOf(path: string): PacketSource | undefined {
  try {
    return openPackets(path, { index: 0, cooked: true, filter: everything, snapBytes: headBytes })
  } catch (error) {
    if (isTsnetError(error, 'TSNET_NOT_A_NETNS')) return undefined
    throw error
  }
}

function count(one: Watched): void {
  const packets = one.source.read(mostPackets)
  if (packets.length === mostPackets || one.source.lost() > 0) one.sampled = true
  for (const packet of packets) {
    const peer = peerOf(packet)
    if (peer === undefined) continue
    const known = one.peers.get(peer) ?? { received: 0, sent: 0 }
    // Without the Ethernet header, which the counters have.
    known[packet.outgoing ? 'sent' : 'received'] += packet.length + 14
    one.peers.set(peer, known)
  }
}

/** The other end. */
function peerOf({ bytes, etherType, outgoing }: SeenPacket): Address | undefined {
  if (etherType === 0x0800 && bytes.length >= 20)
    return fromBytes(bytes.subarray(outgoing ? 16 : 12, outgoing ? 20 : 16))
  if (etherType === 0x86dd && bytes.length >= 40)
    return fromBytes(bytes.subarray(outgoing ? 24 : 8, outgoing ? 40 : 24))
  return undefined
}
