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

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}
