/**
 * What is read from the host before anything is decided.
 *
 * @module
 */

import type { Address, Cidr, Family, Mac, Subnet } from '../model/address.ts'

/** One link of a namespace. */
export interface LinkFact {
  readonly name: string
  /** `bridge`, `veth`, `` for physical ones: IFLA_INFO_KIND. */
  readonly kind: string
  readonly mac: Mac | undefined
  readonly mtuBytes: number
  readonly up: boolean
  /** Name of the bridge it is a port of. */
  readonly master: string | undefined
  readonly alias: string | undefined
}

/** One address of a link. */
export interface AddressFact {
  readonly dev: string
  readonly cidr: Cidr
}

/** One route of the host. */
export interface RouteFact {
  readonly to: Subnet
  readonly via: Address | undefined
  readonly dev: string | undefined
  readonly metric: number
  /** Absent: main. */
  readonly table?: number
}

/** Everything about a host that choosing a subnet or making a network can depend on. */
export interface HostFacts {
  readonly links: readonly LinkFact[]
  readonly addresses: readonly AddressFact[]
  readonly routes: readonly RouteFact[]
}

/** The way out of the host for a family: what a new endpoint's MTU follows. */
export interface WayOut {
  readonly family: Family
  readonly dev: string
  readonly mtuBytes: number
  /** The host's own address on that way: what `host-gateway` of host mode means. */
  readonly source: Address | undefined
}

/**
 * A chain of others that would drop what has to come through: forwarded packets
 * of a network, or questions to its name server. firewalld drops both, in both
 * families, and is told once.
 */
export interface ForeignDrop {
  readonly chain: 'FORWARD' | 'INPUT'
  readonly tool: 'iptables-nft' | 'iptables-legacy' | 'firewalld'
  readonly family: Family
}

/** Of those a chain of the iptables tools. */
export interface TableDrop extends ForeignDrop {
  readonly tool: Exclude<ForeignDrop['tool'], 'firewalld'>
}

/** A link in full, as `ip -json -details address` tells it. */
export interface DeviceFact {
  readonly index: number
  readonly name: string
  readonly kind: string
  readonly mac: string
  readonly mtuBytes: number
  readonly up: boolean
  readonly promisc: boolean
  readonly allmulti: boolean
  readonly queueLength: number
  readonly master?: string
  readonly alias?: string
  /** Of its peer or parent, where that is in another namespace. */
  readonly linkIndex?: number
  /** Of a macvlan or ipvlan. */
  readonly mode?: string
  readonly vlanId?: number
  /** Of a VRF. */
  readonly table?: number
  readonly addresses: readonly Cidr[]
  /** Of `addresses`: nobody knows yet whether another has them, or another has. */
  readonly tentative?: readonly Cidr[]
  readonly duplicate?: readonly Cidr[]
}

/** A unicast route that leaves by one link; what `ip -json route` would not print is absent. */
export interface DeviceRoute {
  readonly to: Cidr
  readonly via?: Address
  readonly dev: string
  readonly metric?: number
  readonly table?: string
  readonly scope?: string
  readonly protocol?: string
  readonly source?: Address
}

/** One of `ip rule`. */
export interface PolicyRule {
  readonly family: Family
  readonly priority: number
  /** `all`, or an address without its prefix length. */
  readonly from: string
  /** Empty where it has none. */
  readonly table: string
}

/** All that a namespace has of them. */
export interface Surroundings {
  readonly devices: readonly DeviceFact[]
  readonly routes: readonly DeviceRoute[]
  readonly rules: readonly PolicyRule[]
}
