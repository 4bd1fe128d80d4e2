/**
 * What the file system refuses, and what to do about it.
 *
 * @module
 */

import { fail, isTsnetError, rightsLacking } from '../errors/codes.ts'

export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '')

/** A folder, a link to itself or a socket in the place of a file. Not what passes: no memory, no descriptors. */
const noFile = ['EISDIR', 'ELOOP', 'ENXIO']

/** What lies there is no JSON, or no file: not what we have written. */
export function isUnreadable(error: unknown): boolean {
  return isTsnetError(error) && (error.cause instanceof SyntaxError || hasCode(error.cause, ...noFile))
}

/** @returns why it cannot be used, without its path */
export function reasonOf(error: unknown): string {
  const { cause } = error as Error
  return cause instanceof Error ? cause.message : String(error)
}

/** What reading it met: a way out beside it. */
export function unreadable(path: string, cause: unknown): Error {
  const message = `reading ${path}: ${cause instanceof Error ? cause.message : String(cause)}`
  const lacking = rightsLacking(cause, message)
  if (lacking !== undefined) return lacking
  return fail('TSNET_STATE_UNREADABLE', {
    message,
    hint: `mend or remove ${path}, then run "tsnet gc"`,
    cause,
  })
}

/** A full disk, a read-only file system: nothing tsnet can mend. */
export function unwritable(path: string, cause: unknown): Error {
  if (!(cause instanceof Error && 'syscall' in cause)) return cause as Error
  const message = `writing ${path}: ${cause.message}`
  const lacking = rightsLacking(cause, message)
  if (lacking !== undefined) return lacking
  return fail('TSNET_STATE_UNREADABLE', {
    message,
    hint: wayOut(path, cause),
    cause,
  })
}

function wayOut(path: string, cause: unknown): string {
  const elsewhere = 'choose another folder with --state-dir'
  if (hasCode(cause, 'EROFS')) return `make its file system writable, or ${elsewhere}`
  if (hasCode(cause, ...noFile, 'ENOTDIR', 'EEXIST', 'EPERM'))
    return `look what lies at ${path}, take it away if it is nobody's, or ${elsewhere}`
  // Such as in /proc.
  if (hasCode(cause, 'ENOENT')) return `nothing can be made there: ${elsewhere}`
  return `make room there, or ${elsewhere}`
}
