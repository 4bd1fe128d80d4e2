/**
 * Replies as people read them, in the manner of dig: `A 10.89.0.2`.
 *
 * Never throws: what cannot be read is shown as bytes (RFC 3597).
 *
 * @module
 */

import { fromBytes } from '../model/address.ts'
import { HEADER_BYTES, questionNameEnd, recordAt } from './wire.ts'

/** A DNS reply in the words of dig(1). */
export interface RenderedReply {
  /** `NOERROR`, `NXDOMAIN`, … */
  readonly status: string
  /** The bits that are set, such as `qr aa rd ra`. */
  readonly flags: string
  readonly answers: readonly RenderedRecord[]
}

/** A resource record in master file form (RFC 1035). */
export interface RenderedRecord {
  readonly name: string
  readonly ttlSeconds: number
  readonly type: string
  readonly data: string
}

const statuses = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

/** Types by their number; also what `--type` takes. */
export const recordTypes: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DS: 43,
  DNSKEY: 48,
  SVCB: 64,
  HTTPS: 65,
  ANY: 255,
  CAA: 257,
}

const typeNames = new Map(Object.entries(recordTypes).map(([name, number]) => [number, name]))

export function renderReply(reply: Buffer): RenderedReply {
  if (reply.length < HEADER_BYTES) return { status: 'malformed', flags: '', answers: [] }
  const [high, low] = [reply[2] as number, reply[3] as number]
  const bits: readonly (readonly [string, number])[] = [
    ['qr', high & 0x80],
    ['aa', high & 4],
    ['tc', high & 2],
    ['rd', high & 1],
    ['ra', low & 0x80],
    ['ad', low & 0x20],
    ['cd', low & 0x10],
  ]
  return {
    status: statuses[low & 15] ?? `RCODE${low & 15}`,
    flags: bits.flatMap(([name, bit]) => (bit === 0 ? [] : [name])).join(' '),
    answers: answersOf(reply),
  }
}

function answersOf(reply: Buffer): readonly RenderedRecord[] {
  const questions = reply.readUInt16BE(4)
  const nameEnd = questions === 0 ? HEADER_BYTES - 4 : questionNameEnd(reply, HEADER_BYTES, reply.length)
  if (questions > 1 || nameEnd === -1) return []
  const records: RenderedRecord[] = []
  let at = nameEnd + 4
  for (let left = reply.readUInt16BE(6); left > 0; left--) {
    const record = recordAt(reply, at)
    if (record === undefined) break
    at = record.end
    records.push({
      name: nameAt(reply, record.start)?.text ?? '?',
      ttlSeconds: reply.readUInt32BE(record.classAt + 2),
      type: typeNames.get(record.type) ?? `TYPE${record.type}`,
      data: dataOf(reply, record),
    })
  }
  return records
}

function dataOf(
  reply: Buffer,
  record: { readonly type: number; readonly dataAt: number; readonly end: number },
): string {
  const { type, dataAt, end } = record
  const data = reply.subarray(dataAt, end)
  const raw = `\\# ${data.length} ${data.toString('hex')}`
  const name = (offset: number): string | undefined => nameAt(reply, dataAt + offset)?.text
  switch (typeNames.get(type)) {
    case 'A':
      return data.length === 4 ? fromBytes(data) : raw
    case 'AAAA':
      return data.length === 16 ? fromBytes(data) : raw
    case 'NS':
    case 'CNAME':
    case 'PTR':
      return name(0) ?? raw
    case 'MX':
      return data.length > 2 ? `${data.readUInt16BE(0)} ${name(2)}` : raw
    case 'SRV':
      return data.length > 6
        ? `${data.readUInt16BE(0)} ${data.readUInt16BE(2)} ${data.readUInt16BE(4)} ${name(6)}`
        : raw
    case 'TXT':
      return textsOf(data)
    default:
      return raw
  }
}

function textsOf(data: Buffer): string {
  const texts: string[] = []
  for (let at = 0; at < data.length; at += (data[at] as number) + 1) {
    texts.push(JSON.stringify(data.toString('utf8', at + 1, at + 1 + (data[at] as number))))
  }
  return texts.join(' ')
}

/** The name at an offset, pointers followed as long as they lead backwards. */
function nameAt(message: Buffer, offset: number): { readonly text: string } | undefined {
  const labels: string[] = []
  let [at, before] = [offset, offset]
  for (;;) {
    const length = message[at]
    if (length === undefined) return undefined
    if (length === 0) return { text: `${labels.join('.')}.` }
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | (message[at + 1] ?? 0)
      if (target >= before) return undefined
      at = target
      before = target
    } else if (length > 63) return undefined
    else {
      labels.push(message.toString('latin1', at + 1, at + 1 + length))
      at += length + 1
    }
  }
}
