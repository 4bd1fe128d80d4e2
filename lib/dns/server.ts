/**
 * The name server: zone, listeners, chain and forwarder put together.
 *
 * Listens on every gateway address of its networks, UDP and TCP. A listener is
 * opened with the first container of a network and closed with the last one;
 * no other change touches it. Sockets come from outside (the kernel room makes
 * them); requests come in through `handle`, whoever carries them.
 *
 * @module
 */

import { createSocket, type Socket } from 'node:dgram'
import type { Server } from 'node:net'
import { type Address, type Family, familyOf, fromBytes, parseAddress } from '../model/address.ts'
import { DNS_PORT } from '../model/network.ts'
import { createChain, type Resolve } from './chain.ts'
import {
  ControlFault,
  type Explain,
  type Explained,
  type Fault,
  type Request,
  type Response,
  type Status,
} from './control.ts'
import { createForwarder, type OwnedRoute } from './forward.ts'
import { forward } from './handlers/forward.ts'
import { names } from './handlers/names.ts'
import { reverse } from './handlers/reverse.ts'
import { createHostAddresses } from './hostaddresses.ts'
import { followHostResolvers, readHostResolvers } from './resolvconf.ts'
import { serveTcp } from './tcp.ts'
import { createUpstreams } from './upstream.ts'
import { keyOf } from './wire.ts'
import { addressKey, createZone, type View, type Zone, type ZoneNetwork } from './zone.ts'
import { createFastPath } from './zone-fast.ts'

/** Sockets as this room needs them; kernel/dnssocket.ts makes them. */
export interface ServerSockets {
  openDatagramSocket(place: { readonly address: Address; readonly port: number }): number
  openListeningSocket(place: { readonly address: Address; readonly port: number }): number
  createDatagramBatch(): Batch
  /** What a refusal means. */
  faultOf(error: unknown): 'portInUse' | 'addressMissing' | 'notPermitted' | 'internal'
}

/** Datagrams that travel together (kernel/dnssocket.ts says more). */
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
  send(fd: number): void
}

export interface NameServer {
  handle(request: Request): Promise<Response>
  /** Nothing is left to serve. */
  isEmpty(): boolean
  close(): void
}

export interface NameServerOptions {
  readonly sockets: ServerSockets
  /** The one process of several that has the TCP listeners too. */
  readonly tcp: boolean
  readonly workers: () => readonly number[]
  /** Of other servers; anything but 53 is for tests. */
  readonly upstreamPort?: number
}

/** Askers remembered for each listener. */
const MAX_ASKERS = 10_000
/** Batches taken in a row before others (TCP, answers of other servers) get their turn. */
const ROUNDS = 8

export function createNameServer(options: NameServerOptions): NameServer {
  const zone = createZone(createHostAddresses())
  let routes: readonly OwnedRoute[] = []
  let resolvers = readHostResolvers()
  const stopFollowing = followHostResolvers((now) => {
    resolvers = now
  })
  const upstreams = createUpstreams(options.upstreamPort)
  const own = new Set<Address>()
  const forwarder = createForwarder({
    upstreams,
    hostServers: () => resolvers.servers,
    routes: () => routes,
    own: (server) => own.has(server),
  })
  const resolve = createChain([names, reverse(zone), forward(forwarder)])
  const counts = { queries: 0, fast: 0 }
  const listen = createListening({ zone, resolve, counts, options })

  const addNetwork = (network: ZoneNetwork): void => {
    const there = zone.network(network.name)
    // Opened before the zone knows it: a refusal changes nothing.
    listen.open(network)
    for (const address of [...(there?.listen ?? [])]) own.delete(address)
    for (const address of network.listen) own.add(address)
    zone.putNetwork(network)
  }
  const removeIdle = (): void => {
    for (const { name, listen: addresses } of zone.networks()) {
      if (zone.isUsed(name)) continue
      listen.close(name)
      for (const address of addresses) own.delete(address)
      zone.dropNetwork(name)
    }
  }
  const addNetworks = (networks: readonly ZoneNetwork[]): void => {
    try {
      for (const network of networks) addNetwork(network)
    } catch (error) {
      removeIdle()
      throw error
    }
  }

  const status = (): Status => ({
    pid: process.pid,
    workers: options.workers(),
    networks: zone.networks(),
    containers: zone.containers(),
    routes,
    resolvers: resolvers.servers,
    ...counts,
    outstanding: forwarder.outstanding,
    cached: { entries: forwarder.cache.size, bytes: forwarder.cache.bytes },
  })

  const carryOut = async (request: Request): Promise<Response> => {
    switch (request.op) {
      case 'load':
        // What was served before and cannot be now must not keep the rest from its names.
        for (const network of request.networks) {
          try {
            addNetwork(network)
          } catch (error) {
            console.error(`serving network ${network.name}:`, error)
          }
        }
        for (const container of request.containers) zone.putContainer(container)
        routes = request.routes
        removeIdle()
        return { ok: true }
      case 'put':
        addNetworks(request.networks)
        zone.putContainer(request.container)
        removeIdle()
        return { ok: true }
      case 'drop':
        zone.dropContainer(request.id)
        removeIdle()
        return { ok: true, ended: zone.networks().length === 0 }
      case 'routes':
        routes = request.routes
        return { ok: true }
      case 'status':
        return { ok: true, status: status() }
      case 'explain':
        return { ok: true, explained: await explain(zone, resolve, request) }
    }
  }

  return {
    handle: async (request) => {
      try {
        return await carryOut(request)
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        const fault: Fault = error instanceof ControlFault ? error.fault : { kind: 'internal', message }
        return { ok: false, ended: zone.networks().length === 0, fault }
      }
    },
    isEmpty: () => zone.networks().length === 0,
    close: () => {
      stopFollowing()
      for (const { name } of zone.networks()) listen.close(name)
      upstreams.close()
    },
  }
}

