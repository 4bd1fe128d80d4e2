/**
 * Sockets as the kernel has them: those whose family, option or moment Node has no name for.
 *
 * A socket belongs to the namespace the calling thread is in when it is made. Errors as in libc.ts; nothing here waits.
 *
 * @see socket(7), netlink(7), ipv6(7)
 * @module
 */

import { EWOULDBLOCK, SystemError } from './errno.ts'
import { checked, libc } from './libc.ts'
import { loadKoffi } from './native.ts'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_NETNS_COOKIE = 71

/** A socket of the namespace the calling thread is in, for as long as it lives. Children do not inherit it. */
export function makeSocket(domain: number, type: number, protocol: number): number {
  return checked('socket', libc().socket(domain, type | SOCK_CLOEXEC, protocol))
}

/**
 * The cookie of the namespace the calling thread is in: 64 bits, never reused
 * within one boot (socket(7), Linux 5.14).
 */
export function netnsCookie(): bigint {
  // Any socket belongs to the namespace it is born in; a unix one is the cheapest.
  const fd = makeSocket(AF_UNIX, SOCK_DGRAM, 0)
  try {
    const value = Buffer.alloc(8)
    const length = Buffer.from([value.length, 0, 0, 0])
    checked('getsockopt', libc().getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, value, length))
    return value.readBigUInt64LE(0)
  } finally {
    libc().close(fd)
  }
}

const AF_NETLINK = 16
const SOCK_RAW = 3
const MSG_TRUNC = 0x20
const MSG_DONTWAIT = 0x40

/** A netlink socket of the namespace the calling thread is in; the kernel gives it an address at the first send. */
export function netlinkSocket(protocol: number): number {
  return makeSocket(AF_NETLINK, SOCK_RAW, protocol)
}

/** Datagrams go whole or not at all. */
export function sendAll(fd: number, bytes: Buffer): void {
  checked('send', libc().send(fd, bytes, bytes.length, 0))
}

/**
 * As `sendAll`, on a thread of libuv's: threads of its pool are made all at once and outside of every visit to a
 * sandbox, which are synchronous, so they are in the host's namespace.
 */
export async function sendAside(fd: number, bytes: Buffer): Promise<void> {
  const sent = await new Promise<number>((resolve, reject) => {
    libc().send.async(fd, bytes, bytes.length, 0, (error: unknown, result: number) => {
      if (error === null || error === undefined) resolve(result)
      else reject(error instanceof Error ? error : new Error(String(error)))
    })
  })
  // The number of the error was that thread's: here it is the same, and is told.
  if (sent === -1) sendAll(fd, bytes)
}

/** @returns the length of a datagram that was waiting, also where it did not fit; undefined where there was none */
export function receiveNow(fd: number, into: Buffer): number | undefined {
  const length = libc().recv(fd, into, into.length, MSG_DONTWAIT | MSG_TRUNC)
  if (length !== -1) return length
  const errno = loadKoffi().errno()
  if (errno === EWOULDBLOCK) return undefined
  throw new SystemError('recv', errno)
}

/** @param address a sockaddr */
export function sendTo(fd: number, bytes: Buffer, address: Buffer): void {
  checked('sendto', libc().sendto(fd, bytes, bytes.length, 0, address, address.length))
}

/** {@link receiveNow} with the sender's sockaddr, which goes into `address`. */
export function receiveFromNow(fd: number, into: Buffer, address: Buffer): number | undefined {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(address.length)
  const length = libc().recvfrom(fd, into, into.length, MSG_DONTWAIT | MSG_TRUNC, address, size)
  if (length !== -1) return length
  const errno = loadKoffi().errno()
  if (errno === EWOULDBLOCK) return undefined
  throw new SystemError('recvfrom', errno)
}

const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26

/** A socket's kind and the sockaddr it is bound to. */
export interface BoundSocket {
  readonly domain: number
  readonly type: number
  readonly protocol: number
  readonly address: Buffer
  /** Leave the IPv4 port of the same number alone. */
  readonly v6Only: boolean
}

/**
 * A socket bound without SO_REUSEADDR, not listening: it holds its port, and
 * its bind fails where another socket does. Children do not inherit it.
 */
export function bindSocket({ domain, type, protocol, address, v6Only }: BoundSocket): number {
  const fd = makeSocket(domain, type, protocol)
  try {
    const on = Buffer.from([1, 0, 0, 0])
    if (v6Only) checked('setsockopt', libc().setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, on, on.length))
    checked('bind', libc().bind(fd, address, address.length))
    return fd
  } catch (error) {
    libc().close(fd)
    throw error
  }
}

/**
 * A socket bound after `prepare` has set its options. Children inherit nothing.
 *
 * @param address a sockaddr
 */
export function openSocket(
  {
    domain,
    type,
    protocol = 0,
    address,
  }: Pick<BoundSocket, 'domain' | 'type' | 'address'> & Partial<Pick<BoundSocket, 'protocol'>>,
  prepare: (fd: number) => void,
): number {
  const fd = makeSocket(domain, type, protocol)
  try {
    prepare(fd)
    checked('bind', libc().bind(fd, address, address.length))
    return fd
  } catch (error) {
    libc().close(fd)
    throw error
  }
}

/** Sets an option whose value is an int. */
export function setSocketOption(fd: number, level: number, name: number, value: number): void {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  setSocketStructure(fd, level, name, bytes)
}

/** Sets an option whose value is a C structure. */
export function setSocketStructure(fd: number, level: number, name: number, value: Buffer): void {
  checked('setsockopt', libc().setsockopt(fd, level, name, value, value.length))
}

/** Reads an option that is a C structure into `value`. */
export function socketStructure(fd: number, level: number, name: number, value: Buffer): void {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(value.length)
  checked('getsockopt', libc().getsockopt(fd, level, name, value, length))
}

export function listen(fd: number, backlog: number): void {
  checked('listen', libc().listen(fd, backlog))
}
