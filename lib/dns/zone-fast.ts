/**
 * The fast path: a plain question for a name of ours, answered by copying
 * prepared records behind the question. No packet objects, nothing allocated
 * but one short string to look the name up.
 *
 * Takes: one question, class IN, no further records (so no EDNS), and an answer
 * that fits 512 bytes. Everything else is the full path's, and the two agree
 * (test/unit/dns/agree.test.ts).
 *
 * @module
 */

import { type Address, bytesOf, familyOf } from '../model/address.ts'
import {
  CLASS_IN,
  HEADER_BYTES,
  keyOf,
  PLAIN_UDP_BYTES,
  questionNameEnd,
  RCODE,
  replyFlags,
  TYPE,
} from './wire.ts'
import { DEFAULT_DOMAIN, type Entry, lookup, type View } from './zone.ts'

/** Seconds a client may keep an answer: containers move, so none at all. */
export const LOCAL_TTL_SECONDS = 0

/**
 * Answers into `out` if this path can.
 *
 * @param message one message at its beginning
 * @param length of that message
 * @returns length of the answer, 0 where the full path has to look
 */
export function answerFast(
  view: View,
  message: Buffer,
  out: Buffer,
  length: number = message.length,
): number {
  if (length < HEADER_BYTES + 5 || length > PLAIN_UDP_BYTES) return 0
  const high = message[2] as number
  // No response, opcode QUERY, no TC; one question and nothing else.
  if ((high & 0xfa) !== 0) return 0
  if (message[4] !== 0 || message[5] !== 1) return 0
  if (message.readUInt32BE(6) !== 0 || message[10] !== 0 || message[11] !== 0) return 0
  const end = questionNameEnd(message, HEADER_BYTES, length)
  if (end === -1 || end + 4 !== length) return 0
  if (message[end + 2] !== 0 || message[end + 3] !== CLASS_IN || message[end] !== 0) return 0
  const type = message[end + 1] as number
  if (type !== TYPE.A && type !== TYPE.AAAA && type !== TYPE.PTR) return 0
  const { entries } = lookup(view, message.toString('latin1', HEADER_BYTES, end).toLowerCase())
  const [entry] = entries
  // Several entries: the full path takes care of addresses that are in both.
  if (entry === undefined || entries.length > 1) return 0
  return write(entry, type, message.copy(out, 0, 0, length), out)
}

/** @param end of the question, which `out` begins with */
function write(entry: Entry, type: number, end: number, out: Buffer): number {
  const records = preparedFor(entry, type)
  const count = records.length
  let at = end
  const [high, low] = replyFlags({ flags: [out[2] as number, out[3] as number] }, RCODE.NOERROR, 'local')
  out[2] = high
  out[3] = low
  out[6] = 0
  out[7] = count
  out[9] = count === 0 ? 1 : 0
  if (count === 0) {
    if (at + noData.length > PLAIN_UDP_BYTES) return 0
    out.set(noData, at)
    return at + noData.length
  }
  if (count > 255) return 0
  const first = entry.turn++ % count
  for (let i = 0; i < count; i++) {
    const record = records[(first + i) % count] as Uint8Array
    if (at + record.length > PLAIN_UDP_BYTES) return 0
    out.set(record, at)
    at += record.length
  }
  return at
}

function preparedFor(entry: Entry, type: number): readonly Uint8Array[] {
  let records = entry.prepared?.get(type)
  if (records === undefined) {
    records =
      type === TYPE.PTR
        ? entry.pointers.map((name) => record(TYPE.PTR, Buffer.from(keepCase(name), 'latin1')))
        : entry.addresses.filter((a) => typeOf(a) === type).map((a) => record(type, bytesOf(a)))
    entry.prepared ??= new Map()
    entry.prepared.set(type, records)
  }
  return records
}

/** The type an address is answered with. */
export function typeOf(address: Address): number {
  return familyOf(address) === 4 ? TYPE.A : TYPE.AAAA
}

/** Target names keep the case they were given in. */
function keepCase(name: string): string {
  return `${name
    .split('.')
    .map((label) => String.fromCharCode(label.length) + label)
    .join('')}\0`
}

/** A record whose owner is the name that was asked for. */
function record(type: number, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + data.length)
  bytes.writeUInt16BE(0xc000 | HEADER_BYTES, 0)
  bytes.writeUInt16BE(type, 2)
  bytes.writeUInt16BE(CLASS_IN, 4)
  bytes.writeUInt32BE(LOCAL_TTL_SECONDS, 6)
  bytes.writeUInt16BE(data.length, 10)
  bytes.set(data, 12)
  return bytes
}

export interface Soa {
  readonly primary: string
  readonly admin: string
  readonly serial: number
  readonly refresh: number
  readonly retry: number
  readonly expiration: number
  readonly minimum: number
}

/** Our SOA: who answers, and that a "no" holds for no longer than a "yes". */
export const soa: Soa = {
  primary: DEFAULT_DOMAIN,
  admin: `hostmaster.${DEFAULT_DOMAIN}`,
  serial: 1,
  refresh: 3600,
  retry: 600,
  expiration: 86_400,
  minimum: LOCAL_TTL_SECONDS,
}

/** "The name is there, that type is not": the SOA of the name that was asked for (RFC 2308). */
const noData: Uint8Array = (() => {
  const numbers = Buffer.alloc(20)
  for (const [i, value] of [soa.serial, soa.refresh, soa.retry, soa.expiration, soa.minimum].entries()) {
    numbers.writeUInt32BE(value, 4 * i)
  }
  const names = [soa.primary, soa.admin].map((name) => Buffer.from(keyOf(name) as string, 'latin1'))
  return record(TYPE.SOA, Buffer.concat([...names, numbers]))
})()
