/**
 * Protocol cases for any name server, with what the RFCs expect: what
 * `tsnet dns conformance` sends.
 *
 * The server needs to know nothing; with a name it does know, answers are
 * looked at too. Nothing here harms a server: every packet is small and sent
 * once, but for those of one pipelined connection.
 *
 * @module
 */

import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { type Address, familyOf } from '../model/address.ts'
import { FLAG, HEADER_BYTES, keyOf, questionNameEnd, RCODE } from './wire.ts'

/** One protocol case: what was expected and what came. */
export interface CaseResult {
  readonly name: string
  readonly source: string
  readonly expected: string
  readonly got: string
  readonly passed: boolean
}

/** Which server is to be examined. */
export interface ConformanceOptions {
  readonly address: Address
  readonly port: number
  /** A name with an A record and without MX. */
  readonly known?: string
  /** How long silence is waited for where it may be right. */
  readonly timeoutMs: number
}

interface Case {
  readonly name: string
  readonly source: string
  readonly packet: Buffer
  readonly transport?: 'tcp'
  /** What may come back, by {@link describe}. */
  readonly expected: readonly string[]
}

/** For an answer that must come: a server may have much to do. */
const answerLimitMs = 10_000

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
const some = 'conformance.test'
const anyAnswer = ['NOERROR', 'NXDOMAIN', 'REFUSED', 'SERVFAIL']

function casesFor(known: string | undefined): readonly Case[] {
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

/** Runs all cases, one after the other. */
export async function runConformance(options: ConformanceOptions): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  const patient = { ...options, timeoutMs: answerLimitMs }
  for (const one of casesFor(options.known)) {
    const asked = one.expected.includes('nothing') ? options : patient
    const reply =
      one.transport === 'tcp' ? (await overTcp(asked, [one.packet]))[0] : await overUdp(asked, one.packet)
    const got = describe(one.packet, reply)
    // Details count where the case asks for them.
    const passed = one.expected.some((wanted) => got === wanted || got.startsWith(`${wanted},`))
    results.push({ name: one.name, source: one.source, expected: one.expected.join(' or '), got, passed })
  }
  const many = Array.from({ length: 50 }, (_, i) => {
    const packet = Buffer.concat([header({}), asked(options.known ?? some)])
    packet.writeUInt16BE(i, 0)
    return packet
  })
  const ids = new Set((await overTcp(patient, many)).map((reply) => reply.readUInt16BE(0)))
  results.push({
    name: '50 questions on one TCP connection, sent at once',
    source: 'RFC 7766 6.2.1.1',
    expected: '50 answers',
    got: `${ids.size} answers`,
    passed: ids.size === 50,
  })
  return results
}

const codes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

function describe(packet: Buffer, reply: Buffer | undefined): string {
  if (reply === undefined) return 'nothing'
  if (reply.length < HEADER_BYTES) return 'less than a header'
  if (!reply.subarray(0, 2).equals(packet.subarray(0, 2))) return 'another id'
  if (((reply[2] as number) & FLAG.QR) === 0) return 'no response'
  const low = (reply[3] as number) & 15
  const hasOpt = reply.readUInt16BE(10) > 0
  // The OPT record is the last thing a reply has; its upper bits of the code are seven bytes before its end.
  const upper = hasOpt && reply.length >= 11 ? (reply[reply.length - 6] as number) : 0
  const code = hasOpt && (upper << 4) + low === RCODE.BADVERS ? 'BADVERS' : (codes[low] ?? `code ${low}`)
  const end = questionNameEnd(packet, HEADER_BYTES, packet.length) + 4
  const question = (from: Buffer): string => from.toString('latin1', HEADER_BYTES, end)
  const echoed = low === RCODE.FORMERR || reply.readUInt16BE(4) === 0 || question(reply) === question(packet)
  if (!echoed) return `${code} to another question`
  const answers = reply.readUInt16BE(6)
  const details = [answers > 0 ? '1 answer or more' : reply.readUInt16BE(8) > 0 ? 'SOA' : undefined]
  return [`${code}${hasOpt ? ' with OPT' : ''}`, ...details.filter((detail) => detail !== undefined)].join(
    ', ',
  )
}

function overUdp(
  { address, port, timeoutMs }: ConformanceOptions,
  packet: Buffer,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(familyOf(address) === 4 ? 'udp4' : 'udp6')
    const finish = (reply: Buffer | undefined): void => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.close()
      resolve(reply)
    }
    // What has come while we stood still is read first.
    const timer = setTimeout(() => setImmediate(finish, undefined), timeoutMs)
    socket.on('message', finish)
    socket.on('error', () => finish(undefined))
    socket.send(packet, port, address)
  })
}

function overTcp(
  { address, port, timeoutMs }: ConformanceOptions,
  packets: readonly Buffer[],
): Promise<readonly Buffer[]> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port })
    const replies: Buffer[] = []
    let received = Buffer.alloc(0)
    const finish = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(replies)
    }
    const timer = setTimeout(() => setImmediate(finish), timeoutMs)
    socket.on('error', finish)
    socket.on('close', finish)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0)
        replies.push(received.subarray(2, end))
        received = received.subarray(end)
      }
      if (replies.length >= packets.length) finish()
    })
    socket.write(
      Buffer.concat(
        packets.flatMap((packet) => [Buffer.from([packet.length >> 8, packet.length & 255]), packet]),
      ),
    )
  })
}
