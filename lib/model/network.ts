/**
 * A network: its definition, as a user writes it or as it is derived.
 *
 * @module
 */

import type { Address, Subnet } from './address.ts'

/** Who carries the packet rules. `none`: nobody, so neither ports nor a way out. */
export type FirewallBackend = 'iptables' | 'nftables' | 'none'

/** `bridge`, or a driver of somebody else. `host` and `none` have no networks to make. */
export type DriverName = 'bridge' | 'host' | 'none' | (string & {})

/** One subnet of a network, with the addresses that are not given to containers. */
export interface IpamSubnet {
  readonly subnet: Subnet
  readonly gateway: Address
  /** Addresses are taken from here only; absent: the whole subnet. */
  readonly range?: Subnet
  /** Addresses never handed out, by what they are for. */
  readonly reserved?: Readonly<Record<string, Address>>
}

/** Of a protected network; the kernel's table holds 262,144 on most hosts. */
export const DEFAULT_CONNTRACK_LIMIT = 16_384
/** A number of the kernel's has 32 bits. */
export const HIGHEST_CONNTRACK_LIMIT = 4_294_967_295

/** Where name servers are asked (RFC 1035). */
export const DNS_PORT = 53

/**
 * How a family gets in and out. `nat`: published ports on the host, out with the host's address. `nat-unprotected`: and
 * every port is open to who routes to the container. `routed`: no translation; published ports and ICMP are open at the
 * container's own address, and it leaves with that.
 */
export type GatewayMode = 'nat' | 'nat-unprotected' | 'routed'

/** What `-o` of `network create` sets. */
export interface BridgeOptions {
  /** The bridge's interface name. */
  readonly bridge: string
  /** Absent: follows the host's route out at attach time. */
  readonly mtuBytes?: number
  /** Source NAT for traffic that leaves through the host. */
  readonly masquerade: boolean
  /** Containers of this network may talk to each other (Docker's icc). */
  readonly icc: boolean
  /** A container reaches its own published port through the host. */
  readonly hairpin: boolean
  /** No direct traffic between this network and other tsnet networks. */
  readonly isolate: boolean
  /** `isolated`: with networks that are isolated only, it talks with all others. Absent: with all. */
  readonly isolateFrom?: 'isolated'
  /** What a hostile container could do to its neighbours is stopped at its port. Absent: as on any bridge. */
  readonly protect?: 'strict'
  /** Connections each container may have begun at a time, with `protect`. Absent: 16,384. */
  readonly conntrackLimit?: number
  /** Addresses its traffic leaves with, one for each family; absent: that of the way out. */
  readonly sources?: readonly Address[]
  /** Absent: `nat`. */
  readonly gatewayMode4?: GatewayMode
  /** The same of IPv6. */
  readonly gatewayMode6?: GatewayMode
  /** Containers have names here, and the gateway answers them. Absent: yes, but for networks that come with a request. */
  readonly dns?: boolean
  /** Their names end here too, beside `tsnet.internal`. */
  readonly domain?: string
  /** Whom the name server asks for everything else; absent: whom the host asks. */
  readonly forwarders?: readonly Address[]
  /**
   * Where the name server listens on the gateways, absent: `DNS_PORT` (53).
   * Containers ask port 53 all the same: it is led there.
   */
  readonly dnsPort?: number
  /** False: the bridge has no address, so nobody but its containers is on it. Absent: the gateways' addresses. */
  readonly addressed?: boolean
  /** The bridge is somebody else's and stays as it is: no address, setting or rule of it is ours. */
  readonly unmanaged?: boolean
}

/** A network as it is stored: everything chosen, nothing left to a default. */
export interface NetworkConfig {
  readonly name: string
  readonly driver: DriverName
  /** No way out, no way in; containers of the network and the host only. */
  readonly internal: boolean
  /** At most one per family; empty for `host` and `none`. */
  readonly subnets: readonly IpamSubnet[]
  readonly options: BridgeOptions
  /** `-o` of a driver that is not ours, as given; `mtu` is in `options`. */
  readonly driverOptions?: Readonly<Record<string, string>>
  /** Its rules are of this backend from the beginning; those of others come and go with containers that ask for them. */
  readonly firewall?: FirewallBackend
  readonly labels: Readonly<Record<string, string>>
  /** True for a network made at first use: it goes with its last endpoint. */
  readonly ephemeral: boolean
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

/** What `network create` asks for. The JSON form is in README.md. */
export interface CreateNetworkRequest {
  readonly name: string
  readonly driver: DriverName
  /** Empty: one chosen that overlaps nothing, IPv4 and, with `ipv6`, a ULA /64. */
  readonly subnets: readonly SubnetRequest[]
  /** Subnets as another engine has settled them: any number, neither completed nor compared with the host. */
  readonly settled?: readonly IpamSubnet[]
  readonly ipv6: boolean
  readonly internal: boolean
  readonly options: Partial<BridgeOptions>
  /** `-o` of a driver that is not ours; `mtu` is in `options`. */
  readonly driverOptions?: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
}

/** A subnet as a user asks for it: only the subnet itself has to be said. */
export interface SubnetRequest {
  readonly subnet: Subnet
  /** Absent: the first address. */
  readonly gateway?: Address
  readonly range?: Subnet
  readonly reserved?: Readonly<Record<string, Address>>
}
