/**
 * Network namespaces: open, recognise, enter.
 *
 * Entering moves the main thread, so everything inside happens without `await`;
 * a thread that cannot come back ends the process, because a process in the
 * wrong namespace is worse than a dead one. What must outlive the visit is a
 * descriptor made inside (netlink/socket). `dgram.bind` and `net.listen` inside
 * would land in the host's namespace, and Workers with an open netlink socket
 * end in segfaults (Node 20, measured), so there is neither.
 *
 * @see network_namespaces(7), ioctl_ns(2)
 * @module
 */

import { closeSync, constants, fstatSync, openSync, readFileSync, stat, statSync } from 'node:fs'
import { fail, isTsnetError } from '../../errors/codes.ts'
import type { TsnetError } from '../../errors/error.ts'
import type { SandboxIdentity } from '../../model/sandbox.ts'
import {
  EACCES,
  EAGAIN,
  EINTR,
  EIO,
  EMFILE,
  ENFILE,
  ENOENT,
  ENOMEM,
  ENOTDIR,
  EPERM,
  errnoOf,
  errnoText,
} from '../system/errno.ts'
import { CLONE_NEWNET, ioctl, setns, unshare } from '../system/libc.ts'
import { netnsCookie } from '../system/sockets.ts'

/** Which kind of namespace it is, as its CLONE_NEW flag (Linux 4.11). */
const NS_GET_NSTYPE = 0xb703
const ownNetnsPath = '/proc/thread-self/ns/net'

let own: OwnNetns | undefined
let bootIdRead: string | undefined
let inside = false
let poolIsWarm = false

/** Of this boot: namespace cookies start again with the next one. */
export function bootId(): string {
  bootIdRead ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return bootIdRead
}

/**
 * Opens a network namespace. The descriptor keeps it alive until `closeSync`.
 *
 * @throws TSNET_NOT_A_NETNS (invalid) if there is nothing at `path`, or something else,
 *   TSNET_NOT_PERMITTED (forbidden)
 */
export function openNetns(path: string): number {
  let fd: number
  try {
    // Without O_NONBLOCK a FIFO would keep us waiting for its writer.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw openFailure(path, error)
  }
  const kind = namespaceKind(fd)
  if (kind === CLONE_NEWNET) return fd
  closeSync(fd)
  if (kind !== undefined) {
    throw notANetns(
      path,
      'it is a namespace of another kind',
      'the network namespace of a process is /proc/PID/ns/net',
    )
  }
  throw notANetns(
    path,
    'it is no namespace',
    'a name below /run/netns is only a namespace while `ip netns` has it mounted; or use /proc/PID/ns/net',
  )
}

function openFailure(path: string, error: unknown): TsnetError {
  const errno = errnoOf(error) ?? 0
  if (errno === EACCES || errno === EPERM) {
    return fail('TSNET_NOT_PERMITTED', {
      message: `opening network namespace ${path}: ${errnoText(errno)}`,
      field: 'sandbox.path',
      value: path,
      hint: `run as root; it must be allowed to trace the process behind ${path} (ptrace(2))`,
    })
  }
  if (errno === ENOENT || errno === ENOTDIR) {
    const hint = 'is the process still running? see `ip netns list`, `lsns -t net`'
    return notANetns(path, 'no such process or namespace', hint)
  }
  if (passing.includes(errno)) {
    return fail('TSNET_STEP_FAILED', {
      message: `opening network namespace ${path}: ${errnoText(errno)}`,
      field: 'sandbox.path',
      value: path,
      hint: 'the host is short of something (ulimit -n, free, dmesg): try again',
      cause: error,
    })
  }
  return notANetns(path, errnoText(errno), 'give /proc/PID/ns/net of a running process')
}

/** What says nothing about what is at a path. */
const passing: readonly number[] = [EAGAIN, EINTR, EIO, EMFILE, ENFILE, ENOMEM]

function notANetns(path: string, cause: string, hint: string): TsnetError {
  const message = `opening network namespace ${path}: ${cause}`
  return fail('TSNET_NOT_A_NETNS', { message, field: 'sandbox.path', value: path, hint })
}

