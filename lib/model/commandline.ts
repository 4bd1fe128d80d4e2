/**
 * Argument vectors as a person would type them into a shell.
 *
 * Programs are started with the vectors themselves; these texts are for reading
 * and pasting only.
 *
 * @module
 */

/** A program and its arguments. */
export type ArgumentVector = readonly [string, ...string[]]

/** Safe in any shell; bare where that needs no quotes. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** What a shell reads as that vector. */
export function shellLine(argv: readonly string[]): string {
  return argv.map(shellWord).join(' ')
}
