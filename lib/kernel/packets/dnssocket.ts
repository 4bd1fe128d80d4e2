/**
 * Sockets of the name server, and many datagrams in one system call.
 *
 * Node 20 ignores `reusePort`, cannot bind an address before it is there
 * (IP_FREEBIND), and pays several microseconds for each datagram; so sockets
 * are made here and handed to Node as descriptors, which wakes us up with the
 * first datagram; the others that wait behind it are taken by recvmmsg(2) and
 * answered by sendmmsg(2). Layouts are those of 64-bit little-endian Linux.
 *
 * @see socket(7), ip(7), recvmmsg(2)
 * @module
 */

import { type Address, bytesOf, familyOf } from '../../model/address.ts'
import { AF_INET, AF_INET6 } from '../netlink/addr.ts'
import { EWOULDBLOCK } from '../system/errno.ts'
import { closeDescriptor } from '../system/libc.ts'
import { loadKoffi, pinned } from '../system/native.ts'
import { listen, openSocket, setSocketOption } from '../system/sockets.ts'
import { socketAddress } from './portsocket.ts'

const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_RCVBUF = 8
const SO_REUSEPORT = 15
const IPPROTO_IP = 0
const IP_MTU_DISCOVER = 10
const IP_PMTUDISC_DO = 2
const IP_FREEBIND = 15
const IPPROTO_IPV6 = 41
const IPV6_FREEBIND = 78
/** The kernel gives what net.core.rmem_max allows. */
const RECEIVE_BYTES = 4 * 1024 * 1024
/** As many as the kernel's own limit (net.core.somaxconn) is by default. */
const BACKLOG = 4096

/** Where a socket is bound. */
export interface SocketPlace {
  readonly address: Address
  readonly port: number
}

/**
 * A UDP socket bound to one address, in the namespace the thread is in; processes of one user may share it.
 *
 * @returns its descriptor
 * @throws SystemError with EADDRINUSE where another server has the port
 */
export function openDatagramSocket(place: SocketPlace): number {
  return opened(place, SOCK_DGRAM, (fd) => {
    // Answers are never cut into fragments, which a stranger could replace (RFC 9715); sending one that
    // does not fit the link fails with EMSGSIZE. It saves the kernel a packet number for each as well.
    if (familyOf(place.address) === 4) setSocketOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    setSocketOption(fd, SOL_SOCKET, SO_REUSEPORT, 1)
    setSocketOption(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES)
  })
}

/** A listening TCP socket, in the namespace the thread is in. @returns its descriptor @throws SystemError with EADDRINUSE */
export function openListeningSocket(place: SocketPlace): number {
  const fd = opened(place, SOCK_STREAM, (socket) => setSocketOption(socket, SOL_SOCKET, SO_REUSEADDR, 1))
  try {
    listen(fd, BACKLOG)
    return fd
  } catch (error) {
    closeDescriptor(fd)
    throw error
  }
}

function opened({ address, port }: SocketPlace, type: number, prepare: (fd: number) => void): number {
  const v4 = familyOf(address) === 4
  return openSocket(
    { domain: v4 ? AF_INET : AF_INET6, type, address: socketAddress(address, port) },
    (fd) => {
      // A new bridge's IPv6 address may still be checked for duplicates.
      if (v4) setSocketOption(fd, IPPROTO_IP, IP_FREEBIND, 1)
      else setSocketOption(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1)
      prepare(fd)
    },
  )
}

