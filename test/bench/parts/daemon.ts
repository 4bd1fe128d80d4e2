/**
 * tsnetd itself: how soon a call is answered that has to start it first.
 *
 * @module
 */
import { intervalOf } from '../goals.ts'
import { summarize } from '../statistics.ts'
import { startRunner } from '../yard.ts'
import type { Part } from './part.ts'

export const daemon: Part = {
  about: 'a call that has to start tsnetd first',
  run: async ({ lab, rounds }) => {
    const runner = await startRunner(lab, 'first-call', 'daemon')
    await runner.boxes(1)
    const samples: number[] = []
    for (let round = 0; round < rounds + 1; round++) {
      const { ms } = await runner.attach(0)
      if (round > 0) samples.push(ms)
      await runner.detach(0)
    }
    await runner.stop()
    const summary = summarize(samples)
    return [
      {
        what: 'start of tsnetd to its first answer',
        value: summary.median,
        unit: 'ms',
        goal: { atMost: 250 },
        note: intervalOf(summary),
      },
    ]
  },
}
