/**
 * The command line cannot be understood.
 *
 * Becomes TSNET_USAGE when it is printed; a class of our own, because most
 * mistakes are found before the library is loaded.
 *
 * @module
 */

export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly hint: string
  readonly unknown: UnknownWord | undefined

  /** @param unknown the word it is about; the nearest one there is comes before the hint */
  constructor(message: string, hint: string, unknown?: UnknownWord) {
    super(message)
    this.hint = hint
    this.unknown = unknown
  }
}

/** What there is, and what was written instead. */
export interface UnknownWord {
  readonly word: string
  readonly known: readonly string[]
}
