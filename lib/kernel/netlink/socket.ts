/**
 * One netlink socket: batches of requests, and dumps.
 *
 * A batch is one send(2): the kernel carries it out, message after message,
 * before the call returns; it goes on after one that failed, and says which. The socket belongs for good to the namespace it was
 * made in (kernel/netns).
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { SystemError } from '../system/errno.ts'
import { portions } from './capacity.ts'
import { type Message, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, type Received } from './encode.ts'
import { type Answer, type Exchange, openExchange } from './exchange.ts'
import { NETLINK_NETFILTER } from './nftables.ts'

const NETLINK_ROUTE = 0

/** A dump that changed while it was read is read again, this often. */
export const dumpAttempts = 5

/** The answer to one message of a batch. */
export interface Reply {
  /** Positive error number, 0 for success. */
  readonly errno: number
  /** What the kernel sent besides the acknowledgement. */
  readonly messages: readonly Received[]
}

/** A netlink socket of one namespace. */
export interface RouteSocket {
  /** Sends all in order; one reply for each, in the same order. Rejects only if the socket itself fails. */
  batch(messages: readonly Message[]): Promise<readonly Reply[]>
  /** The same from another thread, for what keeps the kernel busy for long. Not while anything else is asked here. */
  batchAside(messages: readonly Message[]): Promise<readonly Reply[]>
  /** All parts of a dump, read consistently. */
  dump(message: Message): Promise<readonly Received[]>
  /** As {@link batchAside}: for what the kernel searches long and finds little of. */
  dumpAside(message: Message): Promise<readonly Received[]>
  /** Gives the descriptor back. */
  close(): void
}

/** Opens a socket in the namespace the calling thread is in. */
export function openRouteSocket(): RouteSocket {
  return new PromptSocket(openExchange(NETLINK_ROUTE))
}

/** The same for conntrack, where few flows are tracked; for many there is event-socket.ts. */
export function openFlowSocket(): RouteSocket {
  return new PromptSocket(openExchange(NETLINK_NETFILTER))
}

/** Its promises are settled when the call returns: nobody waits for the event loop. */
class PromptSocket implements RouteSocket {
  readonly #exchange: Exchange

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  async batch(messages: readonly Message[]): Promise<readonly Reply[]> {
    return portions(messages).flatMap((portion) =>
      repliesIn(this.#exchange.ask(lastAcknowledged(portion.messages))),
    )
  }

  async batchAside(messages: readonly Message[]): Promise<readonly Reply[]> {
    const replies: Reply[] = []
    for (const portion of portions(messages))
      replies.push(...repliesIn(await this.#exchange.askAside(lastAcknowledged(portion.messages))))
    return replies
  }

  dump(message: Message): Promise<readonly Received[]> {
    return consistent(message, async (asked) => this.#exchange.ask(asked))
  }

  dumpAside(message: Message): Promise<readonly Received[]> {
    return consistent(message, (asked) => this.#exchange.askAside(asked))
  }

  close(): void {
    this.#exchange.close()
  }
}

async function consistent(
  message: Message,
  ask: (messages: readonly Message[]) => Promise<readonly Answer[]>,
): Promise<readonly Received[]> {
  for (let attempt = 1; ; attempt++) {
    const [answer] = await ask([{ ...message, flags: message.flags | NLM_F_DUMP }])
    const { errno, messages } = answered(answer)
    if (errno !== 0) throw new SystemError('netlink dump', errno)
    const torn = messages.some(({ flags }) => (flags & NLM_F_DUMP_INTR) !== 0)
    if (!torn || attempt === dumpAttempts) return messages
  }
}

function lastAcknowledged(messages: readonly Message[]): readonly Message[] {
  const last = messages.length - 1
  return messages.map((message, i) => (i < last ? message : { ...message, flags: message.flags | NLM_F_ACK }))
}

/** Whatever was refused before the last has been told by then. */
function repliesIn(answers: readonly Answer[]): readonly Reply[] {
  answered(answers.at(-1))
  return answers.map(({ errno = 0, messages }) => ({ errno, messages }))
}

function answered(answer: Answer | undefined): Reply {
  if (answer?.errno !== undefined) return { errno: answer.errno, messages: answer.messages }
  throw fail('TSNET_INTERNAL', { message: 'netlink: the kernel has not answered' })
}
