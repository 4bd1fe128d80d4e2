/**
 * DNS messages as bytes: what a query asks, and how a reply's header looks.
 *
 * Reads untrusted packets, so nothing here trusts a length or a pointer, and
 * nothing throws. A name is handled as its wire form in lower case, one
 * character per byte (`\x02db\x00`): it needs no escaping, and two names are
 * equal when their keys are. Not responsible for what a name means (zone.ts).
 *
 * @see RFC 1035 section 4, RFC 6891, RFC 9619 (exactly one question)
 * @module
 */

export const HEADER_BYTES = 12
/** What a client without EDNS takes over UDP (RFC 1035 section 4.2.1). */
export const PLAIN_UDP_BYTES = 512
/** The most we send over UDP to whoever offers more: no fragments on any usual link (RFC 9715). */
const MAX_UDP_BYTES = 1232
const MAX_NAME_BYTES = 255

export const TYPE = { A: 1, CNAME: 5, SOA: 6, PTR: 12, AAAA: 28, SRV: 33, OPT: 41, ANY: 255 } as const
const IXFR = 251
const AXFR = 252
export const CLASS_IN = 1
const CLASS_ANY = 255

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** Extended: its upper bits travel in the OPT record. */
  BADVERS: 16,
} as const

/** Bits of the third and fourth byte of a header. */
export const FLAG = { QR: 0x80, AA: 0x04, TC: 0x02, RD: 0x01, RA: 0x80, AD: 0x20, CD: 0x10 } as const

/** One question as it was asked. */
export interface Query {
  readonly id: number
  /** Third and fourth byte of the header. */
  readonly flags: readonly [number, number]
  /** The name's wire form in lower case. */
  readonly key: string
  readonly type: number
  readonly class: number
  /** Header behind which the question ends, in bytes from the start of the message. */
  readonly questionEnd: number
  /** Undefined: the client speaks no EDNS. */
  readonly edns: Edns | undefined
}

export interface Edns {
  /** What the client takes over UDP, at least 512. */
  readonly udpBytes: number
  readonly version: number
  readonly dnssecOk: boolean
}

/** What to do with a message: answer the query, send an error of that code, or say nothing. */
export type Reading = { readonly query: Query } | { readonly rcode: number; readonly query?: Query } | 'drop'

/** Where the name at `offset` ends, itself without pointers; -1 where it is malformed. */
export function questionNameEnd(message: Uint8Array, offset: number, end: number): number {
  let at = offset
  while (at < end) {
    const length = message[at] as number
    if (length === 0) return at + 1 - offset > MAX_NAME_BYTES ? -1 : at + 1
    // A pointer in the only question can only lead into the header or to itself.
    if (length > 63) return -1
    at += length + 1
  }
  return -1
}

/** Where the name at `offset` ends, pointers allowed (they are not followed); -1 where it is malformed. */
function nameEnd(message: Uint8Array, offset: number, end: number): number {
  let at = offset
  while (at < end) {
    const length = message[at] as number
    if (length === 0) return at + 1
    if (length >= 0xc0) return at + 2 <= end ? at + 2 : -1
    if (length > 63) return -1
    at += length + 1
  }
  return -1
}

/** A resource record's place in a message. */
export interface RecordPlace {
  readonly start: number
  readonly type: number
  /** Offset of the class; the TTL follows two bytes later. */
  readonly classAt: number
  readonly dataAt: number
  readonly end: number
}

/** The record at `offset`, or undefined where it is malformed or cut off. */
export function recordAt(message: Buffer, offset: number): RecordPlace | undefined {
  const at = nameEnd(message, offset, message.length)
  if (at === -1 || at + 10 > message.length) return undefined
  const end = at + 10 + message.readUInt16BE(at + 8)
  if (end > message.length) return undefined
  return { start: offset, type: message.readUInt16BE(at), classAt: at + 2, dataAt: at + 10, end }
}

