/**
 * Firewall intent: what must be true of packets, in network words.
 *
 * No chain, table or rule syntax here; `firewall/` prints it for each backend.
 * The same words are the rows of the probe table in test/netns, which is the
 * documentation of what isolation means.
 *
 * @module
 */

import type { Address, Subnet } from '../model/address.ts'
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
  /** Where its name server listens, when that is not port 53: what is asked there is led to it. */
  readonly names?: NamesPlace
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
export type FirewallIntent = BaseIntent | NetworkIntent | PublishIntent | ForeignAcceptIntent
