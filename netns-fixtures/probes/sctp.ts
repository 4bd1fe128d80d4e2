/**
 * SCTP probe and server, run by the agent inside a namespace: the first two
 * packets of an association, INIT and INIT ACK (RFC 9260), over raw sockets.
 *
 * Works on kernels without SCTP sockets: tracking and translating, which is
 * what is probed, are netfilter's. The server's answer travels in the cookie
 * of its INIT ACK. Nothing follows, so netfilter forgets the association after
 * three seconds.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createInterface } from 'node:readline'
import {
  answerIn,
  type Detail,
  type Peer,
  type ProbeRequest,
  type ServeRequest,
  type Serving,
} from './messages.ts'
import { afterSilence } from './silence.ts'

const chunk = { init: 1, initAck: 2, abort: 6 } as const
const cookieParameter = 7
const headerBytes = 12
const initBytes = 20

/** The common header and the fields that INIT and INIT ACK share. */
interface Packet {
  readonly sourcePort: number
  readonly port: number
  /** Zero for INIT; else the tag the receiver has chosen. */
  readonly verificationTag: number
  readonly type: number
  /** The tag the sender wants to see in answers. */
  readonly initiateTag: number
  readonly cookie: string
}

interface Waiting {
  readonly address: string
  readonly packet: Packet
  finish(detail: Detail): void
}

interface Listening {
  readonly request: ServeRequest
  readonly seen: Peer[]
}

const waiting = new Set<Waiting>()
const listening = new Set<Listening>()
let raw: Promise<ChildProcess> | undefined

/** Sends one INIT. */
export async function probeSctp(request: ProbeRequest): Promise<Detail> {
  const child = await rawSockets(request.program)
  const sourcePort = request.sourcePort ?? randomInt(32_768, 61_000)
  const initiateTag = randomInt(1, 2 ** 32 - 1)
  const packet = {
    sourcePort,
    port: request.port,
    verificationTag: 0,
    type: chunk.init,
    initiateTag,
    cookie: '',
  }
  return await new Promise((resolve) => {
    const one: Waiting = {
      address: request.address,
      packet,
      finish: (detail) => {
        endWaiting()
        waiting.delete(one)
        resolve(detail)
      },
    }
    const endWaiting = afterSilence(request.timeoutMs, () => one.finish({ verdict: 'timeout' }))
    waiting.add(one)
    child.stdin?.write(`${request.from ?? '-'} ${request.address} ${encode(packet).toString('hex')}\n`)
  })
}

/** Answers each INIT with an INIT ACK; from then on those to ports of nobody get an ABORT. */
export async function serveSctp(request: ServeRequest): Promise<Serving> {
  await rawSockets(request.program)
  const server: Listening = { request, seen: [] }
  listening.add(server)
  return {
    port: request.port,
    seen: server.seen,
    close: async () => void listening.delete(server),
  }
}

/** One process for all probes and servers of the namespace; it ends with this one. */
function rawSockets(program: string | undefined): Promise<ChildProcess> {
  raw ??= new Promise((resolve, reject) => {
    const child = spawn(program ?? '', { stdio: ['pipe', 'pipe', 'inherit'] })
    child.once('error', reject)
    child.once('exit', () => reject(new Error('the raw sockets of SCTP probes are gone')))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') resolve(child)
      else take(line, child)
    })
  })
  return raw
}

function take(line: string, child: ChildProcess): void {
  const [from = '', to = '', rest = ''] = line.split(' ')
  if (from === '!') {
    for (const one of waiting) if (one.address === to) one.finish({ verdict: 'unreachable', code: rest })
    return
  }
  const packet = decode(Buffer.from(rest, 'hex'))
  if (packet?.type === chunk.init) answer(packet, { from, to, child })
  else if (packet !== undefined) settle(packet)
}

function answer(
  packet: Packet,
  { from, to, child }: { readonly from: string; readonly to: string; readonly child: ChildProcess },
): void {
  const servers = [...listening].filter(
    ({ request }) => request.port === packet.port && (request.address ?? to) === to,
  )
  const ends = { sourcePort: packet.port, port: packet.sourcePort, verificationTag: packet.initiateTag }
  const send = (reply: Packet): void =>
    void child.stdin?.write(`${to} ${from} ${encode(reply).toString('hex')}\n`)
  if (servers.length === 0) send({ ...ends, type: chunk.abort, initiateTag: 0, cookie: '' })
  for (const { request, seen } of servers) {
    const peer = { address: from, port: packet.sourcePort }
    seen.push(peer)
    send({
      ...ends,
      type: chunk.initAck,
      initiateTag: randomInt(1, 2 ** 32 - 1),
      cookie: JSON.stringify({ name: request.name, peer, local: { address: to, port: packet.port } }),
    })
  }
}

function settle({ port, sourcePort, verificationTag, type, cookie }: Packet): void {
  for (const one of waiting) {
    const sent = one.packet
    if (sent.sourcePort !== port || sent.port !== sourcePort || sent.initiateTag !== verificationTag) continue
    one.finish(type === chunk.initAck ? { verdict: 'reached', ...answerIn(cookie) } : { verdict: 'refused' })
  }
}

function encode({ sourcePort, port, verificationTag, type, initiateTag, cookie }: Packet): Buffer {
  const parameter = cookie === '' ? 0 : 4 + Buffer.byteLength(cookie)
  const body = type === chunk.abort ? 4 : initBytes + parameter
  const bytes = Buffer.alloc(headerBytes + Math.ceil(body / 4) * 4)
  bytes.writeUInt16BE(sourcePort, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.writeUInt32BE(verificationTag, 4)
  bytes.writeUInt8(type, 12)
  bytes.writeUInt16BE(body, 14)
  if (type !== chunk.abort) {
    bytes.writeUInt32BE(initiateTag, 16)
    bytes.writeUInt32BE(65_536, 20) // receiver window
    bytes.writeUInt16BE(1, 24) // streams out and in
    bytes.writeUInt16BE(1, 26)
    bytes.writeUInt32BE(initiateTag, 28) // first TSN: any
  }
  if (cookie !== '') {
    bytes.writeUInt16BE(cookieParameter, 32)
    bytes.writeUInt16BE(parameter, 34)
    bytes.write(cookie, 36)
  }
  // netfilter drops what has a wrong one from tracking.
  bytes.writeUInt32LE(crc32c(bytes), 8)
  return bytes
}

/** Undefined for what is no INIT, INIT ACK or ABORT. */
function decode(bytes: Buffer): Packet | undefined {
  if (bytes.length < headerBytes + 4) return undefined
  const type = bytes.readUInt8(12)
  const [sourcePort, port, verificationTag] = [
    bytes.readUInt16BE(0),
    bytes.readUInt16BE(2),
    bytes.readUInt32BE(4),
  ]
  if (type === chunk.abort) return { sourcePort, port, verificationTag, type, initiateTag: 0, cookie: '' }
  if ((type !== chunk.init && type !== chunk.initAck) || bytes.length < headerBytes + initBytes)
    return undefined
  const cookie = bytes.length < 36 ? '' : bytes.toString('utf8', 36, 32 + bytes.readUInt16BE(34))
  return { sourcePort, port, verificationTag, type, initiateTag: bytes.readUInt32BE(16), cookie }
}

/** Castagnoli's, bit by bit: these packets are short. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0)
  }
  return ~crc >>> 0
}
