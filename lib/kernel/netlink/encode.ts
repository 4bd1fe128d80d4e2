/**
 * Netlink messages as bytes: headers, nested attributes, and back.
 *
 * Written here and not taken from the netlink package because its rtnetlink
 * part leaves IFLA_LINKINFO to its caller, and one buffer per batch instead of
 * dozens is what the hot path wants. Little endian throughout: every platform
 * the package has a binary for is.
 *
 * @see netlink(7), include/uapi/linux/netlink.h
 * @module
 */

const NLM_F_REQUEST = 0x1
export const NLM_F_ACK = 0x4
export const NLM_F_DUMP_INTR = 0x10
export const NLM_F_DUMP = 0x300
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400

export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

const headerBytes = 16
const attributeBytes = 4
const NLA_TYPE_MASK = 0x3fff

/** An attribute: plain bytes, or further attributes after an optional fixed head. */
export interface Attribute {
  readonly type: number
  readonly value: Uint8Array | Nested
}

/** Attributes behind a fixed head, as in links and nested attributes. */
export interface Nested {
  readonly head: Uint8Array
  readonly attributes: readonly Attribute[]
}

/** A request without the sequence number its socket will give it. */
export interface Message extends Nested {
  readonly type: number
  readonly flags: number
}

/** A message as it came from the kernel. */
export interface Received {
  readonly type: number
  readonly flags: number
  readonly seq: number
  readonly payload: Buffer
}

const empty = new Uint8Array(0)

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value)
}

export function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** Text with the zero byte the kernel wants behind it. */
export function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`)
}

/** @param mac six bytes as colon-separated hex */
export function macBytes(mac: string): Uint8Array {
  return Buffer.from(mac.replaceAll(':', ''), 'hex')
}

export function nested(attributes: readonly Attribute[], head: Uint8Array = empty): Nested {
  return { head, attributes }
}

const aligned = (length: number): number => (length + 3) & ~3

function sizeOf(body: Nested): number {
  let size = aligned(body.head.length)
  for (const { value } of body.attributes) {
    size += attributeBytes + aligned(value instanceof Uint8Array ? value.length : sizeOf(value))
  }
  return size
}

function write(into: Buffer, at: number, body: Nested): number {
  into.set(body.head, at)
  let offset = at + aligned(body.head.length)
  for (const { type, value } of body.attributes) {
    const start = offset
    offset += attributeBytes
    let end: number
    if (value instanceof Uint8Array) {
      into.set(value, offset)
      end = offset + value.length
    } else {
      end = write(into, offset, value)
    }
    into.writeUInt16LE(end - start, start)
    into.writeUInt16LE(type, start + 2)
    offset = start + aligned(end - start)
  }
  return offset
}

/** All messages behind each other, numbered from `firstSeq` on. */
export function encodeBatch(messages: readonly Message[], firstSeq: number): Buffer {
  const sizes = messages.map((message) => headerBytes + sizeOf(message))
  const bytes = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0))
  let offset = 0
  messages.forEach((message, index) => {
    const size = sizes[index] ?? 0
    bytes.writeUInt32LE(size, offset)
    bytes.writeUInt16LE(message.type, offset + 4)
    bytes.writeUInt16LE(message.flags | NLM_F_REQUEST, offset + 6)
    bytes.writeUInt32LE((firstSeq + index) >>> 0, offset + 8)
    write(bytes, offset + headerBytes, message)
    offset += size
  })
  return bytes
}

/** The messages in one datagram of the kernel. */
export function decodeMessages(datagram: Buffer): readonly Received[] {
  const messages: Received[] = []
  let offset = 0
  while (offset + headerBytes <= datagram.length) {
    const length = datagram.readUInt32LE(offset)
    if (length < headerBytes || offset + length > datagram.length) break
    messages.push({
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      seq: datagram.readUInt32LE(offset + 8),
      payload: datagram.subarray(offset + headerBytes, offset + length),
    })
    offset += aligned(length)
  }
  return messages
}

/** Attributes by type, the last of each. What is asked for is cut out then: of a link's forty nobody wants ten. */
export class Attributes {
  readonly #payload: Buffer
  readonly #places = new Map<number, number>()

  /** @param headBytes of the fixed head before them */
  constructor(payload: Buffer, headBytes: number) {
    this.#payload = payload
    let offset = aligned(headBytes)
    while (offset + attributeBytes <= payload.length) {
      const length = payload.readUInt16LE(offset)
      if (length < attributeBytes || offset + length > payload.length) break
      this.#places.set(payload.readUInt16LE(offset + 2) & NLA_TYPE_MASK, offset)
      offset += aligned(length)
    }
  }

  has(type: number): boolean {
    return this.#places.has(type)
  }

  get(type: number): Buffer | undefined {
    const at = this.#places.get(type)
    if (at === undefined) return undefined
    return this.#payload.subarray(at + attributeBytes, at + this.#payload.readUInt16LE(at))
  }
}

export function decodeAttributes(payload: Buffer, headBytes: number): Attributes {
  return new Attributes(payload, headBytes)
}

/** The number an attribute holds; undefined where there is none, or less than one. */
export function u32In(bytes: Buffer | undefined): number | undefined {
  return bytes !== undefined && bytes.length >= 4 ? bytes.readUInt32LE(0) : undefined
}

export function i32In(bytes: Buffer | undefined): number | undefined {
  return bytes !== undefined && bytes.length >= 4 ? bytes.readInt32LE(0) : undefined
}

/** Of netfilter: 2, 4 or 8 bytes, the highest first. */
export function bigEndianIn(bytes: Buffer | undefined): number | undefined {
  if (bytes === undefined || ![2, 4, 8].includes(bytes.length)) return undefined
  return bytes.length === 8 ? Number(bytes.readBigUInt64BE(0)) : bytes.readUIntBE(0, bytes.length)
}

/** Text up to its zero byte. */
export function decodeText(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined) return undefined
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end)
}
