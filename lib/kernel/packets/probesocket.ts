/**
 * Sockets of another namespace that ask one question: a TCP connection, a
 * datagram and its answer, an echo. They are made inside, connected without
 * waiting, and watched from outside by poll(2) on a pool thread.
 *
 * The tracked flow of a probe is forgotten on this host; inside a container that
 * tracks flows too it runs out by itself.
 *
 * @see connect(2), icmp(7)
 * @module
 */

import { closeSync } from 'node:fs'
import { type Address, familyOf, fromBytes } from '../../model/address.ts'
import { openNetns, withNetns } from '../namespace/netns.ts'
import { EWOULDBLOCK, SystemError } from '../system/errno.ts'
import { closeDescriptor } from '../system/libc.ts'
import { loadKoffi } from '../system/native.ts'
import { makeSocket, receiveNow, sendAll, setSocketStructure, socketStructure } from '../system/sockets.ts'
import { forgetFlow } from './conntrack.ts'
import { socketAddress } from './portsocket.ts'

const AF_INET = 2
const AF_INET6 = 10
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const SOCK_NONBLOCK = 0o4000
const IPPROTO_ICMP = 1
const IPPROTO_TCP = 6
const IPPROTO_UDP = 17
const IPPROTO_ICMPV6 = 58
const SOL_SOCKET = 1
const SO_ERROR = 4
const SO_LINGER = 13
const POLLIN = 1
const POLLOUT = 4
const EINPROGRESS = 115
const ECONNREFUSED = 111
const EHOSTUNREACH = 113
const ENETUNREACH = 101

interface PollCall {
  readonly async: (
    fds: Buffer,
    count: number,
    timeoutMs: number,
    done: (error: unknown, n: number) => void,
  ) => void
}

/** What libc.ts has no use for. */
interface Calls {
  readonly connect: (fd: number, address: Buffer, length: number) => number
  readonly getsockname: (fd: number, address: Buffer, length: Buffer) => number
  readonly poll: PollCall
}

let loaded: Calls | undefined

function calls(): Calls {
  if (loaded !== undefined) return loaded
  const library = loadKoffi().load('libc.so.6')
  loaded = {
    connect: library.func(
      'int connect(int fd, const void *address, unsigned int length)',
    ) as Calls['connect'],
    getsockname: library.func('int getsockname(int fd, void *address, void *length)') as Calls['getsockname'],
    poll: library.func('int poll(void *fds, unsigned long count, int timeout)') as unknown as Calls['poll'],
  }
  return loaded
}

/** What came of a question. */
export interface ProbeOutcome {
  readonly verdict: 'connected' | 'refused' | 'unreachable' | 'timeout'
  /** Of the kernel's answer: ECONNREFUSED, EHOSTUNREACH, … */
  readonly errno?: number
  readonly milliseconds: number
}

export interface ProbeOptions {
  /** Path of the namespace to ask from; absent: this one. */
  readonly from?: string
  readonly timeoutMs: number
}

/** One TCP connection, cut off at once; its tracked flow on this host is forgotten. */
export async function probeTcp(address: Address, port: number, options: ProbeOptions): Promise<ProbeOutcome> {
  const fd = made(options.from, familyOf(address), SOCK_STREAM, 0)
  return probed(fd, { address, port, protocol: IPPROTO_TCP }, async () => {
    // struct linger: closing sends a reset, so that nothing waits for an end of the connection.
    setSocketStructure(fd, SOL_SOCKET, SO_LINGER, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]))
    const errno = connectNow(fd, address, port)
    if (errno !== 0 && errno !== EINPROGRESS) return outcomeOf(errno)
    if (errno === EINPROGRESS && !(await ready(fd, POLLOUT, options.timeoutMs))) return { verdict: 'timeout' }
    return outcomeOf(socketError(fd))
  })
}

/** One empty datagram; a TCP-like answer is `connected`. Its tracked flow on this host is forgotten. */
export async function probeUdp(address: Address, port: number, options: ProbeOptions): Promise<ProbeOutcome> {
  const fd = made(options.from, familyOf(address), SOCK_DGRAM, 0)
  return probed(fd, { address, port, protocol: IPPROTO_UDP }, async () => {
    const answer = await exchange(fd, { address, port, payload: Buffer.from('tsnet\n') }, options.timeoutMs)
    return { verdict: typeof answer === 'string' ? answer : 'connected' }
  })
}

async function probed(
  fd: number,
  {
    address,
    port,
    protocol,
  }: { readonly address: Address; readonly port: number; readonly protocol: number },
  ask: () => Promise<Omit<ProbeOutcome, 'milliseconds'>>,
): Promise<ProbeOutcome> {
  const started = performance.now()
  let source: { readonly address: Address; readonly port: number } | undefined
  try {
    const outcome = await ask()
    source = localEnd(fd)
    return { ...outcome, milliseconds: Math.round((performance.now() - started) * 100) / 100 }
  } finally {
    closeDescriptor(fd)
    if (source !== undefined) await forgetFlow({ protocol, source, destination: { address, port } })
  }
}

/** One datagram. @returns the answer, or why there is none */
export async function askUdp(
  address: Address,
  port: number,
  payload: Buffer,
  options: ProbeOptions,
): Promise<Buffer | Exclude<ProbeOutcome['verdict'], 'connected'>> {
  const fd = made(options.from, familyOf(address), SOCK_DGRAM, 0)
  try {
    return await exchange(fd, { address, port, payload }, options.timeoutMs)
  } finally {
    closeDescriptor(fd)
  }
}

