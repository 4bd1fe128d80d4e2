/**
 * What the name server is told: networks, the containers on them, and who
 * answers for the rest.
 *
 * @module
 */

import type { Address, Cidr } from '../model/address.ts'

/** Queries for that domain and what is below it go to these servers. */
export interface Route {
  readonly domain: string
  readonly servers: readonly Address[]
}

export interface ZoneNetwork {
  readonly name: string
  /** Gateway addresses: where the server listens. */
  readonly listen: readonly Address[]
  readonly subnets: readonly Cidr[]
  /** Nothing is forwarded for containers that are on internal networks only. */
  readonly internal: boolean
  /** Names outside do not lead its containers to each other or to the host. */
  readonly protect?: boolean
  /** Its names end here too, beside {@link DEFAULT_DOMAIN}. */
  readonly domain?: string
  /** Absent or empty: the host's. */
  readonly forwarders?: readonly Address[]
  /** Where the server listens; absent: 53. */
  readonly port?: number
  /** Whoever reaches a listener may ask, as the network itself: its subnets are not known. */
  readonly anyone?: true
}

export interface ZoneContainer {
  readonly id: string
  /**
   * Of one container whose networks are told one by one (CNI): the same. It asks with what all of them say. Absent: all
   * is told here.
   */
  readonly group?: string
  /** Its own names, the one PTR answers with first. */
  readonly names: readonly string[]
  readonly endpoints: readonly ZoneEndpoint[]
  /** Absent or empty: its networks', else the host's. */
  readonly forwarders?: readonly Address[]
  readonly services?: readonly ZoneService[]
}

export interface ZoneEndpoint {
  readonly network: string
  readonly addresses: readonly Address[]
  /** Names on this network only. */
  readonly aliases: readonly string[]
}

/** A published port: `_NAME._tcp.CONTAINER` and `_PORT._tcp.CONTAINER` are SRV records for it. */
export interface ZoneService {
  readonly port: number
  readonly protocol: string
}
