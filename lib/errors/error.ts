/**
 * The one error class. Made only by the registry in `codes.ts`.
 *
 * @module
 */

/** What kind of trouble: adapters and the command line derive their outward codes from it. */
export type ErrorKind =
  | 'invalid'
  | 'notFound'
  | 'conflict'
  | 'forbidden'
  | 'unavailable'
  | 'unsupported'
  | 'busy'
  | 'internal'

/** What an error says: what was done to what and why it failed, the field and value meant, the way out. */
export interface ErrorDetails {
  /** Lower case, "doing X to Y: cause", no trailing stop. */
  readonly message: string
  /** The field or flag that was wrong, such as `networks[0].ip` or `--publish`. */
  readonly field?: string
  /** The offending value as it was given. */
  readonly value?: unknown
  /** What to run or change next. */
  readonly hint?: string
  readonly cause?: unknown
}

/** An error as programs get it. */
export interface ErrorView {
  /** Never changes its meaning. */
  readonly code: string
  readonly kind: ErrorKind
  readonly message: string
  /** Flag, argument or member that has the wrong value. */
  readonly field?: string | undefined
  readonly value?: unknown
  /** The way out. */
  readonly hint?: string | undefined
  /** Whether the same call may succeed a little later. */
  readonly retryable: boolean
  /** What could not be taken back. */
  readonly undo?: readonly string[]
}

/** The one class of errors tsnet throws. Tell them apart by `code`, group them by `kind`; the text is for people. */
export class TsnetError extends Error {
  /** Known by name: a driver or runtime may have brought a copy of this library with a class of its own. */
  static override [Symbol.hasInstance](value: unknown): value is TsnetError {
    return value instanceof Error && value.name === 'TsnetError' && 'code' in value && 'kind' in value
  }

  override readonly name = 'TsnetError'
  readonly code: string
  readonly kind: ErrorKind
  readonly field: string | undefined
  readonly value: unknown
  readonly hint: string | undefined
  /** What went wrong while undoing; empty when the host is as it was before. */
  readonly undo: unknown[] = []

  constructor(code: string, kind: ErrorKind, details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.kind = kind
    this.field = details.field
    this.value = details.value
    this.hint = details.hint
  }

  /** Worth trying again unchanged. */
  get retryable(): boolean {
    return this.kind === 'busy'
  }

  /** What programs get of it with `--json`: no stack, `undo` as texts. */
  toJSON(): ErrorView {
    const { code, kind, message, field, value, hint, retryable } = this
    const undo = this.undo.map((error) => (error instanceof Error ? error.message : String(error)))
    return { code, kind, message, field, value, hint, retryable, ...(undo.length > 0 ? { undo } : {}) }
  }
}
