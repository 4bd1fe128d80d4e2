/**
 * Publishing 50,000 UDP ports at once: what it takes, and whether memory grows by
 * it more than by as many single ports.
 *
 * @module
 */
import type { DaemonStatus } from '../../../lib/daemon.ts'
import { intervalOf } from '../goals.ts'
import { summarize } from '../statistics.ts'
import { type Runner, startRunner } from '../yard.ts'
import type { Part } from './part.ts'

export const range: Part = {
  about: 'publishing 50,000 UDP ports at once',
  run: async ({ lab, rounds, tell }) => {
    const runners = {
      range: await startRunner(lab, 'range', 'range'),
      // The heap of V8 grows with whatever is done, so it is compared with that of the same work.
      single: await startRunner(lab, 'crowd', 'single'),
    }
    const times: number[] = []
    for (const runner of Object.values(runners)) await runner.boxes(1)
    for (let round = 0; round < rounds + 10; round++) {
      tell(`range: round ${round + 1} of ${rounds + 10}`)
      for (const [what, runner] of Object.entries(runners)) {
        const { ms } = await runner.attach(0)
        await runner.detach(0)
        // The first ten are for the compiler of V8.
        if (what === 'range' && round > 9) times.push(ms)
      }
    }
    const [mb, peerMb] = [await memoryOf(runners.range), await memoryOf(runners.single)]
    for (const runner of Object.values(runners)) await runner.stop()
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
        what: `memory of tsnetd by ${rounds + 10} of them, more than by as many single ports`,
        value: mb - peerMb,
        unit: 'MB',
        goal: { atMost: 5 },
        note: `${mb.toFixed(1)} and ${peerMb.toFixed(1)} MB`,
      },
    ]
  },
}

async function memoryOf({ host }: Runner): Promise<number> {
  return (await host.tsnetJson<DaemonStatus>('daemon', 'status')).residentBytes / 1024 / 1024
}
