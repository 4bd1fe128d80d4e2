/**
 * The few libc calls Node has no name for, through koffi: namespaces, locks and descriptors here, sockets in sockets.ts.
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

/** @internal sockets.ts */
export function libc(): Libc {
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

/** @returns the result @throws SystemError where it is -1 @internal sockets.ts */
export function checked(call: string, result: number): number {
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

const MFD_CLOEXEC = 1

/** A file in memory, gone with its descriptor; others can open it as `/proc/self/fd/FD`. */
export function memfd(name: string): number {
  return checked('memfd_create', libc().memfdCreate(name, MFD_CLOEXEC))
}

export function closeDescriptor(fd: number): void {
  libc().close(fd)
}

const O_CLOEXEC = 0o2000000

/** `to` is what `from` is from now on, whatever it was before. Children do not inherit it. */
export function replaceDescriptor(from: number, to: number): void {
  checked('dup3', libc().dup3(from, to, O_CLOEXEC))
}
