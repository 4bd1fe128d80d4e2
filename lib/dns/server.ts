/**
 * The name server: zone, listeners, chain and forwarder put together.
 *
 * Listens on every gateway address of its networks. A listener is opened with
 * the first container of a network and closed with the last one; no other change
 * touches it. Requests come in through `handle`, whoever carries them.
 *
 * @module
 */

import type { Address } from '../model/address.ts'
import { createChain } from './chain.ts'
import {
  type Contents,
  ControlFault,
  type Fault,
  type Request,
  type Response,
  type Status,
} from './control.ts'
import { explain } from './explain.ts'
import { createForwarder, type OwnedRoute } from './forward.ts'
import { forward } from './handlers/forward.ts'
import { names } from './handlers/names.ts'
import { noRebinding } from './handlers/rebinding.ts'
import { reverse } from './handlers/reverse.ts'
import { createHostAddresses } from './hostaddresses.ts'
import { type Complain, createListening, type ServerSockets } from './listening.ts'
import { followHostResolvers, readHostResolvers } from './resolvconf.ts'
import { createUpstreams } from './upstream.ts'
import { createZone } from './zone.ts'
import type { ZoneNetwork } from './zone-contents.ts'

export interface NameServer {
  handle(request: Request): Promise<Response>
  /** All it has been told. */
  contents(): Contents
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
  /** Where it complains; absent: standard error. */
  readonly complain?: Complain
}

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
  const resolve = createChain([names, reverse(zone), noRebinding(zone), forward(forwarder)])
  const counts = { queries: 0, fast: 0 }
  const complain = options.complain ?? console.error
  const listen = createListening({ zone, resolve, counts, options, complain })

  const addNetwork = (network: ZoneNetwork): void => {
    const there = zone.network(network.name)
    // Opened before the zone knows it: a refusal changes nothing.
    listen.open(network)
    for (const address of [...(there?.listen ?? [])]) own.delete(address)
    for (const address of network.listen) own.add(address)
    zone.putNetwork(network)
  }
  /** Of these alone, so that a change costs the same on a host with a thousand networks. */
  const removeIdle = (these: readonly string[]): void => {
    for (const name of these) {
      const network = zone.network(name)
      if (network === undefined || zone.isUsed(name)) continue
      listen.close(name)
      for (const address of network.listen) own.delete(address)
      zone.dropNetwork(name)
    }
  }
  const namesOf = (networks: readonly ZoneNetwork[]): readonly string[] => networks.map(({ name }) => name)
  const addNetworks = (networks: readonly ZoneNetwork[]): void => {
    try {
      for (const network of networks) addNetwork(network)
    } catch (error) {
      removeIdle(namesOf(networks))
      throw error
    }
  }

  const contents = (): Contents => ({ networks: zone.networks(), containers: zone.containers(), routes })
  const status = (): Status => ({
    pid: process.pid,
    workers: options.workers(),
    ...contents(),
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
            complain(`serving network ${network.name}:`, error)
          }
        }
        for (const container of request.containers) zone.putContainer(container)
        routes = request.routes
        removeIdle(namesOf(zone.networks()))
        return { ok: true }
      case 'put':
        addNetworks(request.networks)
        removeIdle([...zone.putContainer(request.container), ...namesOf(request.networks)])
        return { ok: true }
      case 'drop':
        removeIdle(zone.dropContainer(request.id))
        return { ok: true, ended: zone.isEmpty() }
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
    contents,
    handle: async (request) => {
      try {
        return await carryOut(request)
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        const fault: Fault = error instanceof ControlFault ? error.fault : { kind: 'internal', message }
        return { ok: false, ended: zone.isEmpty(), fault }
      }
    },
    isEmpty: zone.isEmpty,
    close: () => {
      stopFollowing()
      for (const { name } of zone.networks()) listen.close(name)
      upstreams.close()
    },
  }
}
