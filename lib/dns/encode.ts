/**
 * Answers of our own as messages, through dns2's packet types.
 *
 * The question is copied as it came, case and all. Every record is written by a
 * writer of its own whose compression knows the question and nothing else:
 * dns2 turns the whole message so far into bytes after each record, which for
 * 200 addresses takes 200 times as long. Its parser is not used on packets from
 * outside: it waits for an EDNS option of the wrong length for ever (2.4.0).
 *
 * @module
 */

import dns2 from 'dns2'
import { familyOf } from '../model/address.ts'
import type { LocalAnswer, LocalRecord } from './answer.ts'
import {
  CLASS_IN,
  HEADER_BYTES,
  labelsOf,
  OPT_BYTES,
  type Query,
  replyFlags,
  TYPE,
  textOf,
  truncated,
  writeOpt,
} from './wire.ts'
import { LOCAL_TTL_SECONDS, soa } from './zone-fast.ts'

type Resource = InstanceType<(typeof dns2.Packet)['Resource']>

/** @param limit bytes the client takes; what is longer comes back cut, with TC set */
export function encodeLocal(message: Buffer, query: Query, answer: LocalAnswer, limit: number): Buffer {
  const names = questionNames(query)
  const owner = textOf(query.key)
  const answers = answer.records.map((record) => encodeRecord(resourceOf(owner, record), names))
  const denials =
    answer.denied === undefined
      ? []
      : [encodeRecord(resourceOf(textOf(answer.denied), { type: 'soa' }), names)]
  const reply = Buffer.concat([
    message.subarray(0, query.questionEnd),
    ...answers,
    ...denials,
    Buffer.alloc(query.edns === undefined ? 0 : OPT_BYTES),
  ])
  const [high, low] = replyFlags(query, answer.rcode, 'local')
  reply[2] = high
  reply[3] = low
  reply.writeUInt16BE(1, 4)
  reply.writeUInt16BE(answers.length, 6)
  reply.writeUInt16BE(denials.length, 8)
  reply.writeUInt16BE(query.edns === undefined ? 0 : 1, 10)
  if (query.edns !== undefined) {
    const { dnssecOk } = query.edns
    writeOpt(reply, reply.length - OPT_BYTES, { rcode: answer.rcode, dnssecOk })
  }
  return reply.length > limit ? truncated(reply, query) : reply
}

function resourceOf(name: string, record: LocalRecord): Resource {
  const head = { name: name === '.' ? '' : name, class: CLASS_IN, ttl: LOCAL_TTL_SECONDS }
  const { Resource } = dns2.Packet
  switch (record.type) {
    case 'address': {
      const type = familyOf(record.address) === 4 ? TYPE.A : TYPE.AAAA
      return new Resource({ ...head, type, address: record.address })
    }
    case 'pointer':
      return new Resource({ ...head, type: TYPE.PTR, domain: record.target })
    case 'service':
      return new Resource({
        ...head,
        type: TYPE.SRV,
        priority: 0,
        weight: 0,
        port: record.port,
        target: record.target,
      })
    case 'soa':
      return new Resource({ ...head, type: TYPE.SOA, ...soa })
  }
}

/** Offsets of the question's name and its suffixes; nothing is added, offsets of single records mean nothing. */
class QuestionNames extends Map<string, number> {
  override set(): this {
    return this
  }

  learn(name: string, offset: number): void {
    super.set(name, offset)
  }
}

function questionNames({ key }: Query): QuestionNames {
  const names = new QuestionNames()
  const labels = labelsOf(key)
  // A label may hold a dot of its own; as text it would be taken for two.
  if (labels.some((label) => label.includes('.'))) return names
  let offset = HEADER_BYTES
  for (const [i, label] of labels.entries()) {
    names.learn(labels.slice(i).join('.'), offset)
    offset += label.length + 1
  }
  return names
}

function encodeRecord(resource: Resource, names: QuestionNames): Buffer {
  const writer = new dns2.Packet.Writer() as InstanceType<(typeof dns2.Packet)['Writer']> & {
    names: QuestionNames
  }
  writer.names = names
  return dns2.Packet.Resource.encode(resource, writer)
}
