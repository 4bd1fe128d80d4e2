/**
 * "Did you mean": the known word closest to a mistyped one.
 *
 * @module
 */

/** @returns a hint that names the nearest of `known`, undefined where none is near */
export function nearest(word: string, known: readonly string[]): string | undefined {
  // Words of people are short; a longer one is not a typing mistake, and distances cost its square.
  if (word.length > 40) return undefined
  const lower = word.toLowerCase()
  const limit = Math.max(1, Math.floor(lower.length / 3))
  const [best] = known
    .map((candidate) => ({ candidate, distance: distance(lower, candidate.toLowerCase()) }))
    .filter((entry) => entry.distance <= limit)
    .sort((a, b) => a.distance - b.distance)
  return best === undefined ? undefined : `did you mean "${best.candidate}"?`
}

/** How many characters must be added, dropped or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, changed))
    }
    row = next
  }
  return row[b.length] ?? 0
}
