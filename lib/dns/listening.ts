/**
 * Listeners on the gateway addresses, UDP and TCP: datagrams are taken in
 * batches, answered by the fast path where it can and by the chain where not.
 *
 * Sockets come from outside (the kernel room makes them). Not responsible for
 * when a network gets listeners (server.ts).
 *
 * @module
 */

import { createSocket, type Socket } from 'node:dgram'
import type { Server } from 'node:net'
import { type Address, type Family, familyOf, fromBytes, parseAddress } from '../model/address.ts'
import { DNS_PORT } from '../model/network.ts'
import type { Resolve } from './chain.ts'
import { ControlFault } from './control.ts'
import { serveTcp } from './tcp.ts'
import { readQuery, truncated } from './wire.ts'
import { addressKey, type Zone } from './zone.ts'
import type { ZoneNetwork } from './zone-contents.ts'
import { createFastPath } from './zone-fast.ts'
import type { View } from './zone-lookup.ts'

/** Sockets as this room needs them; kernel/packets/dnssocket.ts makes them. */
export interface ServerSockets {
  openDatagramSocket(place: { readonly address: Address; readonly port: number }): number
  openListeningSocket(place: { readonly address: Address; readonly port: number }): number
  createDatagramBatch(): Batch
  /** What a refusal means. */
  faultOf(error: unknown): 'portInUse' | 'addressMissing' | 'notPermitted' | 'internal'
}

/** Datagrams that travel together (kernel/packets/dnssocket.ts says more). */
export interface Batch {
  readonly size: number
  receive(fd: number, from: number): number
  adopt(message: Buffer, sender: { readonly address: Address; readonly port: number }): void
  message(i: number): Buffer
  length(i: number): number
  room(i: number): Buffer
  sender(i: number): string
  sender4(i: number): number
  port(i: number): number
  answer(i: number, length: number): void
  send(fd: number, refused: (i: number) => void): void
}

/** Askers remembered for each listener. */
const MAX_ASKERS = 10_000
/** Batches taken in a row before others (TCP, answers of other servers) get their turn. */
const ROUNDS = 8

export interface Listening {
  /** Opens what of a network is not open, and closes what is not its any more. @throws ControlFault, with nothing of it open that was not before */
  open(network: ZoneNetwork): void
  close(network: string): void
}

interface Listener {
  readonly address: Address
  readonly udp: Socket
  readonly tcp: Server | undefined
}

/** What goes wrong where no caller waits. */
export type Complain = (doing: string, error: unknown) => void

export interface ListeningInput {
  readonly zone: Zone
  readonly resolve: Resolve
  readonly counts: { queries: number; fast: number }
  readonly options: { readonly sockets: ServerSockets; readonly tcp: boolean }
  readonly complain: Complain
}