async function exchange(
  fd: number,
  { address, port, payload }: { readonly address: Address; readonly port: number; readonly payload: Buffer },
  timeoutMs: number,
): Promise<Buffer | Exclude<ProbeOutcome['verdict'], 'connected'>> {
  const errno = connectNow(fd, address, port)
  if (errno !== 0) return 'unreachable'
  if (!sent(fd, payload)) return 'unreachable'
  if (!(await ready(fd, POLLIN, timeoutMs))) return 'timeout'
  const into = Buffer.alloc(65_536)
  const length = received(fd, into)
  return length === undefined ? 'refused' : into.subarray(0, length)
}

/** One echo request with so many bytes of data. @returns undefined where no answer came */
export async function echo(
  address: Address,
  {
    from,
    timeoutMs,
    sequence = 1,
    bytes = 56,
  }: ProbeOptions & { readonly sequence?: number; readonly bytes?: number },
): Promise<{ readonly milliseconds: number } | undefined> {
  const family = familyOf(address)
  const fd = made(from, family, SOCK_RAW, family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)
  const identifier = (process.pid ^ fd ^ sequence) & 0xffff
  try {
    if (connectNow(fd, address, 0) !== 0) return undefined
    const request = echoRequest(family, identifier, sequence, bytes)
    const started = performance.now()
    if (!sent(fd, request)) return undefined
    const into = Buffer.alloc(65_536)
    for (;;) {
      const left = timeoutMs - (performance.now() - started)
      if (left <= 0 || !(await ready(fd, POLLIN, Math.ceil(left)))) return undefined
      if (received(fd, into) === undefined) return undefined
      // IPv4 raw sockets show the IP header.
      const at = family === 4 ? ((into[0] ?? 0) & 0x0f) * 4 : 0
      const isReply = into[at] === (family === 4 ? 0 : 129)
      if (isReply && into.readUInt16BE(at + 4) === identifier && into.readUInt16BE(at + 6) === sequence) {
        return { milliseconds: Math.round((performance.now() - started) * 1000) / 1000 }
      }
    }
  } finally {
    closeDescriptor(fd)
  }
}

function echoRequest(family: 4 | 6, identifier: number, sequence: number, bytes: number): Buffer {
  const packet = Buffer.alloc(8 + bytes, 0x2e)
  packet[0] = family === 4 ? 8 : 128
  packet[1] = 0
  packet.writeUInt16BE(0, 2)
  packet.writeUInt16BE(identifier, 4)
  packet.writeUInt16BE(sequence, 6)
  // The kernel does it for ICMPv6.
  if (family === 4) packet.writeUInt16BE(checksum(packet), 2)
  return packet
}

/** RFC 1071 */
function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function made(from: string | undefined, family: 4 | 6, type: number, protocol: number): number {
  const domain = family === 4 ? AF_INET : AF_INET6
  const make = (): number => makeSocket(domain, type | SOCK_NONBLOCK, protocol)
  if (from === undefined) return make()
  const netns = openNetns(from)
  try {
    return withNetns(netns, make)
  } finally {
    closeSync(netns)
  }
}

function connectNow(fd: number, address: Address, port: number): number {
  const target = socketAddress(address, port)
  return calls().connect(fd, target, target.length) === 0 ? 0 : loadKoffi().errno()
}

/** What the kernel refuses is an answer here: of a probe before, of the way there. */
function answered<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof SystemError) return undefined
    throw error
  }
}

function sent(fd: number, bytes: Buffer): boolean {
  const done = answered(() => {
    sendAll(fd, bytes)
    return true
  })
  return done ?? false
}

function received(fd: number, into: Buffer): number | undefined {
  return answered(() => receiveNow(fd, into))
}

/** Undefined where the kernel has not chosen one. */
function localEnd(fd: number): { readonly address: Address; readonly port: number } | undefined {
  const bytes = Buffer.alloc(28)
  if (calls().getsockname(fd, bytes, Buffer.from([bytes.length, 0, 0, 0])) === -1) return undefined
  const port = bytes.readUInt16BE(2)
  const v4 = bytes.readUInt16LE(0) === AF_INET
  return port === 0 ? undefined : { address: fromBytes(bytes.subarray(v4 ? 4 : 8, v4 ? 8 : 24)), port }
}

function socketError(fd: number): number {
  const value = Buffer.alloc(4)
  socketStructure(fd, SOL_SOCKET, SO_ERROR, value)
  return value.readInt32LE(0)
}

function outcomeOf(errno: number): Pick<ProbeOutcome, 'verdict' | 'errno'> {
  if (errno === 0) return { verdict: 'connected' }
  if (errno === ECONNREFUSED) return { verdict: 'refused', errno }
  if (errno === EHOSTUNREACH || errno === ENETUNREACH) return { verdict: 'unreachable', errno }
  return { verdict: errno === EWOULDBLOCK ? 'timeout' : 'unreachable', errno }
}

/** Waits on a pool thread, so that others go on. */
function ready(fd: number, events: number, timeoutMs: number): Promise<boolean> {
  // struct pollfd
  const fds = Buffer.alloc(8)
  fds.writeInt32LE(fd, 0)
  fds.writeInt16LE(events, 4)
  return new Promise((resolve, reject) => {
    calls().poll.async(fds, 1, timeoutMs, (error: unknown, count: number) => {
      if (error) reject(error)
      else resolve(count > 0)
    })
  })
}
