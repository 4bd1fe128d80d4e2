/**
 * Replies of other servers: checked, kept, and made ready for one client.
 *
 * A reply is kept without its OPT record (that is between two neighbours, RFC
 * 6891 section 6.1.1) and with the places of its TTLs, so that it can be handed
 * out later with what is left of them. Names are not decoded.
 *
 * @module
 */

import {
  FLAG,
  HEADER_BYTES,
  OPT_BYTES,
  type Query,
  questionNameEnd,
  RCODE,
  recordAt,
  replyFlags,
  TYPE,
  truncated,
  writeOpt,
} from './wire.ts'

export interface UpstreamReply {
  /** Header, question and records, without OPT. */
  readonly message: Buffer
  readonly questionEnd: number
  readonly rcode: number
  /** It was cut: the rest is to be had over TCP. */
  readonly truncated: boolean
  readonly authenticated: boolean
  /** Offsets of all TTLs. */
  readonly ttls: readonly number[]
  /** How long it may be kept, in seconds; 0: not at all. */
  readonly keepSeconds: number
}

/** Clamps what others promise for too long (RFC 8767 section 4). */
const MAX_KEEP_SECONDS = 86_400

/** @returns undefined where the reply is malformed */
export function normaliseReply(message: Buffer): UpstreamReply | undefined {
  if (message.length < HEADER_BYTES) return undefined
  const questions = message.readUInt16BE(4)
  if (questions > 1) return undefined
  const nameEnd = questions === 0 ? HEADER_BYTES - 4 : questionNameEnd(message, HEADER_BYTES, message.length)
  if (nameEnd === -1 || nameEnd + 4 > message.length) return undefined
  const counts = [message.readUInt16BE(6), message.readUInt16BE(8), message.readUInt16BE(10)]
  const kept = [0, 0, 0]
  const ttls: number[] = []
  let rcode = (message[3] as number) & 0x0f
  let keep: number | undefined
  let at = nameEnd + 4
  let end = at
  const cut = ((message[2] as number) & FLAG.TC) !== 0
  sections: for (const [section, count] of counts.entries()) {
    for (let i = 0; i < count; i++) {
      const record = recordAt(message, at)
      // A cut reply may end in the middle of a record.
      if (record === undefined) {
        if (cut) break sections
        return undefined
      }
      at = record.end
      if (record.type === TYPE.OPT) {
        rcode |= (message[record.classAt + 2] as number) << 4
        // Records behind it would point to places that move; all are additional, so they may be missing.
        break sections
      }
      const ttl = ttlAt(message, record.classAt + 2)
      ttls.push(record.classAt + 2)
      if (section < 2) keep = Math.min(keep ?? MAX_KEEP_SECONDS, soaLimit(message, record, ttl))
      kept[section] = (kept[section] as number) + 1
      end = at
    }
  }
  const copy = Buffer.from(message.subarray(0, end))
  for (const [section, count] of kept.entries()) copy.writeUInt16BE(count, 6 + 2 * section)
  const cacheable = !cut && (rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN)
  return {
    message: copy,
    questionEnd: nameEnd + 4,
    rcode,
    truncated: cut,
    authenticated: ((message[3] as number) & FLAG.AD) !== 0,
    ttls,
    keepSeconds: cacheable ? (keep ?? 0) : 0,
  }
}

/** More than 31 bits count as zero (RFC 2181 section 8). */
function ttlAt(message: Buffer, offset: number): number {
  const ttl = message.readUInt32BE(offset)
  return ttl > 0x7fffffff ? 0 : ttl
}

/** "No" holds for the SOA's last number too (RFC 2308 section 5). */
function soaLimit(
  message: Buffer,
  record: { readonly type: number; readonly dataAt: number; readonly end: number },
  ttl: number,
): number {
  if (record.type !== TYPE.SOA || record.end - record.dataAt < 22) return ttl
  return Math.min(ttl, message.readUInt32BE(record.end - 4))
}

/** For whom a reply is made ready. */
export interface Client {
  readonly message: Buffer
  readonly query: Query
  readonly limit: number
}

/**
 * The reply as this client gets it: its id, its spelling of the name, TTLs as
 * they are by now, no longer than it takes.
 *
 * @param ttl seconds gone since the reply came, or the seconds a stale one may be used
 */
export function replyFor(
  client: Client,
  { message, questionEnd, ttls, rcode, authenticated, truncated: cut }: UpstreamReply,
  ttl: { readonly gone: number } | { readonly stale: number },
): Buffer {
  const { query } = client
  const opt = query.edns === undefined ? 0 : OPT_BYTES
  const reply = Buffer.allocUnsafe(message.length + opt)
  message.copy(reply)
  const same = questionEnd === query.questionEnd
  client.message.copy(reply, 0, 0, same ? query.questionEnd : 2)
  const [high, low] = replyFlags(query, rcode, 'forwarded')
  const wantsAd = query.edns?.dnssecOk === true || (query.flags[1] & FLAG.AD) !== 0
  reply[2] = high | (cut ? FLAG.TC : 0)
  reply[3] = low | (authenticated && wantsAd ? FLAG.AD : 0)
  // The client's own head was copied over ours: counts are those of the reply.
  message.copy(reply, 4, 4, HEADER_BYTES)
  for (const at of ttls) {
    const left = 'gone' in ttl ? Math.max(0, ttlAt(message, at) - ttl.gone) : ttl.stale
    reply.writeUInt32BE(left, at)
  }
  if (query.edns !== undefined) {
    reply.writeUInt16BE(message.readUInt16BE(10) + 1, 10)
    writeOpt(reply, message.length, { rcode, dnssecOk: query.edns.dnssecOk })
  }
  return reply.length > client.limit ? truncated(reply, query) : reply
}

/**
 * The query as we send it on: question and flags as asked, an OPT record of our
 * own instead of the client's, whose options are between it and us.
 *
 * @param edns false for servers that do not understand it
 */
export function onwardQuery(message: Buffer, query: Query, { edns }: { readonly edns: boolean }): Buffer {
  const onward = Buffer.alloc(query.questionEnd + (edns ? OPT_BYTES : 0))
  message.copy(onward, 0, 0, query.questionEnd)
  onward.writeUInt16BE(0, 0)
  onward[2] = query.flags[0] & FLAG.RD
  onward[3] = query.flags[1] & (FLAG.AD | FLAG.CD)
  onward.writeUInt16BE(1, 4)
  onward.writeUInt32BE(0, 6)
  onward.writeUInt16BE(edns ? 1 : 0, 10)
  if (edns) writeOpt(onward, query.questionEnd, { rcode: 0, dnssecOk: query.edns?.dnssecOk ?? false })
  return onward
}

/** Whether a packet is the answer to what was sent: the same question, or none (some errors). */
export function answers(reply: Buffer, sent: Buffer, questionEnd: number): boolean {
  if (reply.length < HEADER_BYTES || ((reply[2] as number) & 0xf8) !== FLAG.QR) return false
  if (reply.readUInt16BE(4) === 0) return ((reply[3] as number) & 0x0f) !== RCODE.NOERROR
  if (reply.length < questionEnd) return false
  const text = (from: Buffer): string => from.toString('latin1', HEADER_BYTES, questionEnd).toLowerCase()
  return reply.readUInt16BE(4) === 1 && text(reply) === text(sent)
}
