/**
 * Packets through one published port, with 10,000 ports published on that host
 * and with that one alone: new connections, and the stream of one.
 *
 * @module
 */
import type { Host } from '../../../netns-fixtures/host.ts'
import type { Lab } from '../../../netns-fixtures/lab.ts'
import { intervalOf } from '../goals.ts'
import { summarize } from '../statistics.ts'
import { compilePackets, folders } from '../yard.ts'
import type { Figure, Part, Yard } from './part.ts'

const program = `${folders.scratch}/packets`
const asked = 8080
/** A range that is shifted is as many single ports: map elements of nftables. */
const many = '10000-19999:20000-29999'
/** A difference of so much at most, either way. */
const tolerance = 0.05

export const packets: Part = {
  about: 'packets through a published port, with 10,000 ports published and with one',
  run: async (yard) => {
    compilePackets()
    const yards = {
      one: await prepare(yard.lab, 'one', []),
      many: await prepare(yard.lab, 'many', ['-p', many]),
    }
    const samples = await measure(yard, yards)
    const figure = (what: string, ratios: readonly number[]): Figure => {
      const summary = summarize(ratios)
      const difference = Math.abs(summary.median - 1) * 100
      return {
        what: `${what} with 10,000 ports, difference to one port`,
        value: difference,
        unit: '%',
        goal: { atMost: tolerance * 100 },
        note: `ratio ${summary.median.toFixed(3)}, ${intervalOf(summary)}`,
      }
    }
    const ratios = (which: 0 | 1): readonly number[] =>
      samples.many.map((pair, i) => pair[which] / (samples.one[i]?.[which] ?? Number.NaN))
    return [
      figure('new connections', ratios(0)),
      figure('throughput', ratios(1)),
      { what: 'a new connection and a byte each way', value: middle(samples.one, 0) / 1000, unit: 'ms' },
      { what: 'one connection', value: middle(samples.one, 1), unit: 'MB/s' },
    ]
  },
}

type Pair = readonly [latencyUs: number, throughputMb: number]

const middle = (pairs: readonly Pair[], which: 0 | 1): number =>
  summarize(pairs.map((pair) => pair[which])).median

interface Place {
  readonly address: string
  readonly outside: Host
}

/** A host with a container that serves, and an outside that asks. */
async function prepare(lab: Lab, name: string, ports: readonly string[]): Promise<Place> {
  const [host, outside] = [await lab.host(name), await lab.host(`outside-${name}`)]
  await lab.wire(host, outside, '198.51.100.0/24', { defaultRoute: 'first' })
  const box = await lab.container(host)
  const flags = ['--id', 'server', '--firewall', 'nftables', '-p', `${asked}:80`, ...ports]
  await host.tsnet('setup', '--netns', box.netns, ...flags, { timeoutMs: 60_000 })
  await box.start([program, 'serve', '80']).waitFor('serving')
  return { address: '198.51.100.1', outside }
}

async function measure(
  yard: Yard,
  places: Readonly<Record<'one' | 'many', Place>>,
): Promise<Record<'one' | 'many', Pair[]>> {
  const rounds = yard.quick ? 3 : Math.max(yard.rounds, 20)
  const [connections, milliseconds] = yard.quick ? ['50', '50'] : ['400', '300']
  const samples: Record<'one' | 'many', Pair[]> = { one: [], many: [] }
  for (let round = 0; round < rounds; round++) {
    yard.tell(`packets: pair ${round + 1} of ${rounds}`)
    for (const which of round % 2 === 0 ? (['one', 'many'] as const) : (['many', 'one'] as const)) {
      const { address, outside } = places[which]
      const argv = [program, 'ask', address, `${asked}`, `${connections}`, `${milliseconds}`]
      const { stdout } = await outside.run(argv, { timeoutMs: 60_000 })
      const [latency = Number.NaN, throughput = Number.NaN] = stdout.split(' ').map(Number)
      samples[which].push([latency, throughput])
    }
  }
  return samples
}
