/**
 * What a part of the benchmark is: it measures something in throwaway hosts of
 * its own and says what came out, beside what is wanted.
 *
 * @module
 */
import type { Lab } from '../../../netns-fixtures/lab.ts'

export type Goal = { readonly atMost: number } | { readonly atLeast: number }

/** One line of the table of goals. */
export interface Figure {
  readonly what: string
  readonly value: number
  /** `ms`, `MB`, `/s`, `x` (a ratio), `%`; empty for a count. */
  readonly unit: string
  /** Absent: told, and not judged. */
  readonly goal?: Goal
  /** How it came about: samples, an interval, what it was compared with. */
  readonly note?: string
}

export interface Yard {
  readonly lab: Lab
  /** CI's smoke: does it run, not how fast. */
  readonly quick: boolean
  /** Rounds that are measured, unless the part needs a number of its own. */
  readonly rounds: number
  tell(text: string): void
}

export interface Part {
  readonly about: string
  run(yard: Yard): Promise<readonly Figure[]>
}

export function isMet({ value, goal }: Figure): boolean | undefined {
  if (goal === undefined) return undefined
  return 'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast
}