export function createListening({ zone, resolve, counts, options, complain }: ListeningInput): Listening {
  const { sockets } = options
  const batch = sockets.createDatagramBatch()
  const answerFast = createFastPath(zone)
  const open = new Map<string, Listener[]>()

  const openUdp = (network: string, address: Address, port: number): Socket => {
    const viewOf = askerViews(zone, network, familyOf(address))
    const fd = guarded(sockets, { address, port }, () => sockets.openDatagramSocket({ address, port }))
    const socket = createSocket(familyOf(address) === 4 ? 'udp4' : 'udp6')
    const full = (message: Buffer, view: View | undefined, port_: number, asker: string): void => {
      resolve(message, view, 'udp').then(
        (outcome) => {
          if (outcome === undefined) return
          socket.send(outcome.reply, port_, asker, (error) => {
            // Longer than the link's packets: whole it can be had over TCP.
            const short = isTooLong(error) ? cut(message, outcome.reply) : undefined
            if (short !== undefined) socket.send(short, port_, asker, () => undefined)
          })
        },
        (error: unknown) => complain('answering a query:', error),
      )
    }
    const answerFully = (i: number): void => {
      const asker = fromBytes(Buffer.from(batch.sender(i), 'latin1'))
      const message = Buffer.from(batch.message(i).subarray(0, batch.length(i)))
      if (batch.port(i) !== 0) full(message, viewOf(batch, i), batch.port(i), asker)
    }
    const answerAll = (count: number): void => {
      counts.queries += count
      for (let i = 0; i < count; i++) {
        const message = batch.message(i)
        const size = batch.length(i)
        const view = viewOf(batch, i)
        const length = view === undefined ? 0 : answerFast(view, message, batch.room(i), size)
        if (length > 0) {
          counts.fast++
          batch.answer(i, length)
        } else answerFully(i)
      }
    }
    socket.on('message', (message, { address: asker, port: from }) => {
      // Node has taken the first, the others wait behind it; link-local askers have a zone.
      batch.adopt(message, { address: asker.split('%')[0] as Address, port: from })
      for (let round = 0, first = 1; round < ROUNDS; round++, first = 0) {
        const count = batch.receive(fd, first)
        answerAll(count)
        batch.send(fd, answerFully)
        // While some were answered others have come; asking is cheaper than being woken up.
        if (count === 0) return
      }
    })
    socket.on('error', (error) => complain(`listening on ${address}:`, error))
    socket.bind({ fd, exclusive: true })
    return socket
  }

  const openTcp = (network: string, address: Address, port: number): Server => {
    const fd = guarded(sockets, { address, port }, () => sockets.openListeningSocket({ address, port }))
    const server = serveTcp(async (message, asker) => {
      counts.queries++
      const [text = ''] = asker.split('%')
      const parsed = parseAddress(text)
      const view = parsed === undefined ? undefined : zone.view(addressKey(parsed), network)
      return (await resolve(message, view, 'tcp'))?.reply
    })
    server.listen({ fd })
    return server
  }

  const closeOne = ({ udp, tcp }: Listener): void => {
    udp.close()
    tcp?.close()
  }

  return {
    open: ({ name, listen, port = DNS_PORT }) => {
      const there = open.get(name) ?? []
      const fresh: Listener[] = []
      try {
        for (const address of listen) {
          if (there.some((listener) => listener.address === address)) continue
          const tcp = options.tcp ? openTcp(name, address, port) : undefined
          try {
            fresh.push({ address, udp: openUdp(name, address, port), tcp })
          } catch (error) {
            tcp?.close()
            throw error
          }
        }
      } catch (error) {
        for (const listener of fresh) closeOne(listener)
        throw error
      }
      const kept = there.filter(({ address }) => listen.includes(address))
      for (const listener of there) if (!kept.includes(listener)) closeOne(listener)
      open.set(name, [...kept, ...fresh])
    },
    close: (name) => {
      for (const listener of open.get(name) ?? []) closeOne(listener)
      open.delete(name)
    },
  }
}

/**
 * Finds the view of a datagram's sender, without making a string of an IPv4
 * address that has asked before. What is remembered is good until the next
 * change of the zone.
 */
function askerViews(
  zone: Zone,
  network: string,
  family: Family,
): (batch: Batch, i: number) => View | undefined {
  const known = new Map<number, View>()
  let epoch = -1
  return (batch, i) => {
    if (family === 6) return zone.view(batch.sender(i), network)
    const now = zone.epoch()
    if (epoch !== now || known.size > MAX_ASKERS) known.clear()
    epoch = now
    const asker = batch.sender4(i)
    const there = known.get(asker)
    if (there !== undefined) return there
    const view = zone.view(batch.sender(i), network)
    // Nobody's view is not kept: an address can become the host's without our being told.
    if (view !== undefined) known.set(asker, view)
    return view
  }
}

function isTooLong(error: Error | null): boolean {
  return error !== null && 'code' in error && error.code === 'EMSGSIZE'
}

function cut(message: Buffer, reply: Buffer): Buffer | undefined {
  const reading = readQuery(message)
  return typeof reading === 'object' && 'query' in reading && reading.query !== undefined
    ? truncated(reply, reading.query)
    : undefined
}

function guarded<T>(
  sockets: ServerSockets,
  place: { readonly address: Address; readonly port: number },
  work: () => T,
): T {
  try {
    return work()
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    const message = `listening on ${place.address} port ${place.port}: ${cause}`
    throw new ControlFault({ kind: sockets.faultOf(error), message, ...place })
  }
}
