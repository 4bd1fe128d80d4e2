/**
 * The fast path: a plain question about a name of ours, answered by copying
 * prepared records behind the question, or the whole answer where it was given
 * before (memo.ts). No packet objects; the first time one short string is made,
 * to look the name up.
 *
 * Takes: one question, class IN, with or without EDNS, about one name of ours or
 * one that is missing in a domain of ours, and an answer that fits 512 bytes.
 * Everything else is the full path's, and the two agree
 * (test/unit/dns/agree.test.ts).
 *
 * @module
 */

import { type Address, bytesOf, familyOf } from '../model/address.ts'
import { createMemo } from './memo.ts'
import {
  CLASS_IN,
  HEADER_BYTES,
  keyOf,
  OPT_BYTES,
  PLAIN_UDP_BYTES,
  plainEdns,
  questionNameEnd,
  RCODE,
  replyFlags,
  TYPE,
  writeOpt,
} from './wire.ts'
import type { Zone } from './zone.ts'
import { DEFAULT_DOMAIN, type Entry, lookup, type View } from './zone-lookup.ts'

/** Seconds a client may keep an answer: containers move, so none at all. */
export const LOCAL_TTL_SECONDS = 0

/**
 * Answers into `out` if this path can.
 *
 * @param message one message at its beginning
 * @param length of that message
 * @returns length of the answer, at most {@link PLAIN_UDP_BYTES}; 0 where the full path has to look
 */
export type AnswerFast = (view: View, message: Buffer, out: Buffer, length?: number) => number

export function createFastPath(zone: Pick<Zone, 'epoch'>): AnswerFast {
  const memo = createMemo(zone.epoch)
  return (view, message, out, length = message.length) => {
    const known = memo.recall(view, message, length, out)
    if (known > 0) return known
    const made = makeAnswer(view, message, out, length)
    if (made > 0) memo.keep(out, made)
    return made
  }
}

function makeAnswer(view: View, message: Buffer, out: Buffer, length: number): number {
  if (length < HEADER_BYTES + 5 || length > PLAIN_UDP_BYTES) return 0
  // No response, opcode QUERY, no TC; one question and at most one more record, which is additional.
  if (((message[2] as number) & 0xfa) !== 0) return 0
  if (message[4] !== 0 || message[5] !== 1) return 0
  if (message.readUInt32BE(6) !== 0 || message[10] !== 0) return 0
  const nameEnd = questionNameEnd(message, HEADER_BYTES, length)
  if (nameEnd === -1 || nameEnd + 4 > length) return 0
  if (message[nameEnd + 2] !== 0 || message[nameEnd + 3] !== CLASS_IN) return 0
  const edns = plainEdns(message, nameEnd + 4, length)
  const type = message.readUInt16BE(nameEnd)
  if (edns === undefined || isFullPaths(type)) return 0
  const key = message.toString('latin1', HEADER_BYTES, nameEnd).toLowerCase()
  const { entries, within } = lookup(view, key)
  const [entry] = entries
  // Several entries: the full path takes care of addresses that are in both.
  if (entries.length > 1) return 0
  if (entry === undefined && (within === undefined || within === key)) return 0
  message.copy(out, 0, 0, nameEnd + 4)
  const end = write(out, nameEnd + 4, {
    records: entry === undefined ? [] : preparedFor(entry, type),
    turn: entry === undefined ? 0 : entry.turn++,
    // Below which name there is no such record, or no such name: the question's own, or one it ends with.
    deniedAt: HEADER_BYTES + (entry === undefined ? key.length - (within ?? '').length : 0),
    rcode: entry === undefined ? RCODE.NXDOMAIN : RCODE.NOERROR,
  })
  if (end === 0 || edns === 0) return end
  if (end + OPT_BYTES > PLAIN_UDP_BYTES) return 0
  out[11] = 1
  return writeOpt(out, end, { rcode: 0, dnssecOk: edns === 2 })
}

/** Types that mean more than one prepared list: services, everything, transfers (249 to 255), OPT. */
function isFullPaths(type: number): boolean {
  return type === TYPE.SRV || type === TYPE.OPT || (type >= 249 && type <= TYPE.ANY)
}

interface Said {
  readonly records: readonly Uint8Array[]
  /** Which record comes first. */
  readonly turn: number
  /** Offset of the name that a denial is about. */
  readonly deniedAt: number
  readonly rcode: number
}

/** @param end of the question, which `out` begins with @returns 0 where it does not fit */
function write(out: Buffer, end: number, { records, turn, deniedAt, rcode }: Said): number {
  const count = records.length
  let at = end
  const [high, low] = replyFlags({ flags: [out[2] as number, out[3] as number] }, rcode, 'local')
  out[2] = high
  out[3] = low
  out[6] = 0
  out[7] = count
  out[9] = count === 0 ? 1 : 0
  out[11] = 0
  if (count === 0) {
    if (at + denial.length > PLAIN_UDP_BYTES) return 0
    out.set(denial, at)
    out[at] = 0xc0 | (deniedAt >> 8)
    out[at + 1] = deniedAt & 255
    return at + denial.length
  }
  if (count > 255) return 0
  const first = turn % count
  for (let i = 0; i < count; i++) {
    const record = records[(first + i) % count] as Uint8Array
    if (at + record.length > PLAIN_UDP_BYTES) return 0
    out.set(record, at)
    at += record.length
  }
  return at
}

function preparedFor(entry: Entry, type: number): readonly Uint8Array[] {
  if (type !== TYPE.A && type !== TYPE.AAAA && type !== TYPE.PTR) return none
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

const none: readonly Uint8Array[] = []

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

/**
 * "The name is there, that type is not", or "there is no such name": the SOA of
 * the name that was asked for, or of the domain it is in (RFC 2308). Its first
 * two bytes are set to where in the question that begins.
 */
const denial: Uint8Array = (() => {
  const numbers = Buffer.alloc(20)
  for (const [i, value] of [soa.serial, soa.refresh, soa.retry, soa.expiration, soa.minimum].entries()) {
    numbers.writeUInt32BE(value, 4 * i)
  }
  const names = [soa.primary, soa.admin].map((name) => Buffer.from(keyOf(name) as string, 'latin1'))
  return record(TYPE.SOA, Buffer.concat([...names, numbers]))
})()
