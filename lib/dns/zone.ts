/**
 * The names of the containers, and who may see which.
 *
 * Filled by small changes (one container more or less), each of them done in
 * one go between two packets, so that a change costs the same whether there are
 * ten names or ten thousand. Pure: no clock, no sockets. The asker's address
 * decides what it sees: all networks it is on, no others; an unknown asker (the
 * host) sees the network whose gateway it asks.
 *
 * @module
 */

import { type Address, bytesOf, contains, fromBytes } from '../model/address.ts'
import type { ZoneContainer, ZoneNetwork } from './zone-contents.ts'
import { domainsOf, type Entry, suffixOf, type View } from './zone-lookup.ts'
import { contribute, recordsOf, withdraw } from './zone-records.ts'

export interface Zone {
  /** Counts changes: what was answered before may be different after one. */
  epoch(): number
  /** Adds or replaces. */
  putNetwork(network: ZoneNetwork): void
  /** Forgets a network, and its names with it. */
  dropNetwork(name: string): void
  /**
   * Adds or replaces; endpoints on networks the zone does not know have no names.
   *
   * @returns networks it was on before
   */
  putContainer(container: ZoneContainer): readonly string[]
  /** @returns networks it was on */
  dropContainer(id: string): readonly string[]
  network(name: string): ZoneNetwork | undefined
  networks(): readonly ZoneNetwork[]
  containers(): readonly ZoneContainer[]
  /** It knows no network. */
  isEmpty(): boolean
  /** Whether a container is on that network. */
  isUsed(network: string): boolean
  /** The view of whoever asks from that address; undefined where it is nobody we serve. */
  view(asker: string, listener: string): View | undefined
  /** The view of the network itself, as the host has it. */
  hostView(network: string): View | undefined
}

/** How an address is looked up: its bytes, one character each. */
export function addressKey(address: Address): string {
  return String.fromCharCode(...bytesOf(address))
}

interface Names {
  network: ZoneNetwork
  readonly names: Map<string, Entry>
  suffix: string
  domains: readonly string[]
  /** Containers on it. */
  readonly members: Set<string>
  hostView: View | undefined
  /** What was decided about askers that are no containers. */
  readonly strangers: Map<string, View>
}

const maxStrangers = 1024

