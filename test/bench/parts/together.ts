/**
 * A hundred containers that come at the same time, and go at the same time.
 *
 * @module
 */
import type { ContenderName } from '../contenders/all.ts'
import { intervalOf } from '../goals.ts'
import { summarize } from '../statistics.ts'
import { type Runner, startRunner } from '../yard.ts'
import type { Figure, Goal, Part, Yard } from './part.ts'

interface Crowd {
  readonly name: ContenderName
  readonly attach?: Goal
  readonly detach?: Goal
}

const crowds: readonly Crowd[] = [
  { name: 'launcher-plugin', attach: { atLeast: 150 }, detach: { atMost: 300 } },
  { name: 'launcher-plugin-iptables' },
  { name: 'library-nftables' },
]

export const together: Part = {
  about: 'a hundred attaches at once, then a hundred detaches at once',
  run: async (yard) => {
    const count = yard.quick ? 5 : 100
    const rounds = yard.quick ? 1 : Math.min(yard.rounds, 7)
    const runners = new Map<Crowd, Runner>()
    for (const crowd of crowds) {
      const runner = await startRunner(yard.lab, crowd.name, 'together')
      await runner.boxes(count)
      // Starts the daemon, and makes what all share.
      await runner.attach(0)
      await runner.detach(0)
      runners.set(crowd, runner)
    }
    const figures = await measure(yard, runners, { count, rounds })
    for (const runner of runners.values()) await runner.stop()
    return figures
  },
}

async function measure(
  yard: Yard,
  runners: ReadonlyMap<Crowd, Runner>,
  { count, rounds }: { readonly count: number; readonly rounds: number },
): Promise<readonly Figure[]> {
  const samples = new Map(
    [...runners.keys()].map((crowd) => [crowd, { attach: [] as number[], detach: [] as number[] }]),
  )
  for (let round = 0; round < rounds; round++) {
    yard.tell(`together: round ${round + 1} of ${rounds}`)
    for (const [crowd, runner] of runners) {
      samples.get(crowd)?.attach.push((await runner.attachTogether(0, count)).ms)
      samples.get(crowd)?.detach.push((await runner.detachTogether(0, count)).ms)
    }
  }
  return [...samples].flatMap(([{ name, attach: attachGoal, detach: detachGoal }, { attach, detach }]) => {
    const [perSecond, ms] = [summarize(attach.map((one) => (count / one) * 1000)), summarize(detach)]
    return [
      {
        what: `${count} attaches at once, ${name}`,
        value: perSecond.median,
        unit: '/s',
        ...(attachGoal === undefined ? {} : { goal: attachGoal }),
        note: intervalOf(perSecond),
      },
      {
        what: `${count} detaches at once, ${name}`,
        value: ms.median,
        unit: 'ms',
        ...(detachGoal === undefined ? {} : { goal: detachGoal }),
        note: intervalOf(ms),
      },
    ]
  })
}