function namespaceKind(fd: number): number | undefined {
  // Any other file system's files would take the ioctl for one of their own.
  if (fstatSync(fd).dev !== ownNetns().dev) return undefined
  return ioctl(fd, NS_GET_NSTYPE)
}

/** Whether the namespace behind a descriptor, or at a path, is the one this thread runs in. */
export function isOwnNetns(at: number | string): boolean {
  const [one, own] = [typeof at === 'number' ? fstatSync(at) : statSync(at), ownNetns()]
  return one.ino === own.ino && one.dev === own.dev
}

/** All namespaces are files of one device, and each has its inode number. */
interface OwnNetns {
  readonly fd: number
  readonly dev: number
  readonly ino: number
}

function ownNetns(): OwnNetns {
  if (own === undefined) {
    const fd = openSync(ownNetnsPath, constants.O_RDONLY)
    const { dev, ino } = fstatSync(fd)
    own = { fd, dev, ino }
  }
  return own
}

/**
 * Runs `visit` inside the namespace behind `fd`, and returns what it returns.
 *
 * `visit` is synchronous: after its first `await` it would go on in the host's
 * namespace, while others would run in the sandbox.
 *
 * @throws TSNET_NOT_PERMITTED (forbidden) if the kernel does not let us in
 * @throws TSNET_INTERNAL if `visit` returns a promise, or calls this again
 */
export function withNetns<T>(fd: number, visit: () => T): T {
  return visiting(() => setns(fd, CLONE_NEWNET), visit)
}

/** The same in a namespace of its own, made for this visit and gone after it. */
export function withFreshNetns<T>(visit: () => T): T {
  return visiting(() => unshare(CLONE_NEWNET), visit)
}

function visiting<T>(go: () => void, visit: () => T): T {
  if (inside) throw fail('TSNET_INTERNAL', { message: 'entering a network namespace from inside another' })
  const { fd: home } = ownNetns()
  warmThreadPool()
  enter(go)
  inside = true
  let result: T
  try {
    result = visit()
  } finally {
    leave(home)
    inside = false
  }
  if (isPromise(result)) {
    // Its failure belongs to nobody any more.
    result.then(undefined, () => undefined)
    throw fail('TSNET_INTERNAL', {
      message: 'a visit to a network namespace returned a promise: it must be synchronous',
    })
  }
  return result
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function enter(go: () => void): void {
  try {
    go()
  } catch (error) {
    const errno = errnoOf(error) ?? 0
    throw fail(errno === EPERM ? 'TSNET_NOT_PERMITTED' : 'TSNET_STEP_FAILED', {
      message: `entering a network namespace: ${errnoText(errno)}`,
      hint: 'tsnet needs root, or CAP_SYS_ADMIN here and over the namespace',
      cause: error,
    })
  }
}

function leave(own: number): void {
  try {
    setns(own, CLONE_NEWNET)
  } catch {
    process.abort()
  }
}

/**
 * Threads inherit the namespace of the thread that starts them and keep it for
 * good. libuv starts its whole pool in the call that queues the first work, so
 * one call from outside, not even awaited, settles it (measured: 4 new tasks).
 */
function warmThreadPool(): void {
  if (poolIsWarm) return
  poolIsWarm = true
  stat('/', () => undefined)
}

/**
 * Who the namespace is that the calling thread is in.
 *
 * @throws TSNET_KERNEL_FEATURE_MISSING (unsupported) before Linux 5.14
 */
export function identityHere(): SandboxIdentity {
  try {
    return { cookie: netnsCookie().toString(), bootId: bootId() }
  } catch (error) {
    throw fail('TSNET_KERNEL_FEATURE_MISSING', {
      message: `reading the namespace cookie: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'SO_NETNS_COOKIE needs Linux 5.14 or newer',
      cause: error,
    })
  }
}

/**
 * The same namespace as in `identity` lives at `path` now, or it could not be
 * found out: whoever is taken for dead loses everything. Never throws.
 */
export function isAlive(path: string, identity: SandboxIdentity): boolean {
  let fd: number | undefined
  try {
    if (identity.bootId !== bootId()) return false
    fd = openNetns(path)
    return withNetns(fd, identityHere).cookie === identity.cookie
  } catch (error) {
    return !isTsnetError(error, 'TSNET_NOT_A_NETNS')
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
