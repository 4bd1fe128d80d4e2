/**
 * Scripts that only add or delete single published ports, without libnftables.
 *
 * That is what every attach and detach does, at a cost that does not grow with
 * the number of ports. Such a script is carried out here as one transaction, or
 * not at all: whatever the kernel refuses goes to libnftables after all, which
 * has the words for it. Elements of interval sets are its business in any case.
 *
 * Like a context of libnftables the socket belongs to the namespace it is made
 * in, which is the host's.
 *
 * @module
 */

import { bytesOf, parseAddress } from '../../model/address.ts'
import type { Protocol } from '../../model/portmapping.ts'
import type { Message } from '../netlink/encode.ts'
import { type Answer, type Exchange, openExchange } from '../netlink/exchange.ts'
import {
  chainGet,
  chainUse,
  type ElementChange,
  elementsTransaction,
  NETLINK_NETFILTER,
  type TableFamily,
  type TableName,
} from '../netlink/nftables.ts'
import { ENOENT } from '../system/errno.ts'

/** IPPROTO_… */
const protocolNumbers: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 }

/** A transaction is one send(2): more elements do not fit into the buffer of the socket that is kept. */
const fewElements = 256
/** A range of all ports to other numbers, in both families. */
const mostElements = 131_072
/** What an element takes on its way, with the longest comment, and what the kernel adds for its own keeping. */
const elementBytes = 512
/** What a socket must be able to send that sends any of them. */
export const mostBytes: number = mostElements * elementBytes
const longestComment = 127

let socket: Exchange | undefined
/** Of the table's owner: nobody else may change it. */
let owner: Exchange | undefined

/** From now on elements are changed by this socket, which can send a transaction of any size. */
export function changeElementsBy(exchange: Exchange | undefined): void {
  owner = exchange
}

/** @returns true if it was such a script and the kernel has carried it out; else nothing has changed */
export function changeElements(script: string): boolean {
  const changes = elementChangesIn(script)
  if (changes === undefined) return false
  try {
    const transaction = elementsTransaction(changes)
    const answers =
      owner !== undefined
        ? owner.ask(transaction)
        : changes.length > fewElements
          ? askOnce(transaction, changes.length * elementBytes)
          : ask(transaction)
    return answers.at(-2)?.errno === 0 && answers.every(({ errno }) => errno === 0 || errno === undefined)
  } catch {
    // libnftables will say why.
    return false
  }
}

/** Whether there is such a chain; true also where the kernel would not tell. */
export function mayHaveChain(table: TableName, chain: string): boolean {
  try {
    const [answer] = ask([chainGet(table, chain)])
    return answer?.errno !== ENOENT
  } catch {
    return true
  }
}

/** How many rules are in a chain or lead to it; undefined where there is none, or nobody says. */
export function chainUses(table: TableName, chain: string): number | undefined {
  try {
    const [message] = ask([chainGet(table, chain)])[0]?.messages ?? []
    return message === undefined ? undefined : chainUse(message)
  } catch {
    return undefined
  }
}

/** @returns undefined where it does anything else, or too much */
export function elementChangesIn(script: string): readonly ElementChange[] | undefined {
  const lines = script.split('\n').filter((line) => line !== '')
  if (lines.length === 0 || lines.length > mostElements) return undefined
  const changes = lines.map(elementChange)
  return changes.every((change) => change !== undefined) ? changes : undefined
}

function elementChange(line: string): ElementChange | undefined {
  const [, action, family, name, set, body = ''] =
    /^(add|delete) element (inet|ip|ip6) (\S+) (\S+) \{ (.+) \}$/.exec(line) ?? []
  // [address .] protocol . port, and to what: no prefixes and no ranges, so no element of an interval set.
  const [, address, protocol, port, comment, toAddress, toPort] =
    /^(?:([0-9a-f.:]+) \. )?(tcp|udp|sctp) \. (\d+)(?: comment "([^"\\]*)")?(?: : ([0-9a-f.:]+) \. (\d+))?$/.exec(
      body,
    ) ?? []
  if (set === undefined || protocol === undefined) return undefined
  if ((action === 'add') !== (toAddress !== undefined)) return undefined
  const key = keyBytes(address, protocol as Protocol, Number(port))
  const value = toAddress === undefined ? undefined : valueBytes(toAddress, Number(toPort))
  if (key === undefined || (toAddress !== undefined && value === undefined)) return undefined
  if (comment !== undefined && Buffer.byteLength(comment) > longestComment) return undefined
  return {
    action: action as ElementChange['action'],
    table: { family: family as TableFamily, name: name as string },
    set,
    key,
    ...(value === undefined ? {} : { value }),
    ...(comment === undefined ? {} : { comment }),
  }
}

/** Each part of a concatenation begins at four bytes. */
function keyBytes(address: string | undefined, protocol: Protocol, port: number): Uint8Array | undefined {
  const head = address === undefined ? nothing : addressBytes(address)
  if (head === undefined || port > 0xffff) return undefined
  const bytes = Buffer.alloc(head.length + 8)
  bytes.set(head)
  bytes[head.length] = protocolNumbers[protocol]
  bytes.writeUInt16BE(port, head.length + 4)
  return bytes
}

function valueBytes(address: string, port: number): Uint8Array | undefined {
  const head = addressBytes(address)
  if (head === undefined || port > 0xffff) return undefined
  const bytes = Buffer.alloc(head.length + 4)
  bytes.set(head)
  bytes.writeUInt16BE(port, head.length)
  return bytes
}

const nothing = new Uint8Array(0)
/** Thousands of ports lead to one address. */
let last: { readonly text: string; readonly bytes: Uint8Array } | undefined

function addressBytes(text: string): Uint8Array | undefined {
  if (last?.text === text) return last.bytes
  const address = parseAddress(text)
  if (address === undefined) return undefined
  last = { text, bytes: bytesOf(address) }
  return last.bytes
}

function askOnce(messages: readonly Message[], bytes: number): readonly Answer[] {
  const own = openExchange(NETLINK_NETFILTER, bytes)
  try {
    return own.ask(messages)
  } finally {
    own.close()
  }
}

function ask(messages: readonly Message[]): readonly Answer[] {
  socket ??= openExchange(NETLINK_NETFILTER)
  return socket.ask(messages)
}
