/**
 * Answers given before, kept as bytes: the same question of the same asker is
 * answered by copying them, in a tenth of a microsecond and without anything
 * being allocated.
 *
 * One table of fixed size for all askers, each question in the one place its
 * hash leads to; a newer question takes the place of an older one. Any change of
 * the zone makes all of them worthless at once. Kept are answers whose bytes
 * depend on view, name, type and EDNS alone; which address comes first turns.
 * Not responsible for what the answer is (zone-fast.ts makes it).
 *
 * @module
 */

import { CLASS_IN, FLAG, HEADER_BYTES, plainEdns, TYPE } from './wire.ts'
import type { View } from './zone-lookup.ts'

export interface Memo {
  /** @returns length of the reply, now in `out`; 0 where none is kept */
  recall(view: View, message: Buffer, length: number, out: Buffer): number
  /** Keeps the reply that was made to the message last tried to recall. */
  keep(reply: Buffer, length: number): void
}

/** A power of two. */
const SLOTS = 8192
const NAME_BYTES = 64
/** Twenty IPv4 addresses. */
const BODY_BYTES = 320
/** Numbers of a slot: what it is about, and the shape of its answer. */
const HASH = 0
const EPOCH = 1
const VIEW = 2
/** Type, EDNS (0 none, 1 plain, 2 with DO) and name length, packed. */
const KIND = 3
const BODY_LENGTH = 4
const ANSWERS = 5
/** Bytes of one answer where there are several, which are as long as each other. */
const UNIT = 6
/** Code, denials and additional records, packed. */
const REST = 7
const TURN = 8
const NUMBERS = 9

/** @param epoch counts changes of the zone */
export function createMemo(epoch: () => number): Memo {
  const numbers = new Int32Array(SLOTS * NUMBERS)
  const names = new Uint8Array(SLOTS * NAME_BYTES)
  const bodies = new Uint8Array(SLOTS * BODY_BYTES)
  /** Of the message last looked at; 0: it cannot be kept. */
  let questionEnd = 0
  let hash = 0
  let kind = 0
  let nameLength = 0
  let serial = 0
  let now = 0
  const name = new Uint8Array(NAME_BYTES)

  /** Reads the question as far as the table is concerned: malformed ones are somebody else's. */
  const understand = (view: View, message: Buffer, length: number): boolean => {
    questionEnd = 0
    if (length < HEADER_BYTES + 5) return false
    // A query with one question; what else there is must be an OPT record.
    if (((message[2] as number) & 0xfa) !== 0 || message[4] !== 0 || message[5] !== 1) return false
    if (message[6] !== 0 || message[7] !== 0 || message[8] !== 0 || message[9] !== 0 || message[10] !== 0)
      return false
    let code = 0x811c9dc5
    let at = HEADER_BYTES
    let labelEnd = at
    let count = 0
    for (; ; at++, count++) {
      if (at >= length || count === NAME_BYTES) return false
      let byte = message[at] as number
      if (at === labelEnd) {
        if (byte > 63) return false
        labelEnd = at + byte + 1
      } else if (byte >= 65 && byte <= 90) byte += 32
      name[count] = byte
      code = Math.imul(code ^ byte, 0x01000193)
      if (byte === 0 && labelEnd === at + 1) break
    }
    const end = at + 5
    if (end > length || message[end - 2] !== 0 || message[end - 1] !== CLASS_IN) return false
    const edns = plainEdns(message, end, length)
    if (edns === undefined) return false
    nameLength = count + 1
    kind =
      ((((message[end - 4] as number) << 8) | (message[end - 3] as number)) << 9) | (edns << 7) | nameLength
    serial = view.serial
    hash = Math.imul(code ^ kind, 0x01000193) ^ Math.imul(serial, 0x9e3779b1)
    hash ^= hash >>> 15
    now = epoch()
    questionEnd = end
    return true
  }

  return {
    recall: (view, message, length, out) => {
      if (!understand(view, message, length)) return 0
      const slot = hash & (SLOTS - 1)
      const at = slot * NUMBERS
      if (
        numbers[at + HASH] !== hash ||
        numbers[at + EPOCH] !== now ||
        numbers[at + VIEW] !== serial ||
        numbers[at + KIND] !== kind
      )
        return 0
      const nameAt = slot * NAME_BYTES
      for (let i = 0; i < nameLength; i++) if (names[nameAt + i] !== name[i]) return 0
      for (let i = 0; i < questionEnd; i++) out[i] = message[i] as number
      const rest = numbers[at + REST] as number
      out[2] = FLAG.QR | FLAG.AA | ((message[2] as number) & FLAG.RD)
      out[3] = FLAG.RA | ((message[3] as number) & FLAG.CD) | (rest & 15)
      const answers = numbers[at + ANSWERS] as number
      out[7] = answers
      out[9] = (rest >> 4) & 15
      out[11] = rest >> 8
      const bodyAt = slot * BODY_BYTES
      const bodyLength = numbers[at + BODY_LENGTH] as number
      const unit = numbers[at + UNIT] as number
      let written = questionEnd
      let from = 0
      if (unit > 0) {
        // Each answer begins one further: from the first to be told to the last, then those before it.
        const turn = (numbers[at + TURN] as number) % answers
        numbers[at + TURN] = turn + 1
        from = answers * unit
        for (let i = turn * unit; i < from; i++) out[written++] = bodies[bodyAt + i] as number
        for (let i = 0; i < turn * unit; i++) out[written++] = bodies[bodyAt + i] as number
      }
      for (let i = from; i < bodyLength; i++) out[written++] = bodies[bodyAt + i] as number
      return written
    },
    keep: (reply, length) => {
      const bodyLength = length - questionEnd
      if (questionEnd === 0 || bodyLength > BODY_BYTES) return
      const answers = reply.readUInt16BE(6)
      const unit = answers < 2 ? 0 : unitOf(kind >> 9)
      if (answers > 255 || unit === undefined) return
      const slot = hash & (SLOTS - 1)
      const at = slot * NUMBERS
      numbers[at + HASH] = hash
      numbers[at + EPOCH] = now
      numbers[at + VIEW] = serial
      numbers[at + KIND] = kind
      numbers[at + BODY_LENGTH] = bodyLength
      numbers[at + ANSWERS] = answers
      numbers[at + UNIT] = unit
      numbers[at + REST] =
        ((reply[3] as number) & 15) | ((reply[9] as number) << 4) | ((reply[11] as number) << 8)
      numbers[at + TURN] = 1
      names.set(name.subarray(0, nameLength), slot * NAME_BYTES)
      bodies.set(reply.subarray(questionEnd, length), slot * BODY_BYTES)
    },
  }
}

/** Bytes of an address record that points at the question; others differ in length. */
function unitOf(type: number): number | undefined {
  if (type === TYPE.A) return 12 + 4
  return type === TYPE.AAAA ? 12 + 16 : undefined
}
