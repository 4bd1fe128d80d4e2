/**
 * A netlink socket read by the event loop, for answers that may be long: the
 * tracked flows of a host are hundreds of thousands, and others want to be
 * served while they come in. Everything short goes through exchange.ts.
 *
 * The socket belongs for good to the namespace it was made in (kernel/netns),
 * and keeps the process alive only while it waits. An overflow of its receive
 * buffer would end the process, because the binding (netlink 0.3.0) cannot put
 * the poll error into words: so it is never asked more than fits.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { errnoOf, SystemError } from '../system/errno.ts'
import { loadRawSocket, type RawSocket } from '../system/native.ts'
import { capacity, type Portion, portions } from './capacity.ts'
import {
  decodeMessages,
  encodeBatch,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  type Received,
} from './encode.ts'
import { NETLINK_NETFILTER } from './nftables.ts'
import { dumpAttempts, type Reply, type RouteSocket } from './socket.ts'

/** What the kernel packs a dump into at most (netlink_recvmsg), and more than any single answer has. */
const receiveBytes = 32768

/** More than the default where the host allows it (net.core.rmem_max), as a reserve. */
const wishedBufferBytes = 1024 * 1024

interface Waiting {
  readonly messages: Received[]
  readonly settle: (errno: number) => void
  readonly reject: (error: unknown) => void
}

/** Opens a socket for conntrack in the namespace the calling thread is in. */
export function openNetfilterSocket(): RouteSocket {
  return new EventSocket(NETLINK_NETFILTER)
}

class EventSocket implements RouteSocket {
  readonly #raw: RawSocket
  readonly #waiting = new Map<number, Waiting>()
  #seq = 1
  /** Weight of what has been sent and not been answered. */
  #load = 0
  readonly #queue: (() => void)[] = []
  #lastDump: Promise<unknown> = Promise.resolve()

  constructor(protocol: number) {
    const Raw = loadRawSocket()
    // Port 0 lets the kernel choose a free one; the types want both sizes, 0 leaves the default.
    this.#raw = new Raw(protocol, {
      localPort: 0,
      messagePeeking: false,
      msgBufferSize: receiveBytes,
      recvBufferSize: wishedBufferBytes,
      sendBufferSize: 0,
    })
    this.#raw.unref()
    this.#raw.on('message', (datagram) => this.#receive(datagram))
    this.#raw.on('truncatedMessage', () =>
      this.#failAll(fail('TSNET_INTERNAL', { message: `netlink answer over ${receiveBytes} bytes` })),
    )
    this.#raw.on('error', (error) => this.#failAll(error))
  }

  async batch(messages: readonly Message[]): Promise<readonly Reply[]> {
    const replies: Reply[] = []
    for (const portion of portions(messages)) replies.push(...(await this.#send(portion)))
    return replies
  }

  /** Never waits in the kernel's stead: it is for what answers in pieces. */
  batchAside(messages: readonly Message[]): Promise<readonly Reply[]> {
    return this.batch(messages)
  }

  dumpAside(message: Message): Promise<readonly Received[]> {
    return this.dump(message)
  }

  dump(message: Message): Promise<readonly Received[]> {
    // A second dump on a socket with one running answers EBUSY.
    const dump = this.#lastDump.then(() => this.#dump(message))
    this.#lastDump = dump.catch(() => undefined)
    return dump
  }

  close(): void {
    this.#failAll(fail('TSNET_INTERNAL', { message: 'netlink socket closed while an answer was awaited' }))
    // Not at once: this may be a continuation of the binding's own callback, which still needs the socket.
    setImmediate(() => this.#raw.close())
  }

  async #dump(message: Message): Promise<readonly Received[]> {
    for (let attempt = 1; ; attempt++) {
      const [reply] = await this.batch([{ ...message, flags: message.flags | NLM_F_DUMP }])
      if (reply === undefined || reply.errno !== 0) throw new SystemError('netlink dump', reply?.errno ?? 0)
      const torn = reply.messages.some(({ flags }) => (flags & NLM_F_DUMP_INTR) !== 0)
      if (!torn || attempt === dumpAttempts) return reply.messages
    }
  }

  async #send({ messages, weight }: Portion): Promise<Reply[]> {
    while (this.#load > 0 && this.#load + weight > capacity) {
      await new Promise<void>((resolve) => this.#queue.push(resolve))
    }
    this.#load += weight
    try {
      return await this.#exchange(messages)
    } finally {
      this.#load -= weight
      // Everybody looks again; who does not fit queues again.
      for (const resume of this.#queue.splice(0)) resume()
    }
  }

  #exchange(messages: readonly Message[]): Promise<Reply[]> {
    const firstSeq = this.#seq
    this.#seq = (this.#seq + messages.length) % 0x7fffffff || 1
    const acknowledged = messages.map((message) => ({ ...message, flags: message.flags | NLM_F_ACK }))
    const replies = messages.map(
      (_, index) =>
        new Promise<Reply>((resolve, reject) => {
          const received: Received[] = []
          const settle = (errno: number): void => resolve({ errno, messages: received })
          this.#waiting.set(firstSeq + index, { messages: received, settle, reject })
        }),
    )
    this.#raw.ref()
    this.#raw.send(encodeBatch(acknowledged, firstSeq), {}, (error) => {
      if (error !== undefined) this.#failAll(new SystemError('netlink send', errnoOf(error) ?? 0))
    })
    return Promise.all(replies)
  }

  #receive(datagram: Buffer): void {
    for (const message of decodeMessages(datagram)) {
      const waiting = this.#waiting.get(message.seq)
      if (waiting === undefined) continue
      if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
        this.#waiting.delete(message.seq)
        waiting.settle(message.payload.length >= 4 ? -message.payload.readInt32LE(0) : 0)
      } else {
        waiting.messages.push(message)
      }
    }
    if (this.#waiting.size === 0) this.#raw.unref()
  }

  #failAll(error: unknown): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }
}