/** Reads one message that claims to be a query. */
export function readQuery(message: Buffer): Reading {
  if (message.length < HEADER_BYTES) return 'drop'
  const [high, low] = [message[2] as number, message[3] as number]
  // A response: answering it could start a loop between two servers.
  if ((high & FLAG.QR) !== 0) return 'drop'
  if ((high & 0x78) !== 0) return { rcode: RCODE.NOTIMP }
  if (message.readUInt16BE(4) !== 1 || message.readUInt16BE(6) !== 0) return { rcode: RCODE.FORMERR }
  const end = questionNameEnd(message, HEADER_BYTES, message.length)
  if (end === -1 || end + 4 > message.length) return { rcode: RCODE.FORMERR }
  const question = {
    id: message.readUInt16BE(0),
    flags: [high, low] as const,
    key: message.toString('latin1', HEADER_BYTES, end).toLowerCase(),
    type: message.readUInt16BE(end),
    class: message.readUInt16BE(end + 2),
    questionEnd: end + 4,
  }
  const edns = readEdns(message, end + 4)
  if (edns === 'malformed') return { rcode: RCODE.FORMERR }
  const query: Query = { ...question, edns }
  if (edns !== undefined && edns.version > 0) return { rcode: RCODE.BADVERS, query }
  if (query.type === TYPE.OPT) return { rcode: RCODE.FORMERR }
  if (query.type === AXFR || query.type === IXFR) return { rcode: RCODE.REFUSED, query }
  if (query.class !== CLASS_IN && query.class !== CLASS_ANY) return { rcode: RCODE.REFUSED, query }
  return { query }
}

/** The OPT record among what follows the question; everything there must be well formed. */
function readEdns(message: Buffer, offset: number): Edns | undefined | 'malformed' {
  const before = message.readUInt16BE(8)
  const records = before + message.readUInt16BE(10)
  let at = offset
  let edns: Edns | undefined
  for (let i = 0; i < records; i++) {
    const record = recordAt(message, at)
    if (record === undefined) return 'malformed'
    at = record.end
    if (record.type !== TYPE.OPT) continue
    // Its owner is the root, there is one, and it is in the last section (RFC 6891 section 6.1.1).
    if (edns !== undefined || i < before || message[record.start] !== 0) return 'malformed'
    if (!wellFormedOptions(message, record)) return 'malformed'
    edns = {
      udpBytes: Math.max(PLAIN_UDP_BYTES, message.readUInt16BE(record.classAt)),
      version: message[record.classAt + 3] as number,
      dnssecOk: ((message[record.classAt + 4] as number) & 0x80) !== 0,
    }
  }
  return at === message.length ? edns : 'malformed'
}

function wellFormedOptions(message: Buffer, { dataAt, end }: Pick<RecordPlace, 'dataAt' | 'end'>): boolean {
  let at = dataAt
  while (at + 4 <= end) at += 4 + message.readUInt16BE(at + 2)
  return at === end
}

/**
 * What usually follows a question: nothing, or an OPT record. Cheap, for the
 * fast path; header counts but that of additional records are the caller's.
 *
 * @returns 0 for nothing, 1 for EDNS, 2 for EDNS with DO; undefined for anything else
 */
export function plainEdns(message: Buffer, at: number, end: number): 0 | 1 | 2 | undefined {
  const records = message[11]
  if (records === 0) return at === end ? 0 : undefined
  if (records !== 1 || end - at < OPT_BYTES) return undefined
  // The root's, type OPT, version 0.
  if (message[at] !== 0 || message[at + 1] !== 0 || message[at + 2] !== TYPE.OPT || message[at + 6] !== 0)
    return undefined
  const dataAt = at + OPT_BYTES
  if ((((message[at + 9] as number) << 8) | (message[at + 10] as number)) !== end - dataAt) return undefined
  if (dataAt !== end && !wellFormedOptions(message, { dataAt, end })) return undefined
  return ((message[at + 7] as number) & 0x80) === 0 ? 1 : 2
}

/** Third and fourth byte of a reply: RD and CD as asked, RA because we do recurse. */
export function replyFlags(
  query: Pick<Query, 'flags'>,
  rcode: number,
  authoritative: 'local' | 'forwarded',
): readonly [number, number] {
  const [high, low] = query.flags
  return [
    FLAG.QR | (authoritative === 'local' ? FLAG.AA : 0) | (high & FLAG.RD),
    FLAG.RA | (low & FLAG.CD) | (rcode & 0x0f),
  ]
}

