/**
 * How much may be asked of a netlink socket before the answers are read.
 *
 * They wait in its receive buffer, and what does not fit is lost.
 *
 * @module
 */

import { type Message, NLM_F_DUMP } from './encode.ts'

/**
 * In units of an acknowledgement. With the default buffer of 208 KiB the limit
 * is at 200-300 of them, or at 40-60 answers about a link (measured, Linux
 * 6.18). A dump waits in parts of up to 32 KiB.
 */
export const capacity = 150
const weights = { change: 1, question: 6, dump: 50 }

/** Messages whose answers fit into the buffer together. */
export interface Portion {
  readonly messages: readonly Message[]
  readonly weight: number
}

/** The messages in order, in as few portions as the buffer allows. */
export function portions(messages: readonly Message[]): readonly Portion[] {
  const made: { messages: Message[]; weight: number }[] = []
  for (const message of messages) {
    const more = weightOf(message)
    const last = made.at(-1)
    if (last !== undefined && last.weight + more <= capacity) {
      last.messages.push(message)
      last.weight += more
    } else {
      made.push({ messages: [message], weight: more })
    }
  }
  return made
}

function weightOf({ type, flags }: Message): number {
  if ((flags & NLM_F_DUMP) === NLM_F_DUMP) return weights.dump
  // rtnetlink numbers its requests in fours: new, delete, get, set.
  return (type & 3) === 2 ? weights.question : weights.change
}
