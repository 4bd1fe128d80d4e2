/**
 * Kernel error numbers, their names, and which tsnet error a refused step is.
 *
 * The only place where a number becomes a meaning. Error texts are libuv's, in
 * English whatever the locale.
 *
 * @module
 */

import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'

/** os.constants has no name for these two. EXFULL: a bridge has all its 1023 ports. */
export const EXFULL: number = 54
const unnamed: Readonly<Record<number, readonly [string, string]>> = {
  [EXFULL]: ['EXFULL', 'no free port'],
  524: ['ENOTSUPP', 'operation not supported'],
}

const { errno } = constants
export const EACCES: number = errno.EACCES
export const EADDRINUSE: number = errno.EADDRINUSE
export const EADDRNOTAVAIL: number = errno.EADDRNOTAVAIL
export const EAFNOSUPPORT: number = errno.EAFNOSUPPORT
export const EAGAIN: number = errno.EAGAIN
export const EBUSY: number = errno.EBUSY
export const EEXIST: number = errno.EEXIST
export const EINTR: number = errno.EINTR
export const EINVAL: number = errno.EINVAL
export const EIO: number = errno.EIO
export const EMFILE: number = errno.EMFILE
export const ENFILE: number = errno.ENFILE
export const ENOMEM: number = errno.ENOMEM
export const ERANGE: number = errno.ERANGE
export const EPROTONOSUPPORT: number = errno.EPROTONOSUPPORT
export const EMSGSIZE: number = errno.EMSGSIZE
export const EWOULDBLOCK: number = errno.EWOULDBLOCK
export const ENODEV: number = errno.ENODEV
export const ENOENT: number = errno.ENOENT
export const ENOTDIR: number = errno.ENOTDIR
const ENXIO: number = errno.ENXIO
export const EOPNOTSUPP: number = errno.EOPNOTSUPP
export const EPERM: number = errno.EPERM
export const EROFS: number = errno.EROFS
const ESRCH: number = errno.ESRCH

/** Answers to a delete that mean: it is gone already. */
export const goneErrors: readonly number[] = [ENODEV, ENOENT, ENXIO, ESRCH, EADDRNOTAVAIL]

/** @returns for example `EEXIST (file already exists)` */
export function errnoText(errno: number): string {
  const [name, text] = getSystemErrorMap().get(-errno) ??
    unnamed[errno] ?? [`errno ${errno}`, 'unknown error']
  return `${name} (${text})`
}

/** A refused system call, before anybody has said what it was good for. */
export class SystemError extends Error {
  override readonly name = 'SystemError'
  readonly errno: number

  constructor(call: string, errno: number) {
    super(`${call}: ${errnoText(errno)}`)
    this.errno = errno
  }
}

/** The positive errno in anything caught from Node, libc or netlink; undefined where there is none. */
export function errnoOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errno' in error)) return undefined
  return typeof error.errno === 'number' ? Math.abs(error.errno) : undefined
}
