/**
 * Firewall intent: what must be true of packets, in network words.
 *
 * No chain, table or rule syntax here; `firewall/` prints it for each backend.
 * The same words are the rows of the probe table in test/netns, which is the
 * documentation of what isolation means.
 *
 * @module
 */

import type { Address, Family, Mac, Subnet } from '../model/address.ts'
import type { PortBinding } from '../model/portmapping.ts'

/**
 * Once per host and backend: the chains everything else hangs on.
 *
 * - packets for 127.0.0.0/8 that did not come from `lo` are dropped (the guard
 *   that makes `route_localnet` safe);
 * - the admin's own chain TSNET-USER is looked at first;
 * - TCP SYNs that leave towards a smaller path have their MSS clamped.
 */
export interface BaseIntent {
  readonly kind: 'base'
}

/** Once per network and backend. */
export interface NetworkIntent {
  readonly kind: 'network'
  /** Network name, for comments. */
  readonly network: string
  readonly bridge: string
  readonly subnets: readonly Subnet[]
  /** Nothing is forwarded in or out. */
  readonly internal: boolean
  /** Containers of this network may talk to each other directly. */
  readonly icc: boolean
  /**
   * True: nothing enters from other tsnet networks but published ports.
   * False: networks that are both not isolated may talk.
   */
  readonly isolate: boolean
  /** With `isolate`: not from networks that are not isolated. */
  readonly isolateFrom?: 'isolated'
  /** Traffic that leaves through the host gets the host's address. */
  readonly masquerade: boolean
  /** With `masquerade`: these instead of the host's address, at most one for each family. */
  readonly sources?: readonly Address[]
  /** Packets of these families are not translated; beside published ports ICMP gets in. */
  readonly routed?: readonly Family[]
  /** Whoever routes packets of these families to its containers reaches every port. */
  readonly unprotected?: readonly Family[]
  /** One container of it cannot fill the host's table of connections. */
  readonly protect?: 'strict'
  /** Connections that each may have begun at a time; absent: DEFAULT_CONNTRACK_LIMIT. */
  readonly conntrackLimit?: number
  /** Where its name server listens, when that is not port 53: what is asked there is led to it. */
  readonly names?: NamesPlace
}

/**
 * Frames that come in by the port of one endpoint (`-o protect=strict`): with its
 * own MAC and its own addresses only, in Ethernet, ARP, IPv4, IPv6 and neighbour
 * discovery; no router advertisements or redirects, no answers of a DHCP server;
 * questions to the gateways' name server at a limited rate.
 */
export interface ProtectIntent {
  readonly kind: 'protect'
  /** Attachment id: `CONTAINER/IFNAME`. */
  readonly owner: string
  /** The host end. */
  readonly port: string
  /** Of the end inside the sandbox. */
  readonly mac: Mac
  /** All it may use, link-local ones too. */
  readonly addresses: readonly Address[]
  /** Where the name server is asked. */
  readonly gateways: readonly Address[]
}

/** Gateways of a network, and the port the name server has there. */
export interface NamesPlace {
  readonly gateways: readonly Address[]
  readonly port: number
}

/** Once per attachment that publishes: the bindings and where they lead. */
export interface PublishIntent {
  readonly kind: 'publish'
  /** Attachment id, on every rule or element: `CONTAINER/IFNAME`. */
  readonly owner: string
  readonly bridge: string
  /** The container's addresses, at most one per family. */
  readonly addresses: readonly Address[]
  readonly bindings: readonly PortBinding[]
  /** In these families the ports are open at the container's own addresses, and not on the host. */
  readonly routed?: readonly Family[]
}

/**
 * A foreign base chain would drop packets whatever we accept: tagged accepts for
 * the bridge go into that chain, with its owner's tool. Into FORWARD for what is
 * forwarded; with `names` into INPUT, for questions to the name server there.
 */
export interface ForeignAcceptIntent {
  readonly kind: 'foreignAccept'
  readonly names?: NamesPlace
  readonly network: string
  readonly bridge: string
  readonly tool: 'iptables-nft' | 'iptables-legacy'
  readonly family: 4 | 6
}

/** What must be true of packets, in network words; a printer makes rules of it. */
export type FirewallIntent = BaseIntent | NetworkIntent | PublishIntent | ProtectIntent | ForeignAcceptIntent
