/**
 * Debian's dockerd: a container joins and leaves a network of Docker's own bridge
 * driver and one of ours, and how long our driver takes for each call.
 *
 * @module
 */
import { createLab } from '../../../netns-fixtures/lab.ts'
import { needs } from '../../../netns-fixtures/requirements.ts'
import { intervalOf } from '../goals.ts'
import { summarize } from '../statistics.ts'
import { folders } from '../yard.ts'
import type { Figure, Part } from './part.ts'

const mostRounds = 60
const limitMs = 240_000
const shareLimitMs = 5

export const docker: Part = {
  about: 'docker network connect and disconnect, beside the bridge driver of Docker',
  run: async ({ quick, rounds, tell }) => {
    needs('docker', 'curl')
    await using lab = await createLab()
    const host = await lab.host('docker')
    tell('docker: dockerd starts')
    const count = quick ? 3 : Math.max(rounds, mostRounds)
    const { stdout } = await host.run(
      ['unshare', '-mp', '--fork', '--mount-proc', 'sh', `${folders.root}/test/bench/docker.sh`],
      {
        env: {
          TSNET: `${folders.root}/dist`,
          SCRIPTS: `${folders.root}/test/netns/engines`,
          ROUNDS: String(count),
        },
        timeoutMs: limitMs,
      },
    )
    const lines = stdout.trim().split('\n')
    return [...ratios(lines), ...shares(lines)]
  },
}

function ratios(lines: readonly string[]): readonly Figure[] {
  const times = (network: string): readonly (readonly [number, number])[] =>
    lines
      .filter((line) => line.startsWith(`${network} `))
      .map((line) => line.split(' ').map((word) => Number(word) * 1000))
      .map(([, connect = Number.NaN, disconnect = Number.NaN]) => [connect, disconnect])
  const [ours, theirs] = [times('ours'), times('theirs')]
  const ratio = (what: string, of: (pair: readonly [number, number]) => number, isGoal: boolean): Figure => {
    const summary = summarize(ours.map((pair, i) => of(pair) / of(theirs[i] ?? [Number.NaN, Number.NaN])))
    const [own, other] = [ours, theirs].map((pairs) => summarize(pairs.map(of)).median.toFixed(1))
    return {
      what: `docker network ${what} / the bridge driver of Docker`,
      value: summary.median,
      unit: 'x',
      ...(isGoal ? { goal: { atMost: 1 } } : {}),
      note: `${own} / ${other} ms; ${intervalOf(summary)}`,
    }
  }
  return [
    ratio('connect + disconnect', ([connect, disconnect]) => connect + disconnect, true),
    ratio('connect', ([connect]) => connect, false),
    ratio('disconnect', ([, disconnect]) => disconnect, false),
  ]
}

/** By call, as the daemon's log has them. */
function shares(lines: readonly string[]): readonly Figure[] {
  const calls = new Map<string, number[]>()
  for (const line of lines.filter((one) => one.startsWith('{'))) {
    const { text, ms } = JSON.parse(line) as { readonly text: string; readonly ms: number }
    const name = text.replace('docker NetworkDriver.', '')
    calls.set(name, [...(calls.get(name) ?? []), ms])
  }
  return ['CreateEndpoint', 'Join', 'Leave', 'DeleteEndpoint'].map((name) => {
    const summary = summarize(calls.get(name) ?? [])
    return {
      what: `our share of ${name}, p95`,
      value: summary.p95,
      unit: 'ms',
      goal: { atMost: shareLimitMs },
      note: intervalOf(summary),
    }
  })
}
