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

/** How many characters must be added, dropped, changed or swapped with the next (optimal string alignment). */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const changed = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : changed
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, changed, swapped))
    }
  }
  return at(a.length, b.length)
}
