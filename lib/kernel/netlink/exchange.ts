/**
 * Netlink requests that are answered before anything else happens.
 *
 * The kernel carries requests out inside send(2) and puts its answers into the
 * socket's buffer before that returns; the parts of a dump are made while they
 * are read. So all can be read at once, without a trip through the event loop,
 * which costs four times the CPU time (24 µs for each answer against 6,
 * measured, netlink 0.3.0 and koffi 3.3). The process is blocked as long as the
 * kernel works, as it is by send(2) in any case.
 *
 * @module
 */

import { EMSGSIZE, SystemError } from '../system/errno.ts'
import { closeDescriptor } from '../system/libc.ts'
import { netlinkSocket, receiveNow, sendAll, sendAside, setSocketOption } from '../system/sockets.ts'
import {
  decodeMessages,
  encodeBatch,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLMSG_DONE,
  NLMSG_ERROR,
  type Received,
} from './encode.ts'

/** What the kernel packs a dump into at most (netlink_recvmsg), and more than any single answer has. */
const answerBytes = 32768

const SOL_SOCKET = 1
const SO_SNDBUFFORCE = 32

export interface Answer {
  /** Positive error number, 0 for success; undefined where the kernel has said nothing. */
  readonly errno: number | undefined
  /** What it sent besides. */
  readonly messages: readonly Received[]
}

export interface Exchange {
  /**
   * Sends all in one call. An answer for each; those with NLM_F_ACK or NLM_F_DUMP
   * are waited for. The kernel answers in order, and failures in any case: the
   * acknowledgement of the last tells of all before it. What is asked at once must
   * fit into the buffer (capacity.ts).
   */
  ask(messages: readonly Message[]): readonly Answer[]
  /**
   * The same for what keeps the kernel busy for long: sent from a thread of libuv's, and this one goes on. Nothing else
   * may be asked meanwhile.
   */
  askAside(messages: readonly Message[]): Promise<readonly Answer[]>
  close(): void
}

interface Open {
  errno: number | undefined
  readonly messages: Received[]
}

let asked = 0

/** How often this process has called the kernel by an exchange, for tests and figures. */
export function askedCount(): number {
  return asked
}

/**
 * Opens a socket in the namespace the calling thread is in; it belongs to that for good.
 *
 * @param sendBytes for who sends more at once than a socket usually takes (net.core.wmem_default); root may
 */
export function openExchange(protocol: number, sendBytes?: number): Exchange {
  const fd = netlinkSocket(protocol)
  if (sendBytes !== undefined) setSocketOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, sendBytes)
  return exchangeOn(fd, { isShared: false })
}

/** The same on a socket that is there, and goes with the exchange. @param isShared others read their answers there too */
export function exchangeOn(socket: number, { isShared }: { readonly isShared: boolean }): Exchange {
  let fd = socket
  const buffer = Buffer.allocUnsafe(answerBytes)
  let seq = 1
  const begin = (messages: readonly Message[]): { readonly first: number; readonly bytes: Buffer } => {
    const first = seq
    seq = (seq + messages.length) % 0x7fffffff || 1
    asked++
    return { first, bytes: encodeBatch(messages, first) }
  }
  const collect = (messages: readonly Message[], first: number): readonly Answer[] => {
    const answers = messages.map((): Open => ({ errno: undefined, messages: [] }))
    let open = messages.filter(isAwaited).length
    while (open > 0) {
      const length = receiveNow(fd, buffer)
      if (length === undefined) break
      if (length > buffer.length) throw new SystemError('recv', EMSGSIZE)
      // A copy, because what is kept of it outlives the next read.
      for (const received of decodeMessages(Buffer.from(buffer.subarray(0, length)))) {
        const nth = received.seq - first
        if (settles(answers[nth], received) && isAwaited(messages[nth] as Message)) open--
      }
    }
    return answers
  }
  return {
    ask: (messages) => {
      if (isShared) emptySocket(fd)
      const { first, bytes } = begin(messages)
      sendAll(fd, bytes)
      return collect(messages, first)
    },
    askAside: async (messages) => {
      const { first, bytes } = begin(messages)
      await sendAside(fd, bytes)
      return collect(messages, first)
    },
    close: () => {
      // Its number may be another's soon; what is asked later fails with EBADF.
      if (fd !== -1) closeDescriptor(fd)
      fd = -1
    },
  }
}

/** Takes away what nobody has waited for: the next reader would think that it is his. */
export function emptySocket(fd: number): void {
  // Of a datagram that does not fit the rest goes too.
  const buffer = Buffer.allocUnsafe(16)
  while (receiveNow(fd, buffer) !== undefined);
}

/** Half of the bits of a dump mean something else on what makes things (NLM_F_EXCL, NLM_F_REPLACE). */
function isAwaited({ flags }: Message): boolean {
  return (flags & NLM_F_ACK) !== 0 || (flags & NLM_F_DUMP) === NLM_F_DUMP
}

/** @returns true if it was the last word on that question */
function settles(answer: Open | undefined, received: Received): boolean {
  // An answer to what an earlier caller did not wait for.
  if (answer === undefined) return false
  const { type, payload } = received
  if (type !== NLMSG_ERROR && type !== NLMSG_DONE) {
    answer.messages.push(received)
    return false
  }
  answer.errno = payload.length >= 4 ? -payload.readInt32LE(0) : 0
  return true
}
