/**
 * The figures of `npm run bench`.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { summarize } from '../../bench/statistics.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

describe('the summary of samples', () => {
  it('does not depend on their order', () => {
    expect(summarize([3, 1, 2])).toEqual(summarize([1, 2, 3]))
  })

  it('has median and percentiles, between two samples where there is none', () => {
    expect(summarize(upTo(21))).toMatchObject({ median: 11, p25: 6, p95: 20, min: 1, count: 21 })
    expect(summarize([1, 2])).toMatchObject({ median: 1.5 })
  })

  it('says how far the median may be off, by the ranks of the sign test', () => {
    // Tables of the sign test: 6th of 20, 8th of 25, 1st of 6.
    expect(summarize(upTo(20))).toMatchObject({ low: 6, high: 15 })
    expect(summarize(upTo(25))).toMatchObject({ low: 8, high: 18 })
    expect(summarize(upTo(6))).toMatchObject({ low: 1, high: 6 })
  })

  it('takes the smallest and the largest where samples are too few for an interval', () => {
    expect(summarize(upTo(3))).toMatchObject({ low: 1, high: 3 })
    expect(summarize([5])).toEqual({ median: 5, low: 5, high: 5, p25: 5, p95: 5, min: 5, count: 1 })
  })
})