interface Listening {
  /** Opens what of a network is not open. @throws ControlFault, with nothing of it open that was not before */
  open(network: ZoneNetwork): void
  close(network: string): void
}

interface Listener {
  readonly address: Address
  readonly udp: Socket
  readonly tcp: Server | undefined
}

interface ListeningInput {
  readonly zone: Zone
  readonly resolve: Resolve
  readonly counts: { queries: number; fast: number }
  readonly options: NameServerOptions
}

function createListening({ zone, resolve, counts, options }: ListeningInput): Listening {
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
          if (outcome !== undefined) socket.send(outcome.reply, port_, asker, () => undefined)
        },
        (error: unknown) => console.error('answering a query:', error),
      )
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
        } else if (batch.port(i) !== 0) {
          full(
            Buffer.from(message.subarray(0, size)),
            view,
            batch.port(i),
            fromBytes(Buffer.from(batch.sender(i), 'latin1')),
          )
        }
      }
    }
    socket.on('message', (message, { address: asker, port: from }) => {
      // Node has taken the first, the others wait behind it; link-local askers have a zone.
      batch.adopt(message, { address: asker.split('%')[0] as Address, port: from })
      for (let round = 0, first = 1; round < ROUNDS; round++, first = 0) {
        const count = batch.receive(fd, first)
        answerAll(count)
        batch.send(fd)
        if (count < batch.size) return
      }
    })
    socket.on('error', (error) => console.error(`listening on ${address}:`, error))
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
      open.set(name, [...there, ...fresh])
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

async function explain(zone: Zone, resolve: Resolve, asked: Explain): Promise<Explained> {
  const { name, type, container, network } = asked
  const key = keyOf(name)
  const view = viewFor(zone, { container, network })
  if (key === undefined || view === undefined) {
    const message =
      key === undefined ? `${name} is no name` : 'the name server knows no such container or network'
    throw new ControlFault({ kind: 'notFound', message })
  }
  const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const tail = Buffer.from([type >> 8, type & 255, 0, 1])
  const outcome = await resolve(Buffer.concat([head, Buffer.from(key, 'latin1'), tail]), view, 'tcp')
  return { why: outcome?.why ?? 'no reply', reply: outcome?.reply.toString('base64') ?? '' }
}

function viewFor(
  zone: Zone,
  { container, network }: { container: string | undefined; network: string | undefined },
): View | undefined {
  const wanted = zone
    .containers()
    .find(({ id, names: own }) => id === container || own.includes(container ?? ''))
  const [address] = wanted?.endpoints.flatMap(({ addresses }) => addresses) ?? []
  if (wanted !== undefined && address !== undefined) return zone.view(addressKey(address), '')
  const [only] = zone.networks()
  return container === undefined ? zone.hostView(network ?? only?.name ?? '') : undefined
}
