/**
 * A line each.
 *
 * @module
 */

export function asLines(words: readonly string[]): string {
  return words.map((word) => `${word}\n`).join('')
}
