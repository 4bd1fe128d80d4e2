/**
 * Publishing 50,000 UDP ports at once: what it takes more than a set-up without
 * ports, and whether memory grows by it.
 *
 * @module
 */
import type { DaemonStatus } from '../../../lib/daemon.ts'
import { intervalOf } from '../goals.ts'
import { summarize } from '../statistics.ts'
import { startRunner } from '../yard.ts'
import type { Part } from './part.ts'

export const range: Part = {
  about: 'publishing 50,000 UDP ports at once',
  run: async ({ lab, rounds, tell }) => {
    const runner = await startRunner(lab, 'range', 'range')
    await runner.boxes(2)
    const memory = async (): Promise<number> =>
      (await runner.host.tsnetJson<DaemonStatus>('daemon', 'status')).residentBytes / 1024 / 1024
    const times: number[] = []
    let before = 0
    for (let round = 0; round < rounds + 10; round++) {
      tell(`range: round ${round + 1} of ${rounds + 10}`)
      const { ms } = await runner.attach(0)
      await runner.detach(0)
      // The first ten are for the compiler of V8.
      if (round === 9) before = await memory()
      if (round > 9) times.push(ms)
    }
    const growth = (await memory()) - before
    await runner.stop()
    const summary = summarize(times)
    return [
      {
        what: 'attach with a range of 50,000 UDP ports',
        value: summary.median,
        unit: 'ms',
        goal: { atMost: 10 },
        note: intervalOf(summary),
      },
      {
        what: `growth of tsnetd's memory by ${rounds} of them`,
        value: growth,
        unit: 'MB',
        goal: { atMost: 5 },
        note: `from ${before.toFixed(1)} MB`,
      },
    ]
  },
}
