/**
 * What the machine looks like: the JSON of `tsnet ns`, `ps`, `map`, `bridge show` and `exec` is made of these; fields are
 * added, not renamed.
 *
 * @module
 */

import type { Address, Cidr, Mac, Subnet } from '../model/address.ts'
import type { ContainerNetwork } from '../model/attachment.ts'
import type { TrafficCounters } from '../model/traffic.ts'
import type { EngineName } from './origin.ts'

/** One interface of a namespace. */
export interface InterfaceView {
  readonly name: string
  readonly index: number
  /** `veth`, `bridge`, …; `` for a physical one. */
  readonly kind: string
  readonly mac?: Mac
  readonly mtuBytes: number
  readonly up: boolean
  readonly carrier: boolean
  readonly alias?: string
  readonly addresses: readonly Cidr[]
  /** The other end of a veth pair: its name, and the `id` of the namespace it is in. */
  readonly peer?: { readonly name: string; readonly namespace: string }
  /** The bridge it is a port of, or, for an end inside a container, that its other end is a port of. */
  readonly bridge?: string
  readonly traffic: TrafficCounters
}

/** One route of a namespace, as `ip route` shows it. */
export interface RouteView {
  readonly to: Subnet
  readonly via?: Address
  readonly dev?: string
  readonly metric: number
  /** Number of its table, which rules of policy routing choose; absent: main. */
  readonly table?: number
}

/** One network namespace of the machine, and what is known of who made it. */
export interface NamespaceView {
  /** As in `net:[4026531840]`. */
  readonly id: string
  /** Decimal; never used again within one boot. */
  readonly cookie: string
  /** What to call it: `host`, the container's name or id, ip netns' name, or a process. */
  readonly name: string
  /** The namespace tsnet itself was started in. */
  readonly own: boolean
  readonly engine?: EngineName
  /** The container behind it, of any engine. */
  readonly container?: { readonly id: string; readonly name?: string }
  /** Id under which tsnet has set it up. */
  readonly record?: string
  /** It belongs to another user namespace (rootless). */
  readonly foreignUser: boolean
  /** Names `ip netns` knows it by. */
  readonly netnsNames: readonly string[]
  readonly mounts: readonly string[]
  readonly pids: readonly number[]
  /** Name of the program with the lowest pid. */
  readonly program?: string
  /** A way in that works now. */
  readonly path: string
  readonly interfaces: readonly InterfaceView[]
  readonly routes: readonly RouteView[]
}

/** One interface in a bridge. */
export interface BridgePort {
  readonly name: string
  readonly state: string
  readonly hairpin: boolean
  readonly isolated: boolean
  /** The end inside the container. */
  readonly peer?: { readonly name: string; readonly namespace: string }
}

/** A bridge of the host, tsnet’s or anybody’s. */
export interface BridgeView {
  readonly name: string
  /** `8000.0242ac110001`: priority and MAC. */
  readonly id: string
  readonly stp: boolean
  readonly vlanFiltering: boolean
  readonly up: boolean
  readonly mtuBytes: number
  readonly addresses: readonly Cidr[]
  /** The network of tsnet it carries. */
  readonly network?: string
  /** That network has no way out; absent where it has. */
  readonly internal?: true
  readonly ports: readonly BridgePort[]
  readonly traffic: TrafficCounters
}

/** Every namespace and bridge of the machine at one moment. */
export interface Inventory {
  readonly namespaces: readonly NamespaceView[]
  /** Of the host's own namespace. */
  readonly bridges: readonly BridgeView[]
  /** What tsnet has set up. */
  readonly records: readonly ContainerNetwork[]
}
