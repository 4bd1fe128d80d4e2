/**
 * How large the suites about faults are: a short form in every `npm test`, the
 * whole by `npm run test:chaos`, which sets TSNET_CHAOS=whole.
 *
 * @module
 */
import { appendFileSync } from 'node:fs'

export const whole: boolean = process.env['TSNET_CHAOS'] === 'whole'

/** How many of something: a few, or as many as the whole has. */
export function size(short: number, all: number): number {
  return whole ? all : short
}

/** At most `count` of them, from everywhere in the list, the first and the last among them. */
export function spread<T>(list: readonly T[], count: number): readonly T[] {
  if (count >= list.length) return list
  const step = (list.length - 1) / Math.max(1, count - 1)
  return Array.from({ length: count }, (_, i) => list[Math.round(i * step)] as T)
}

/** What the whole has found, one line for each suite, for test/README.md. */
export function figure(text: string): void {
  const file = process.env['TSNET_CHAOS_FIGURES']
  if (file !== undefined) appendFileSync(file, `${text}\n`)
}

/** The whole in pieces: `TSNET_CHAOS_PART=2/5` is the second fifth of what there is to try, from everywhere in the list. */
export function part<T>(list: readonly T[]): readonly T[] {
  const [nth = 1, of = 1] = (process.env['TSNET_CHAOS_PART'] ?? '1/1').split('/').map(Number)
  return list.filter((_, i) => i % of === nth - 1)
}
