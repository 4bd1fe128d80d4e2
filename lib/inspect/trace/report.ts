/**
 * What `tsnet trace` says: the way as configured, hop by hop, and where it ends.
 *
 * @module
 */

import type { Address } from '../../model/address.ts'

/** Parts of the way; `probe` is the one packet that was really sent. */
export type TraceStage =
  | 'route'
  | 'neighbour'
  | 'bridge'
  | 'nat'
  | 'filter'
  | 'filter-inside'
  | 'return'
  | 'probe'

/** Why a packet stops where it stops. */
export type TraceReason =
  | 'no-route'
  | 'forwarding-off'
  | 'link-down'
  | 'nobody'
  | 'isolated'
  | 'internal'
  | 'dropped'
  | 'no-return'
  | 'rp-filter'
  | 'no-listener'
  | 'listener-loopback'
  | 'unreachable'
  | 'timeout'

/** One place a packet passes, as configured. */
export interface TraceHop {
  readonly stage: TraceStage
  /** Name of the namespace it happens in. */
  readonly where: string
  readonly what: string
  readonly ok: boolean
}

/** Where a packet stopped, and why. */
export interface TraceStop {
  readonly stage: TraceStage
  readonly reason: TraceReason
  readonly what: string
  /** What would let it pass. */
  readonly fix?: string
}

/** Whom a trace goes to. */
export interface TraceTarget {
  readonly address: Address
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  /** Of the container that was meant. */
  readonly name?: string
}

/** The way of a packet as configured, and what a real one met. */
export interface TraceReport {
  readonly from: string
  readonly to: TraceTarget
  readonly hops: readonly TraceHop[]
  readonly reached: boolean
  /** Absent where it was reached. */
  readonly stopped?: TraceStop
}
