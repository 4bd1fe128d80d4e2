/**
 * What a handler answers: records of ours, or another server's reply.
 *
 * @module
 */

import type { Address } from '../model/address.ts'

/** A record of ours, by the fields of its type. */
export type LocalRecord =
  | { readonly type: 'address'; readonly address: Address }
  | { readonly type: 'pointer'; readonly target: string }
  | { readonly type: 'service'; readonly port: number; readonly target: string }
  | { readonly type: 'soa' }

/** An answer from our own names. */
export interface LocalAnswer {
  readonly kind: 'local'
  readonly rcode: number
  readonly records: readonly LocalRecord[]
  /** Key of the domain whose SOA says "no". */
  readonly denied?: string
  readonly why: string
}

/** An answer of another server, made ready for this client. */
export interface ForwardedAnswer {
  readonly kind: 'forwarded'
  readonly reply: Buffer
  readonly why: string
}

export type Answer = LocalAnswer | ForwardedAnswer
