/**
 * How netavark says what went wrong: one JSON object on standard output, with
 * one text in it, `context: context: cause`.
 *
 * @module
 */

import { isTsnetError } from '../../errors/codes.ts'

/** A failure in netavark's words. */
export class NetavarkError extends Error {
  override readonly name = 'NetavarkError'
}

/** The command line itself: usage on standard error, exit code 2. */
export class UsageFault extends Error {
  override readonly name = 'UsageFault'
}

/** `IO error: No such file or directory (os error 2)` and its like. */
const osErrors: Readonly<Record<string, string>> = {
  EPERM: 'Operation not permitted (os error 1)',
  ENOENT: 'No such file or directory (os error 2)',
  EACCES: 'Permission denied (os error 13)',
  EEXIST: 'File exists (os error 17)',
  ENODEV: 'No such device (os error 19)',
  ENOTDIR: 'Not a directory (os error 20)',
  EISDIR: 'Is a directory (os error 21)',
  EINVAL: 'Invalid argument (os error 22)',
}

/** What a failed file operation is called. */
export function ioText(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return `IO error: ${osErrors[code] ?? (error instanceof Error ? error.message : String(error))}`
}

/** Anything caught, as the one text; what is ours says the way out too. */
export function textOf(error: unknown): string {
  if (isTsnetError(error, 'TSNET_NOT_A_NETNS')) return `setns: IO error: ${osErrors['EINVAL']}`
  if (isTsnetError(error)) {
    const undone = error.undo.map((one) => `not undone: ${one instanceof Error ? one.message : String(one)}`)
    return [error.message, ...(error.hint === undefined ? [] : [error.hint]), ...undone].join('; ')
  }
  return error instanceof Error ? error.message : String(error)
}

/** The same with what was being done in front. */
export function within(context: string, error: unknown): NetavarkError {
  return new NetavarkError(`${context}: ${textOf(error)}`)
}

class SeveralErrors extends NetavarkError {
  readonly errors: readonly unknown[]
  constructor(errors: readonly unknown[]) {
    super(`netavark encountered multiple errors:${errors.map((error) => `\n\t- ${textOf(error)}`).join('')}`)
    this.errors = errors
  }
}

/** One is itself; several get a header and a line each, also those of several. */
export function severalErrors(errors: readonly unknown[]): NetavarkError {
  const all = errors.flatMap((error) => (error instanceof SeveralErrors ? error.errors : [error]))
  return all.length === 1 ? new NetavarkError(textOf(all[0])) : new SeveralErrors(all)
}

/** podman reads it strictly: no other key. */
export function encodeError(error: unknown): string {
  return `${JSON.stringify({ error: textOf(error) })}\n`
}
