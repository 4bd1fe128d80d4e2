/**
 * A host with a thousand containers on several bridges and ten thousand
 * published ports, beside an empty one: what one more attach costs, and how much
 * memory tsnetd has by then.
 *
 * @module
 */
import type { DaemonStatus } from '../../../lib/daemon.ts'
import { intervalOf } from '../goals.ts'
import { summarize } from '../statistics.ts'
import { type Runner, startRunner } from '../yard.ts'
import type { Figure, Part, Yard } from './part.ts'

/** At once: more would only wait in line, and processes take memory. */
const atOnce = 50

export const crowd: Part = {
  about: 'one more attach on a host with 1,000 containers and 10,000 published ports',
  run: async (yard) => {
    const count = yard.quick ? 20 : 1000
    const rounds = yard.quick ? 3 : Math.max(yard.rounds, 60)
    const full = await startRunner(yard.lab, 'crowd', 'full')
    const empty = await startRunner(yard.lab, 'crowd', 'empty')
    await full.boxes(count + 2)
    await empty.boxes(atOnce + 2)
    await fill(yard, full, count)
    await warm(yard, empty, count)
    const { residentBytes } = await full.host.tsnetJson<DaemonStatus>('daemon', 'status')
    const times = await measure(
      yard,
      { full: { runner: full, next: count }, empty: { runner: empty, next: atOnce } },
      rounds,
    )
    await full.stop()
    await empty.stop()
    const ratio = summarize(times.full.map((ms, i) => ms / (times.empty[i] ?? Number.NaN)))
    const mb = residentBytes / 1024 / 1024
    return [
      ratioFigure(`attach beside ${count} containers with ${count * 10} ports / on the empty host`, ratio),
      { what: `the same, ms`, value: summarize(times.full).median, unit: 'ms' },
      { what: `memory of tsnetd after ${count} attaches`, value: mb, unit: 'MB', goal: { atMost: 120 } },
    ]
  },
}

function ratioFigure(what: string, ratio: ReturnType<typeof summarize>): Figure {
  return { what, value: ratio.median, unit: 'x', goal: { atMost: 1.2 }, note: intervalOf(ratio) }
}

async function fill(yard: Yard, full: Runner, count: number): Promise<void> {
  for (let first = 0; first < count; first += atOnce) {
    yard.tell(`crowd: ${first} of ${count} containers`)
    await full.attachTogether(first, Math.min(atOnce, count - first))
  }
}

/** As many attaches as the other daemon has behind it: V8 compiles what is hot as it goes. */
async function warm(yard: Yard, empty: Runner, count: number): Promise<void> {
  yard.tell(`crowd: ${count} attaches on the empty host, each taken back`)
  for (let done = 0; done < count; done += atOnce) {
    await empty.attachTogether(0, atOnce)
    await empty.detachTogether(0, atOnce)
  }
}

interface Racer {
  readonly runner: Runner
  /** The first of two sandboxes that are not attached. */
  readonly next: number
}

/** Pairs, each after one that does not count; who begins changes. */
async function measure(
  yard: Yard,
  racers: Readonly<Record<'full' | 'empty', Racer>>,
  rounds: number,
): Promise<Record<'full' | 'empty', number[]>> {
  const times = { full: [] as number[], empty: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    yard.tell(`crowd: round ${round + 1} of ${rounds}`)
    const order = round % 2 === 0 ? (['full', 'empty'] as const) : (['empty', 'full'] as const)
    for (const which of order) {
      const { runner, next } = racers[which]
      await runner.attach(next + 1)
      await runner.detach(next + 1)
      times[which].push((await runner.attach(next)).ms)
      await runner.detach(next)
    }
  }
  return times
}
