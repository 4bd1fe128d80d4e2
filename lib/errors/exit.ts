/**
 * Exit codes of the command line, one per kind of error (README.md lists them).
 *
 * 2, 3 and 4 are what a caller can mend; from 64 on they are those of
 * sysexits(3). A signal ends with 128 and its number instead.
 *
 * @module
 */

import type { ErrorKind, TsnetError } from './error.ts'

export const exitCodes: Readonly<Record<ErrorKind, number>> = {
  invalid: 2,
  unsupported: 2,
  notFound: 3,
  conflict: 4,
  /** EX_UNAVAILABLE: something this host lacks. */
  unavailable: 69,
  /** EX_TEMPFAIL: worth trying again unchanged. */
  busy: 75,
  /** EX_NOPERM. */
  forbidden: 77,
  internal: 1,
}

/** What a command ends with after this error: see the table of exit codes in the README. */
export function exitCode(error: Pick<TsnetError, 'kind'>): number {
  return exitCodes[error.kind]
}
