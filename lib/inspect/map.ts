/**
 * The network of this host as a graph: the way out, bridges, what is behind
 * their ports, and what is connected past every bridge. Printers: maptext.ts,
 * mapmermaid.ts, mapsvg.ts.
 *
 * @module
 */

import { type Cidr, familyOf } from '../model/address.ts'
import { shortPorts } from '../model/openports.ts'
import { containersOf } from './containers.ts'
import { hostOf } from './find.ts'
import type { BridgeView, InterfaceView, Inventory, NamespaceView } from './views.ts'

/** A container’s interface at its bridge. */
export interface MapLeaf {
  readonly name: string
  /** Engine behind it, `` where none is known. */
  readonly engine: string
  readonly ifname: string
  readonly addresses: readonly string[]
  /** `8080->80/tcp`: published to it. */
  readonly ports: readonly string[]
  readonly rxBytes: number
  readonly txBytes: number
}

/** A bridge with what hangs on it. */
export interface MapBridge {
  readonly name: string
  readonly network?: string
  /** That network has no way out; absent where it has. */
  readonly internal?: true
  readonly addresses: readonly string[]
  readonly up: boolean
  readonly leaves: readonly MapLeaf[]
}

/** An interface by which the host reaches others. */
export interface MapUplink {
  readonly name: string
  readonly addresses: readonly string[]
  /** Gateways of default routes over it. */
  readonly gateways: readonly string[]
}

/** The picture of a host: ways out, bridges, containers. */
export interface HostMap {
  readonly uplinks: readonly MapUplink[]
  readonly bridges: readonly MapBridge[]
  /** Connected to the host by a veth pair without a bridge. */
  readonly direct: readonly MapLeaf[]
  /** Containers that are connected to nothing of this host. */
  readonly apart: readonly string[]
  /** Containers that use the host's own interfaces. */
  readonly onHost: readonly string[]
}

/** Draws the map of an inventory; the other `map…` functions render it. */
export function mapOf(inventory: Inventory): HostMap {
  const host = hostOf(inventory)
  const ends = endsOf(inventory)
  const bridges = inventory.bridges.map((bridge) => bridgeOf(bridge, host, ends))
  const inBridges = new Set(inventory.bridges.flatMap(({ ports }) => ports.map(({ name }) => name)))
  const containers = containersOf(inventory)
  const reached = new Set(ends.keys())
  const uplinks = (host?.interfaces ?? []).filter((link) => isUplink(link, { host, ends, inBridges }))
  return {
    uplinks: uplinks.map((link) => uplinkOf(link, host)),
    bridges,
    direct: [...ends]
      .filter(([name]) => !inBridges.has(name) && !uplinks.some((link) => link.name === name))
      .map(([, leaf]) => leaf),
    apart: inventory.namespaces
      .filter(({ own, container }) => !own && container !== undefined)
      .filter(
        ({ interfaces }) =>
          !interfaces.some(({ peer }) => reached.has(peer?.name ?? '') && peer?.namespace === host?.id),
      )
      .map(({ name }) => name),
    onHost: containers.filter(({ mode }) => mode === 'host').map(({ name, id }) => name ?? id),
  }
}

/** The inside of every veth pair with one end on the host, by the name of that end. */
function endsOf(inventory: Inventory): ReadonlyMap<string, MapLeaf> {
  const host = hostOf(inventory)
  const containers = containersOf(inventory)
  const ends = new Map<string, MapLeaf>()
  for (const view of inventory.namespaces) {
    if (view.own) continue
    const container = containers.find(({ namespace }) => namespace === view.id)
    for (const link of view.interfaces) {
      if (link.peer === undefined || link.peer.namespace !== host?.id) continue
      const endpoint = container?.endpoints.find(({ ifname }) => ifname === link.name)
      ends.set(link.peer.name, {
        name: view.name,
        engine: container?.engine ?? view.engine ?? '',
        ifname: link.name,
        addresses: told(link.addresses),
        ports: endpoint === undefined ? [] : shortPorts(endpoint),
        rxBytes: link.traffic.rxBytes,
        txBytes: link.traffic.txBytes,
      })
    }
  }
  return ends
}

function bridgeOf(
  bridge: BridgeView,
  host: NamespaceView | undefined,
  ends: ReadonlyMap<string, MapLeaf>,
): MapBridge {
  const plain = (name: string): MapLeaf => {
    const traffic = host?.interfaces.find((link) => link.name === name)?.traffic
    // As seen from the other end: what the host receives, that one has sent.
    return {
      name,
      engine: '',
      ifname: '',
      addresses: [],
      ports: [],
      rxBytes: traffic?.txBytes ?? 0,
      txBytes: traffic?.rxBytes ?? 0,
    }
  }
  return {
    name: bridge.name,
    ...(bridge.network === undefined ? {} : { network: bridge.network }),
    ...(bridge.internal === undefined ? {} : { internal: bridge.internal }),
    addresses: told(bridge.addresses),
    up: bridge.up,
    leaves: bridge.ports.map(({ name }) => ends.get(name) ?? plain(name)),
  }
}

/**
 * An interface with an address that leads to none of the containers. One with a default route is a way out also where
 * we can see who is behind it: this host is a container itself.
 */
function isUplink(
  { name, kind, addresses, up }: InterfaceView,
  {
    host,
    ends,
    inBridges,
  }: {
    readonly host: NamespaceView | undefined
    readonly ends: ReadonlyMap<string, MapLeaf>
    readonly inBridges: ReadonlySet<string>
  },
): boolean {
  if (name === 'lo' || kind === 'bridge' || inBridges.has(name) || !up) return false
  const carries = host?.routes.some(({ to, dev }) => dev === name && to.endsWith('/0')) === true
  return carries || (!ends.has(name) && told(addresses).length > 0)
}

function uplinkOf({ name, addresses }: InterfaceView, host: NamespaceView | undefined): MapUplink {
  const gateways = (host?.routes ?? [])
    .filter(({ to, dev }) => dev === name && to.endsWith('/0'))
    .map(({ via, to }) => via ?? (familyOf(to) === 4 ? 'default' : 'default (IPv6)'))
  return { name, addresses: told(addresses), gateways: [...new Set(gateways)] }
}

const told = (addresses: readonly Cidr[]): readonly string[] =>
  addresses.filter((address) => !address.startsWith('fe80:'))