/** Room for datagrams that travel together. */
export interface DatagramBatch {
  /** How many datagrams fit. */
  readonly size: number
  /**
   * Takes what waits at the socket, never waits itself.
   *
   * @param from where in the batch they begin
   * @returns how many are in the batch now
   */
  receive(fd: number, from: number): number
  /** Puts a datagram that came another way in the first place. */
  adopt(message: Buffer, sender: { readonly address: Address; readonly port: number }): void
  /** Room whose first bytes are datagram `i`, valid until the next `receive`. */
  message(i: number): Buffer
  /** Bytes of datagram `i`. */
  length(i: number): number
  /** Where the answer to datagram `i` may be written. */
  room(i: number): Buffer
  /** The sender's address bytes, one character each. */
  sender(i: number): string
  /** The four bytes of an IPv4 sender as one number. */
  sender4(i: number): number
  port(i: number): number
  /** Marks datagram `i` as answered with that many bytes of its room. */
  answer(i: number, length: number): void
  /**
   * Sends all marked answers; what a full socket does not take now is lost, as datagrams may be.
   *
   * @param refused told of each datagram whose answer cannot be sent: it is longer than the link takes, or nobody is there
   */
  send(fd: number, refused: (i: number) => void): void
}

const BATCH = 64
const MESSAGE_BYTES = 4096
const ROOM_BYTES = 512
/** struct mmsghdr, struct iovec, struct sockaddr_in6 rounded up. */
const HEADER_BYTES = 64
const VECTOR_BYTES = 16
const NAME_BYTES = 32
const SENDER_BYTES = 28
/** The same as counts of 32-bit numbers, and places of numbers in a struct mmsghdr. */
const HEADER_WORDS = HEADER_BYTES / 4
const NAME_WORDS = NAME_BYTES / 4
const VECTOR_WORDS = VECTOR_BYTES / 4
const NAME_LENGTH = 2
const MESSAGE_LENGTH = 14
const MSG_DONTWAIT = 0x40

interface Calls {
  readonly receive: (fd: number, headers: Buffer, count: number, flags: number, timeout: null) => number
  readonly send: (fd: number, headers: Buffer, count: number, flags: number) => number
}

let calls: Calls | undefined

function loadCalls(): Calls {
  if (calls === undefined) {
    const library = loadKoffi().load('libc.so.6')
    calls = {
      receive: library.func(
        'int recvmmsg(int fd, void *headers, unsigned int count, int flags, void *timeout)',
      ) as Calls['receive'],
      send: library.func(
        'int sendmmsg(int fd, void *headers, unsigned int count, int flags)',
      ) as Calls['send'],
    }
  }
  return calls
}

