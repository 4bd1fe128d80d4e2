/**
 * What a plugin says when it fails: the numbers of the specification, and which
 * of them an error of tsnet is.
 *
 * @see https://github.com/containernetworking/cni/blob/main/SPEC.md#error
 * @module
 */

import { asTsnetError } from '../../errors/codes.ts'
import type { ErrorKind } from '../../errors/error.ts'

/** Error codes: below 100 the specification’s and the reference library’s, from 100 on tsnet’s. */
export const cniCodes = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  environment: 4,
  io: 5,
  decode: 6,
  config: 7,
  /** The reference library's, for a namespace that is the plugin's own. */
  netns: 8,
  tryAgain: 11,
  notAvailable: 50,
  limited: 51,
  /** Ours: something is there already. */
  conflict: 100,
  forbidden: 101,
  /** What the reference plugins use for everything else. */
  other: 999,
} as const

/** A failure in the words of the protocol. */
export class CniError extends Error {
  override readonly name = 'CniError'
  readonly code: number
  readonly details: string | undefined

  constructor(code: number, message: string, details?: string) {
    super(message)
    this.code = code
    this.details = details
  }
}

/** Makes, and does not throw, an error. */
export function cniError(code: keyof typeof cniCodes, message: string, details?: string): CniError {
  return new CniError(cniCodes[code], message, details)
}

const byKind: Readonly<Record<ErrorKind, number>> = {
  invalid: cniCodes.config,
  notFound: cniCodes.unknownContainer,
  conflict: cniCodes.conflict,
  forbidden: cniCodes.forbidden,
  unavailable: cniCodes.notAvailable,
  unsupported: cniCodes.unsupportedField,
  busy: cniCodes.tryAgain,
  internal: cniCodes.other,
}

const byCode: Readonly<Record<string, number>> = {
  TSNET_NOT_A_NETNS: cniCodes.netns,
  TSNET_OWN_NETNS: cniCodes.netns,
  // What this host lacks is not the fault of a field.
  TSNET_KERNEL_FEATURE_MISSING: cniCodes.other,
  TSNET_PROGRAM_MISSING: cniCodes.other,
  TSNET_STATE_UNREADABLE: cniCodes.io,
}

/** Anything caught, as the plugin reports it. */
export function asCniError(error: unknown): CniError {
  if (error instanceof CniError) return error
  const known = asTsnetError(error)
  const undone = known.undo.map((one) => (one instanceof Error ? one.message : String(one)))
  const details = [
    ...(known.hint === undefined ? [] : [known.hint]),
    ...undone.map((text) => `not undone: ${text}`),
  ]
  return new CniError(
    byCode[known.code] ?? byKind[known.kind],
    known.message,
    details.length === 0 ? undefined : details.join('; '),
  )
}

/** The one JSON document of a failure. */
export function encodeError(error: CniError, cniVersion: string): string {
  const { code, message: msg, details } = error
  return `${JSON.stringify({ cniVersion, code, msg, ...(details === undefined ? {} : { details }) }, null, 4)}\n`
}
