/**
 * Published ports: what was asked for, and what was really bound.
 *
 * @module
 */

import type { Address } from './address.ts'

/** What ports can be published of. */
export type Protocol = 'tcp' | 'udp' | 'sctp'

/** One `-p`: a range of container ports and where on the host to publish it. */
export interface PortMapping {
  /** Absent: every address of the host. */
  readonly hostAddress?: Address
  /** First host port; absent: chosen from the ephemeral range. */
  readonly hostPort?: number
  /** First container port. */
  readonly containerPort: number
  /** How many consecutive ports, at least 1. */
  readonly count: number
  readonly protocol: Protocol
  /** The caller's own process holds the host port (engines behind CNI): its socket is no conflict. */
  readonly heldByCaller?: boolean
  /** Left out where the container has no address of the host address's family: engines behind CNI send both. */
  readonly onlyIfServed?: boolean
}

/** A mapping after its host port has been chosen and reserved. */
export interface PortBinding {
  /** Absent: every address of the host, in each family the endpoint has. */
  readonly hostAddress?: Address
  readonly hostPort: number
  readonly containerPort: number
  readonly count: number
  readonly protocol: Protocol
}
