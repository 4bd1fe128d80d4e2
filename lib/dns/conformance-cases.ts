/**
 * What `tsnet dns conformance` sends, and what the RFCs expect of it.
 *
 * @module
 */

import { HEADER_BYTES, keyOf } from './wire.ts'

/** One packet, and what may come of it. */
export interface Case {
  readonly name: string
  readonly source: string
  readonly packet: Buffer
  readonly transport?: 'tcp'
  /** What may come back, by describe in conformance.ts. */
  readonly expected: readonly string[]
}

const some = 'conformance.test'

const header = (fields: { flags?: number; questions?: number; additional?: number }): Buffer => {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes.writeUInt16BE(0x5a17, 0)
  bytes.writeUInt16BE(fields.flags ?? 0x0100, 2)
  bytes.writeUInt16BE(fields.questions ?? 1, 4)
  bytes.writeUInt16BE(fields.additional ?? 0, 10)
  return bytes
}

const asked = (name: string, type = 1, kind = 1): Buffer =>
  Buffer.concat([
    Buffer.from(keyOf(name) ?? '\0', 'latin1'),
    Buffer.from([type >> 8, type & 255, kind >> 8, kind & 255]),
  ])

const opt = (version: number): Buffer => Buffer.from([0, 0, 41, 4, 208, 0, version, 0, 0, 0, 0])
const anyAnswer = ['NOERROR', 'NXDOMAIN', 'REFUSED', 'SERVFAIL']

/** @param known a name with an A record and without MX: the server's answers for it are looked at too */
export function casesFor(known: string | undefined): readonly Case[] {
  const name = known ?? some
  const plain = Buffer.concat([header({}), asked(name)])
  const general: Case[] = [
    { name: 'a plain question', source: 'RFC 1035 4.1', packet: plain, expected: anyAnswer },
    { name: 'the same over TCP', source: 'RFC 7766 5', packet: plain, transport: 'tcp', expected: anyAnswer },
    {
      name: 'eleven bytes',
      source: 'RFC 1035 4.1.1',
      packet: plain.subarray(0, 11),
      expected: ['nothing', 'FORMERR'],
    },
    {
      name: 'a response sent as a question',
      source: 'RFC 1035 4.1.1',
      packet: Buffer.concat([header({ flags: 0x8100 }), asked(name)]),
      expected: ['nothing'],
    },
    ...[
      ['IQUERY', 0x0900],
      ['STATUS', 0x1100],
      ['NOTIFY', 0x2100],
      ['UPDATE', 0x2900],
    ].map(([what, flags]) => ({
      name: `opcode ${what}`,
      source: 'RFC 1035 4.1.1',
      packet: Buffer.concat([header({ flags: flags as number }), asked(name)]),
      expected: ['NOTIMP', 'REFUSED'],
    })),
    {
      name: 'no question',
      source: 'RFC 9619',
      packet: header({ questions: 0 }),
      expected: ['FORMERR', 'REFUSED'],
    },
    {
      name: 'two questions',
      source: 'RFC 9619',
      packet: Buffer.concat([header({ questions: 2 }), asked(name), asked(some)]),
      expected: ['FORMERR', 'NOTIMP'],
    },
    {
      name: 'a question cut off',
      source: 'RFC 1035 4.1.2',
      packet: plain.subarray(0, -3),
      expected: ['FORMERR', 'nothing'],
    },
    {
      name: 'a name that points to itself',
      source: 'RFC 1035 4.1.4',
      packet: Buffer.concat([header({}), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
      expected: ['FORMERR', 'nothing'],
    },
    {
      name: 'a label of a reserved kind',
      source: 'RFC 6891 5',
      packet: Buffer.concat([header({}), Buffer.from([0x80, 1, 0, 0, 1, 0, 1])]),
      expected: ['FORMERR', 'nothing'],
    },
    {
      name: 'a name of more than 255 bytes',
      source: 'RFC 1035 2.3.4',
      packet: Buffer.concat([
        header({}),
        ...Array.from({ length: 5 }, () => Buffer.from(`\x3f${'a'.repeat(63)}`, 'latin1')),
        Buffer.from([0, 0, 1, 0, 1]),
      ]),
      expected: ['FORMERR', 'nothing'],
    },
    {
      name: 'EDNS',
      source: 'RFC 6891 6.1.1',
      packet: Buffer.concat([header({ additional: 1 }), asked(name), opt(0)]),
      expected: anyAnswer.map((status) => `${status} with OPT`),
    },
    {
      name: 'EDNS version 1',
      source: 'RFC 6891 6.1.3',
      packet: Buffer.concat([header({ additional: 1 }), asked(name), opt(1)]),
      expected: ['BADVERS with OPT'],
    },
    {
      name: 'two OPT records',
      source: 'RFC 6891 6.1.1',
      packet: Buffer.concat([header({ additional: 2 }), asked(name), opt(0), opt(0)]),
      expected: ['FORMERR', 'FORMERR with OPT'],
    },
    {
      name: 'class CHAOS',
      source: 'RFC 1035 3.2.4',
      packet: Buffer.concat([header({}), asked('version.bind', 16, 3)]),
      expected: ['REFUSED', 'NOTIMP', 'NOERROR', 'NXDOMAIN'],
    },
    {
      name: 'a zone transfer over UDP',
      source: 'RFC 5936 4.2',
      packet: Buffer.concat([header({}), asked(name, 252)]),
      expected: ['REFUSED', 'FORMERR', 'NOTIMP'],
    },
    {
      name: 'mixed case comes back as asked',
      source: 'RFC 4343 4.1',
      packet: Buffer.concat([header({}), mixed(asked(name))]),
      expected: anyAnswer,
    },
  ]
  if (known === undefined) return general
  return [
    ...general,
    {
      name: 'the known name has an address',
      source: 'RFC 1035 3.4.1',
      packet: plain,
      expected: ['NOERROR, 1 answer or more'],
    },
    {
      name: 'the known name has no MX: no data, with SOA',
      source: 'RFC 2308 2.2',
      packet: Buffer.concat([header({}), asked(known, 15)]),
      expected: ['NOERROR, SOA'],
    },
    {
      name: 'the known name has no type 65280: no data',
      source: 'RFC 3597 2',
      packet: Buffer.concat([header({}), asked(known, 65_280)]),
      expected: ['NOERROR', 'NOERROR, SOA'],
    },
  ]
}

function mixed(question: Buffer): Buffer {
  return Buffer.from(question.map((byte, i) => (byte >= 97 && byte <= 122 && i % 2 === 0 ? byte - 32 : byte)))
}

/** Plain questions with the numbers from 0 on. */
export function questions(name: string | undefined, count: number): readonly Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const packet = Buffer.concat([header({}), asked(name ?? some)])
    packet.writeUInt16BE(i, 0)
    return packet
  })
}
