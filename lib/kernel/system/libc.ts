/**
 * The few libc calls Node has no name for, through koffi.
 *
 * Each returns what the C function returns and throws `SystemError` with the
 * errno when that is -1. Blocking calls would block the whole process: only
 * calls that return at once belong here.
 *
 * @module
 */

import { EINTR, EWOULDBLOCK, SystemError } from './errno.ts'
import { loadKoffi } from './native.ts'

/** setns(2), unshare(2) and clone(2). */
export const CLONE_NEWNET = 0x40000000

interface Libc {
  readonly setns: (fd: number, kind: number) => number
  readonly unshare: (kinds: number) => number
  readonly ioctl: (fd: number, request: number) => number
  readonly ioctlInto: (fd: number, request: number, into: Buffer) => number
  readonly socket: (domain: number, type: number, protocol: number) => number
  readonly getsockopt: (fd: number, level: number, name: number, value: Buffer, length: Buffer) => number
  readonly close: (fd: number) => number
  readonly dup3: (from: number, to: number, flags: number) => number
  readonly bind: (fd: number, address: Buffer, length: number) => number
  readonly setsockopt: (fd: number, level: number, name: number, value: Buffer, length: number) => number
  readonly listen: (fd: number, backlog: number) => number
  readonly flock: (fd: number, operation: number) => number
  readonly memfdCreate: (name: string, flags: number) => number
  readonly send: ((fd: number, bytes: Buffer, length: number, flags: number) => number) & {
    readonly async: (
      ...args: [number, Buffer, number, number, (error: unknown, result: number) => void]
    ) => void
  }
  readonly ifNameToIndex: (name: string) => number
  readonly recv: (fd: number, bytes: Buffer, length: number, flags: number) => number
  readonly sendto: (
    fd: number,
    bytes: Buffer,
    length: number,
    flags: number,
    address: Buffer,
    addressLength: number,
  ) => number
  readonly recvfrom: (
    fd: number,
    bytes: Buffer,
    length: number,
    flags: number,
    address: Buffer,
    addressLength: Buffer,
  ) => number
}

let loaded: Libc | undefined

function libc(): Libc {
  if (loaded !== undefined) return loaded
  const library = loadKoffi().load('libc.so.6')
  loaded = {
    setns: library.func('int setns(int fd, int kind)') as Libc['setns'],
    unshare: library.func('int unshare(int kinds)') as Libc['unshare'],
    // Variadic in C; without further arguments the plain call is the same on x86-64 and arm.
    ioctl: library.func('int ioctl(int fd, unsigned long request)') as Libc['ioctl'],
    ioctlInto: library.func('int ioctl(int fd, unsigned long request, void *into)') as Libc['ioctlInto'],
    socket: library.func('int socket(int domain, int type, int protocol)') as Libc['socket'],
    getsockopt: library.func(
      'int getsockopt(int fd, int level, int name, void *value, void *length)',
    ) as Libc['getsockopt'],
    close: library.func('int close(int fd)') as Libc['close'],
    dup3: library.func('int dup3(int from, int to, int flags)') as Libc['dup3'],
    bind: library.func('int bind(int fd, const void *address, unsigned int length)') as Libc['bind'],
    setsockopt: library.func(
      'int setsockopt(int fd, int level, int name, const void *value, unsigned int length)',
    ) as Libc['setsockopt'],
    listen: library.func('int listen(int fd, int backlog)') as Libc['listen'],
    flock: library.func('int flock(int fd, int operation)') as Libc['flock'],
    memfdCreate: library.func(
      'int memfd_create(const char *name, unsigned int flags)',
    ) as Libc['memfdCreate'],
    send: library.func('intptr_t send(int fd, const void *bytes, size_t length, int flags)') as Libc['send'],
    ifNameToIndex: library.func('unsigned int if_nametoindex(const char *name)') as Libc['ifNameToIndex'],
    recv: library.func('intptr_t recv(int fd, void *bytes, size_t length, int flags)') as Libc['recv'],
    sendto: library.func(
      'intptr_t sendto(int fd, const void *bytes, size_t length, int flags, const void *address, unsigned int addressLength)',
    ) as Libc['sendto'],
    recvfrom: library.func(
      'intptr_t recvfrom(int fd, void *bytes, size_t length, int flags, void *address, void *addressLength)',
    ) as Libc['recvfrom'],
  }
  return loaded
}

function checked(call: string, result: number): number {
  if (result === -1) throw new SystemError(call, loadKoffi().errno())
  return result
}

/** `_exit(2)`; undefined where nothing of the C library was needed so far: loading it costs some milliseconds. */
export function exitCall(): ((code: number) => void) | undefined {
  if (loaded === undefined) return undefined
  return loadKoffi().load('libc.so.6').func('void _exit(int code)') as (code: number) => void
}

/** Gives the calling thread, and only it, new namespaces. */
export function unshare(kinds: number): void {
  checked('unshare', libc().unshare(kinds))
}

/** Moves the calling thread, and only it, into the namespace behind `fd`. */
export function setns(fd: number, kind: number): void {
  checked('setns', libc().setns(fd, kind))
}

/** An ioctl without argument. */
export function ioctl(fd: number, request: number): number {
  return checked('ioctl', libc().ioctl(fd, request))
}

/** An ioctl that fills `into`. @returns false where the kernel has nothing to tell */
export function ioctlInto(fd: number, request: number, into: Buffer): boolean {
  return libc().ioctlInto(fd, request, into) !== -1
}

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

const CLOSE_RANGE_CLOEXEC = 4

/**
 * Programs started from now on inherit standard streams and what they are given, and nothing whoever started us has
 * left open: Node sees to its own descriptors and the first sixteen. Needs glibc 2.34 and Linux 5.11; without them it
 * does nothing.
 */
export function keepDescriptorsFromChildren(): void {
  try {
    const range = loadKoffi().load('libc.so.6').func('int close_range(unsigned int, unsigned int, int)')
    range(3, 0xffffffff, CLOSE_RANGE_CLOEXEC)
  } catch {
    // An older C library.
  }
}

/** flock(2); the numbers are those of every Linux. */
export const LOCK_SH = 1
export const LOCK_EX = 2
const LOCK_NB = 4
const LOCK_UN = 8

/** @returns false where another open file has a lock that excludes this one; never waits */
export function tryFlock(fd: number, kind: typeof LOCK_SH | typeof LOCK_EX): boolean {
  if (libc().flock(fd, kind | LOCK_NB) === 0) return true
  const errno = loadKoffi().errno()
  if (errno === EWOULDBLOCK || errno === EINTR) return false
  throw new SystemError('flock', errno)
}

/**
 * Also where a child process has inherited the open file: the lock is the file's, not the descriptor's.
 *
 * Says nothing where the kernel refuses: what was done under the lock is done, and closing the file lets go too.
 */
export function unlockFile(fd: number): void {
  libc().flock(fd, LOCK_UN)
}

/** @returns the index of that link in the namespace the calling thread is in, 0 where there is none */
export function linkIndex(name: string): number {
  return libc().ifNameToIndex(name)
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

const MFD_CLOEXEC = 1

/** A file in memory, gone with its descriptor; others can open it as `/proc/self/fd/FD`. */
export function memfd(name: string): number {
  return checked('memfd_create', libc().memfdCreate(name, MFD_CLOEXEC))
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

export function closeDescriptor(fd: number): void {
  libc().close(fd)
}

/** `to` is what `from` is from now on, whatever it was before. Children do not inherit it. */
export function replaceDescriptor(from: number, to: number): void {
  checked('dup3', libc().dup3(from, to, SOCK_CLOEXEC))
}