/**
 * A reply without records, never longer than the query: with the question where
 * that could be read, else the header alone.
 */
export function errorReply(message: Buffer, rcode: number, query?: Query): Buffer {
  const questionEnd = query?.questionEnd ?? HEADER_BYTES
  const opt = query?.edns === undefined ? 0 : OPT_BYTES
  const reply = Buffer.alloc(questionEnd + opt)
  message.copy(reply, 0, 0, questionEnd)
  const opcode = (message[2] as number) & 0x78
  reply[2] = FLAG.QR | opcode | ((message[2] as number) & FLAG.RD)
  reply[3] = FLAG.RA | ((message[3] as number) & FLAG.CD) | (rcode & 0x0f)
  reply.writeUInt16BE(query === undefined ? 0 : 1, 4)
  reply.writeUInt32BE(0, 6)
  reply.writeUInt16BE(opt === 0 ? 0 : 1, 10)
  if (opt > 0) writeOpt(reply, questionEnd, { rcode, dnssecOk: query?.edns?.dnssecOk ?? false })
  return reply
}

/** An OPT record without options. */
export const OPT_BYTES = 11

/** Our OPT record: we take, and send, up to {@link MAX_UDP_BYTES}. @returns the offset behind it */
export function writeOpt(
  message: Buffer,
  offset: number,
  { rcode, dnssecOk }: { readonly rcode: number; readonly dnssecOk: boolean },
): number {
  message[offset] = 0
  message.writeUInt16BE(TYPE.OPT, offset + 1)
  message.writeUInt16BE(MAX_UDP_BYTES, offset + 3)
  message[offset + 5] = rcode >> 4
  message[offset + 6] = 0
  message.writeUInt16BE(dnssecOk ? 0x8000 : 0, offset + 7)
  message.writeUInt16BE(0, offset + 9)
  return offset + OPT_BYTES
}

/** The most bytes a reply to this query may have. */
export function replyLimit(query: Query, transport: 'udp' | 'tcp'): number {
  if (transport === 'tcp') return 0xffff
  return Math.min(query.edns?.udpBytes ?? PLAIN_UDP_BYTES, MAX_UDP_BYTES)
}

/** The same reply without its records and with TC set: ask again over TCP (RFC 2181 section 9). */
export function truncated(reply: Buffer, query: Query): Buffer {
  const opt = query.edns === undefined ? 0 : OPT_BYTES
  const short = Buffer.alloc(query.questionEnd + opt)
  reply.copy(short, 0, 0, query.questionEnd)
  short[2] = (reply[2] as number) | FLAG.TC
  short.writeUInt32BE(0, 6)
  short.writeUInt16BE(opt === 0 ? 0 : 1, 10)
  if (opt > 0) writeOpt(short, query.questionEnd, { rcode: 0, dnssecOk: query.edns?.dnssecOk ?? false })
  return short
}

/**
 * A name as text becomes its key.
 *
 * @returns undefined where a label is empty or over 63 bytes, or the name over 255
 */
export function keyOf(name: string): string | undefined {
  const text = name.endsWith('.') ? name.slice(0, -1) : name
  if (text === '') return '\0'
  const labels = text.toLowerCase().split('.')
  if (labels.some((label) => label === '' || label.length > 63 || /[^\x21-\x7e]/.test(label)))
    return undefined
  const key = `${labels.map((label) => String.fromCharCode(label.length) + label).join('')}\0`
  return key.length > MAX_NAME_BYTES ? undefined : key
}

/** The labels of a key, the root not among them. */
export function labelsOf(key: string): readonly string[] {
  const labels: string[] = []
  for (let at = 0; at < key.length - 1; ) {
    const length = key.charCodeAt(at)
    labels.push(key.slice(at + 1, at + 1 + length))
    at += length + 1
  }
  return labels
}

/** A key as people read it, without the last dot; the root is `.`. */
export function textOf(key: string): string {
  return labelsOf(key).join('.') || '.'
}