export function createDatagramBatch(): DatagramBatch {
  const { receive, send } = loadCalls()
  const messages = pinned(BATCH * MESSAGE_BYTES)
  const rooms = pinned(BATCH * ROOM_BYTES)
  const senders = pinned(BATCH * NAME_BYTES)
  const vectorsIn = pinned(BATCH * VECTOR_BYTES)
  const vectorsOut = pinned(BATCH * VECTOR_BYTES)
  // The kernel has pointers into these: they must not be collected as long as the batch lives.
  const memory = [messages, rooms, senders, vectorsIn, vectorsOut] as const
  const headersIn = pinned(BATCH * HEADER_BYTES).bytes
  const behindFirst = headersIn.subarray(HEADER_BYTES)
  const headersOut = pinned(BATCH * HEADER_BYTES).bytes
  // The same memory as numbers: a Buffer's methods check what they are given each time.
  const [numbersIn, numbersOut, senderNumbers, sizesOut] = [
    headersIn,
    headersOut,
    senders.bytes,
    vectorsOut.bytes,
  ].map(({ buffer, byteOffset, length }) => new Int32Array(buffer, byteOffset, length / 4)) as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ]
  /** Headers the kernel has written to. */
  let used = BATCH
  const messageOf = Array.from({ length: BATCH }, (_, i) =>
    messages.bytes.subarray(i * MESSAGE_BYTES, (i + 1) * MESSAGE_BYTES),
  )
  const roomOf = Array.from({ length: BATCH }, (_, i) =>
    rooms.bytes.subarray(i * ROOM_BYTES, (i + 1) * ROOM_BYTES),
  )
  for (let i = 0; i < BATCH; i++) {
    vectorsIn.bytes.writeBigUInt64LE(messages.address + BigInt(i * MESSAGE_BYTES), i * VECTOR_BYTES)
    vectorsIn.bytes.writeBigUInt64LE(BigInt(MESSAGE_BYTES), i * VECTOR_BYTES + 8)
    const header = i * HEADER_BYTES
    headersIn.writeBigUInt64LE(senders.address + BigInt(i * NAME_BYTES), header)
    headersIn.writeBigUInt64LE(vectorsIn.address + BigInt(i * VECTOR_BYTES), header + 16)
    headersIn.writeBigUInt64LE(1n, header + 24)
    vectorsOut.bytes.writeBigUInt64LE(rooms.address + BigInt(i * ROOM_BYTES), i * VECTOR_BYTES)
    headersOut.writeBigUInt64LE(senders.address + BigInt(i * NAME_BYTES), header)
    headersOut.writeBigUInt64LE(vectorsOut.address + BigInt(i * VECTOR_BYTES), header + 16)
    headersOut.writeBigUInt64LE(1n, header + 24)
  }
  /** Which datagrams of the batch have an answer, in order. */
  const marked = new Int32Array(BATCH)
  let answers = 0
  const isV4 = (i: number): boolean => ((senderNumbers[i * NAME_WORDS] as number) & 0xffff) === AF_INET
  return {
    size: BATCH,
    receive: (fd, from) => {
      // What the last senders left there may be shorter than the next one's address.
      for (let i = from; i < used; i++) numbersIn[i * HEADER_WORDS + NAME_LENGTH] = SENDER_BYTES
      const headers = from === 0 ? headersIn : behindFirst
      used = from + Math.max(0, receive(fd, headers, BATCH - from, MSG_DONTWAIT, null))
      return used
    },
    adopt: (message, { address, port }) => {
      const length = message.copy(memory[0].bytes, 0, 0, MESSAGE_BYTES)
      numbersIn[MESSAGE_LENGTH] = length
      const bytes = bytesOf(address)
      senders.bytes.writeUInt16LE(bytes.length === 4 ? AF_INET : AF_INET6, 0)
      senders.bytes.writeUInt16BE(port, 2)
      senders.bytes.fill(0, 4, SENDER_BYTES)
      senders.bytes.set(bytes, bytes.length === 4 ? 4 : 8)
    },
    message: (i) => messageOf[i] as Buffer,
    length: (i) => numbersIn[i * HEADER_WORDS + MESSAGE_LENGTH] as number,
    room: (i) => roomOf[i] as Buffer,
    sender: (i) => {
      const at = i * NAME_BYTES
      return isV4(i)
        ? senders.bytes.toString('latin1', at + 4, at + 8)
        : senders.bytes.toString('latin1', at + 8, at + 24)
    },
    sender4: (i) => senderNumbers[i * NAME_WORDS + 1] as number,
    port: (i) => senders.bytes.readUInt16BE(i * NAME_BYTES + 2),
    answer: (i, length) => {
      numbersOut[i * HEADER_WORDS + NAME_LENGTH] = isV4(i) ? 16 : SENDER_BYTES
      sizesOut[i * VECTOR_WORDS + 2] = length
      marked[answers++] = i
    },
    send: (fd, refused) => {
      for (let at = 0; at < answers; ) {
        const first = marked[at] as number
        // Neighbours travel together.
        let count = 1
        while (at + count < answers && marked[at + count] === first + count) count++
        const headers = first === 0 ? headersOut : headersOut.subarray(first * HEADER_BYTES)
        const sent = send(fd, headers, count, MSG_DONTWAIT)
        if (sent <= 0 && loadKoffi().errno() === EWOULDBLOCK) break
        // One receiver that cannot be reached must not cost the others theirs.
        if (sent <= 0) refused(first)
        at += sent > 0 ? sent : 1
      }
      answers = 0
    },
  }
}
