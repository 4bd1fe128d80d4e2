/**
 * The full path: a query goes through an ordered chain of handlers until one
 * answers. One return means only: the answer, which says who gave it and why.
 *
 * @module
 */

import type { Answer } from './answer.ts'
import { encodeLocal } from './encode.ts'
import { errorReply, type Query, RCODE, readQuery, replyLimit } from './wire.ts'
import type { View } from './zone-lookup.ts'

export interface Context {
  readonly query: Query
  readonly message: Buffer
  readonly view: View
  readonly transport: 'udp' | 'tcp'
}

export type Next = () => Answer | Promise<Answer>
export type Handler = (context: Context, next: Next) => Answer | Promise<Answer>

/** An answer as bytes, and the reason for it. */
export interface Outcome {
  readonly reply: Buffer
  readonly why: string
}

/** @returns undefined where a message gets no reply at all */
export type Resolve = (
  message: Buffer,
  view: View | undefined,
  transport: 'udp' | 'tcp',
) => Promise<Outcome | undefined>

/** Puts handlers in a row; behind the last there is SERVFAIL. */
export function createChain(handlers: readonly Handler[]): Resolve {
  const from = (context: Context, i: number): Answer | Promise<Answer> => {
    const handler = handlers[i]
    if (handler === undefined)
      return { kind: 'local', rcode: RCODE.SERVFAIL, records: [], why: 'nobody answers' }
    return handler(context, () => from(context, i + 1))
  }
  return async (message, view, transport) => {
    const reading = readQuery(message)
    if (reading === 'drop') return undefined
    if ('rcode' in reading) {
      return { reply: errorReply(message, reading.rcode, reading.query), why: 'the query is not one we take' }
    }
    const { query } = reading
    if (view === undefined) {
      return { reply: errorReply(message, RCODE.REFUSED, query), why: 'asked from outside our networks' }
    }
    const answer = await from({ query, message, view, transport }, 0)
    if (answer.kind === 'forwarded') return { reply: answer.reply, why: answer.why }
    return { reply: encodeLocal(message, query, answer, replyLimit(query, transport)), why: answer.why }
  }
}