/** @param isHost whether an address is the host's own: its packets may come from any of them (masquerading) */
export function createZone(isHost: (address: Address) => boolean = () => false): Zone {
  const networks = new Map<string, Names>()
  const containers = new Map<string, ZoneContainer>()
  const byAddress = new Map<string, ZoneContainer>()
  const groups = new Map<string, ZoneContainer[]>()
  const views = new Map<string, View>()
  let epoch = 0
  let serial = 0

  const viewOf = (container: ZoneContainer): View => {
    const group = groupOf(container)
    const known = views.get(group)
    if (known !== undefined) return known
    const parts = groups.get(group) ?? [container]
    const whole = wholeOf(group, parts)
    const joined = [...new Set(parts.flatMap(({ endpoints }) => endpoints.map(({ network }) => network)))]
      .map((network) => networks.get(network))
      .filter((n) => n !== undefined)
    const fromNetworks = [...new Set(joined.flatMap(({ network }) => network.forwarders ?? []))]
    const own = whole.forwarders ?? []
    const view: View = {
      serial: serial++,
      container: whole,
      networks: joined,
      internal: joined.length > 0 && joined.every(({ network }) => network.internal),
      forwarders: own.length > 0 ? own : fromNetworks,
    }
    views.set(group, view)
    return view
  }

  const hostView = (name: string): View | undefined => {
    const names = networks.get(name)
    if (names === undefined) return undefined
    names.hostView ??= {
      serial: serial++,
      networks: [names],
      internal: names.network.internal,
      forwarders: names.network.forwarders ?? [],
    }
    return names.hostView
  }

  const forgetViews = (names: Names): void => {
    names.hostView = undefined
    names.strangers.clear()
    for (const id of names.members) {
      const member = containers.get(id)
      if (member !== undefined) views.delete(groupOf(member))
    }
  }

  const regroup = (group: string, change: (parts: readonly ZoneContainer[]) => ZoneContainer[]): void => {
    views.delete(group)
    const parts = change(groups.get(group) ?? [])
    if (parts.length > 0) groups.set(group, parts)
    else groups.delete(group)
  }

  const remove = (container: ZoneContainer): void => {
    regroup(groupOf(container), (parts) => parts.filter((part) => part !== container))
    containers.delete(container.id)
    for (const endpoint of container.endpoints) {
      for (const address of endpoint.addresses) {
        const key = addressKey(address)
        if (byAddress.get(key) === container) byAddress.delete(key)
      }
      const names = networks.get(endpoint.network)
      if (names === undefined) continue
      names.members.delete(container.id)
      for (const [key, part] of recordsOf(container, endpoint)) withdraw(names.names, key, part)
    }
  }

  const add = (container: ZoneContainer): void => {
    regroup(groupOf(container), (parts) => [...parts, container])
    containers.set(container.id, container)
    for (const endpoint of container.endpoints) {
      const names = networks.get(endpoint.network)
      if (names === undefined) continue
      for (const address of endpoint.addresses) byAddress.set(addressKey(address), container)
      names.members.add(container.id)
      for (const [key, part] of recordsOf(container, endpoint)) contribute(names.names, key, part)
    }
  }

  return {
    epoch: () => epoch,
    putNetwork: (network) => {
      const there = networks.get(network.name)
      // Told again with each of its containers: that must not cost as much as it has.
      if (there !== undefined && JSON.stringify(there.network) === JSON.stringify(network)) return
      epoch++
      if (there === undefined) {
        networks.set(network.name, {
          network,
          names: new Map(),
          suffix: suffixOf(network),
          domains: domainsOf(network),
          members: new Set(),
          hostView: undefined,
          strangers: new Map(),
        })
        return
      }
      there.network = network
      there.domains = domainsOf(network)
      forgetViews(there)
    },
    dropNetwork: (name) => {
      epoch++
      const there = networks.get(name)
      if (there === undefined) return
      for (const id of [...there.members]) {
        const container = containers.get(id)
        if (container === undefined) continue
        remove(container)
        const endpoints = container.endpoints.filter(({ network }) => network !== name)
        if (endpoints.length > 0) add({ ...container, endpoints })
      }
      networks.delete(name)
    },
    putContainer: (container) => {
      epoch++
      const before = containers.get(container.id)
      if (before !== undefined) remove(before)
      add(container)
      return networksOf(before)
    },
    dropContainer: (id) => {
      epoch++
      const before = containers.get(id)
      if (before !== undefined) remove(before)
      return networksOf(before)
    },
    network: (name) => networks.get(name)?.network,
    networks: () => [...networks.values()].map(({ network }) => network),
    containers: () => [...containers.values()],
    isEmpty: () => networks.size === 0,
    isUsed: (name) => (networks.get(name)?.members.size ?? 0) > 0,
    hostView,
    view: (asker, listener) => {
      const container = byAddress.get(asker)
      if (container !== undefined) return viewOf(container)
      const names = networks.get(listener)
      if (names === undefined) return undefined
      const { strangers } = names
      const known = strangers.get(asker)
      if (known !== undefined) return known
      // An address of this subnet that nobody has told us of, or the host itself.
      const address = fromBytes(Buffer.from(asker, 'latin1'))
      const inside =
        names.network.anyone === true ||
        names.network.listen.includes(address) ||
        names.network.subnets.some((subnet) => contains(subnet, address)) ||
        isHost(address)
      const view = inside ? hostView(listener) : undefined
      // Sources can be forged: what is remembered of them stays small.
      if (strangers.size >= maxStrangers) strangers.clear()
      if (view !== undefined) strangers.set(asker, view)
      return view
    },
  }
}

function groupOf({ id, group }: ZoneContainer): string {
  return group ?? id
}

/** One container as it asks, whatever it was told of in. */
function wholeOf(id: string, parts: readonly ZoneContainer[]): ZoneContainer {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only.id === id ? only : { ...only, id }
  const all = <T>(of: (part: ZoneContainer) => readonly T[]): readonly T[] => [...new Set(parts.flatMap(of))]
  return {
    id,
    names: all(({ names }) => names),
    endpoints: all(({ endpoints }) => endpoints),
    forwarders: all(({ forwarders = [] }) => forwarders),
  }
}

function networksOf(container: ZoneContainer | undefined): readonly string[] {
  return container?.endpoints.map(({ network }) => network) ?? []
}
