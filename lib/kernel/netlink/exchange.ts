/**
 * Questions to the kernel that are answered before anything else happens.
 *
 * The kernel carries out netlink requests inside send(2) and puts its answers in
 * the socket's buffer before that returns, so they can be read at once: no trip
 * through the event loop. Not for dumps, which may be longer than the buffer.
 *
 * @module
 */

import { closeDescriptor, netlinkSocket, receiveNow, sendAll } from '../libc.ts'
import { decodeMessages, encodeBatch, type Message, NLM_F_ACK, NLMSG_ERROR, type Received } from './encode.ts'

/** More than any single answer has. */
const answerBytes = 32768

export interface Answer {
  /** Positive error number, 0 for success; undefined where the kernel has said nothing. */
  readonly errno: number | undefined
  /** What it sent besides. */
  readonly messages: readonly Received[]
}

export interface Exchange {
  /** Sends all in one call. An answer for each; only those with NLM_F_ACK are waited for. */
  ask(messages: readonly Message[]): readonly Answer[]
  close(): void
}

/** Opens a socket in the namespace the calling thread is in. */
export function openExchange(protocol: number): Exchange {
  const fd = netlinkSocket(protocol)
  const buffer = Buffer.alloc(answerBytes)
  let seq = 1
  return {
    ask: (messages) => {
      const first = seq
      seq = (seq + messages.length) % 0x7fffffff || 1
      sendAll(fd, encodeBatch(messages, first))
      const answers = messages.map(() => ({
        errno: undefined as number | undefined,
        messages: [] as Received[],
      }))
      let open = messages.filter(({ flags }) => (flags & NLM_F_ACK) !== 0).length
      while (open > 0) {
        const length = receiveNow(fd, buffer)
        if (length === undefined) break
        // A copy: what is kept of it must outlive the next read.
        for (const message of decodeMessages(Buffer.from(buffer.subarray(0, length)))) {
          const answer = answers[message.seq - first]
          if (answer === undefined) continue
          if (message.type === NLMSG_ERROR) {
            answer.errno = -message.payload.readInt32LE(0)
            if (((messages[message.seq - first]?.flags ?? 0) & NLM_F_ACK) !== 0) open--
          } else answer.messages.push(message)
        }
      }
      return answers
    },
    close: () => closeDescriptor(fd),
  }
}
