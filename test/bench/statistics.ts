/**
 * Figures that can be trusted on a machine that has other things to do: medians,
 * and how far they may be off.
 *
 * @module
 */

/** All in the unit of the samples. */
export interface Summary {
  readonly median: number
  /** Of the median, at 95 %: by ranks of the samples, so no distribution is assumed. */
  readonly low: number
  readonly high: number
  readonly p25: number
  readonly p95: number
  readonly min: number
  readonly count: number
}

/** @param samples at least one */
export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b)
  const [low, high] = medianRanks(sorted.length)
  const at = (rank: number): number => sorted[Math.min(Math.max(rank, 0), sorted.length - 1)] as number
  return {
    median: quantile(sorted, 0.5),
    low: at(low),
    high: at(high),
    p25: quantile(sorted, 0.25),
    p95: quantile(sorted, 0.95),
    min: at(0),
    count: sorted.length,
  }
}

/** Between the two nearest samples where there is none. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1)
  const below = sorted[Math.floor(place)] as number
  const above = sorted[Math.ceil(place)] as number
  return below + (above - below) * (place - Math.floor(place))
}

/**
 * Ranks, from 0, of the samples between which the true median lies in 95 of 100
 * cases: how many of n samples are below it is binomial with 1/2. With fewer
 * than six samples even the smallest and the largest are too close.
 */
function medianRanks(count: number): readonly [low: number, high: number] {
  let below = 0.5 ** count
  let probability = below
  let rank = 0
  while (probability <= 0.025) {
    rank++
    below *= (count - rank + 1) / rank
    probability += below
  }
  const low = Math.max(rank - 1, 0)
  return [low, count - 1 - low]
}
