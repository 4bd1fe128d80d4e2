/**
 * Messages of DHCP for IPv4 as bytes: the fixed part BOOTP had, and options.
 *
 * What options mean is in options.ts. Options that came in several pieces are
 * joined (RFC 3396), those hidden in `sname` and `file` are found (option 52).
 *
 * @see https://www.rfc-editor.org/rfc/rfc2131 section 2
 * @module
 */

import { type Address, bytesOf, fromBytes } from '../model/address.ts'

export const messageTypes = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
} as const

export type MessageType = keyof typeof messageTypes

/** Option numbers to their bytes. */
export type Options = ReadonlyMap<number, Buffer>

export interface Message {
  readonly type: MessageType
  /** Chosen by the client, the same in question and answer. */
  readonly xid: number
  /** Since the client began. */
  readonly seconds: number
  /** Answers shall be broadcast: the client has no address yet and cannot take others. */
  readonly broadcast: boolean
  /** The client's, where it has one that works. */
  readonly clientAddress?: Address
  /** What the server gives. */
  readonly yourAddress?: Address
  /** Six bytes. */
  readonly mac: Buffer
  /** Without the message type. */
  readonly options: Options
}

const cookie = 0x63825363
const fixedBytes = 236
/** Of the whole message; BOOTP relays drop shorter ones. */
const minimumBytes = 300
const typeOption = 53
const overloadOption = 52
const pad = 0
const end = 255
const pieceBytes = 255
const fromClient = 1
const fromServer = 2

export function encodeMessage(message: Message): Buffer {
  const fixed = Buffer.alloc(fixedBytes + 4)
  fixed.writeUInt8(fromClient, 0)
  fixed.writeUInt8(1, 1)
  fixed.writeUInt8(6, 2)
  fixed.writeUInt32BE(message.xid, 4)
  fixed.writeUInt16BE(Math.min(message.seconds, 0xffff), 8)
  fixed.writeUInt16BE(message.broadcast ? 0x8000 : 0, 10)
  if (message.clientAddress !== undefined) fixed.set(bytesOf(message.clientAddress), 12)
  message.mac.copy(fixed, 28, 0, 6)
  fixed.writeUInt32BE(cookie, fixedBytes)
  const options = [[typeOption, Buffer.from([messageTypes[message.type]])] as const, ...message.options]
  const bytes = Buffer.concat([
    fixed,
    ...options.flatMap(([number, value]) => pieces(number, value)),
    Buffer.from([end]),
  ])
  return bytes.length >= minimumBytes ? bytes : Buffer.concat([bytes], minimumBytes)
}

/** Values over 255 bytes go in several options of the same number. */
function pieces(number: number, value: Buffer): readonly Buffer[] {
  const made: Buffer[] = []
  for (let at = 0; at === 0 || at < value.length; at += pieceBytes) {
    const piece = value.subarray(at, at + pieceBytes)
    made.push(Buffer.from([number, piece.length]), piece)
  }
  return made
}

/** @returns undefined for what is no answer of a server, or is cut off */
export function decodeMessage(bytes: Buffer): Message | undefined {
  if (bytes.length < fixedBytes + 4 || bytes[0] !== fromServer || bytes.readUInt32BE(fixedBytes) !== cookie)
    return undefined
  const options = readOptions(bytes)
  const number = options?.get(typeOption)?.[0]
  const type = (Object.keys(messageTypes) as MessageType[]).find((name) => messageTypes[name] === number)
  if (options === undefined || type === undefined) return undefined
  options.delete(typeOption)
  const address = (at: number): Address | undefined =>
    bytes.readUInt32BE(at) === 0 ? undefined : fromBytes(bytes.subarray(at, at + 4))
  const [clientAddress, yourAddress] = [address(12), address(16)]
  return {
    type,
    xid: bytes.readUInt32BE(4),
    seconds: bytes.readUInt16BE(8),
    broadcast: (bytes.readUInt16BE(10) & 0x8000) !== 0,
    ...(clientAddress === undefined ? {} : { clientAddress }),
    ...(yourAddress === undefined ? {} : { yourAddress }),
    mac: bytes.subarray(28, 34),
    options,
  }
}

function readOptions(bytes: Buffer): Map<number, Buffer> | undefined {
  const found = new Map<number, Buffer>()
  if (!collect(bytes.subarray(fixedBytes + 4), found)) return undefined
  const overload = found.get(overloadOption)?.[0] ?? 0
  const file = (overload & 1) === 0 || collect(bytes.subarray(108, fixedBytes), found)
  const name = (overload & 2) === 0 || collect(bytes.subarray(44, 108), found)
  return file && name ? found : undefined
}

/** @returns false where an option goes on behind the end */
function collect(field: Buffer, into: Map<number, Buffer>): boolean {
  for (let at = 0; at < field.length; ) {
    const number = field[at] as number
    if (number === end) return true
    if (number === pad) {
      at++
      continue
    }
    const length = field[at + 1]
    if (length === undefined || at + 2 + length > field.length) return false
    const value = field.subarray(at + 2, at + 2 + length)
    const before = into.get(number)
    into.set(number, before === undefined ? value : Buffer.concat([before, value]))
    at += 2 + length
  }
  return true
}
