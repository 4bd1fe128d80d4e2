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
import { casesFor, questions } from './conformance-cases.ts'
import { FLAG, HEADER_BYTES, questionNameEnd, RCODE } from './wire.ts'

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

/** For an answer that must come: a server may have much to do. */
const answerLimitMs = 10_000

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
  const many = questions(options.known, 50)
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
