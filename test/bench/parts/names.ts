/**
 * The name server beside dnsmasq and Debian's aardvark-dns: answers, waits,
 * changes, memory, and whether any question is lost while containers come and go.
 *
 * One server's capacity is told as answers for each second of processor time:
 * dnsperf, on the other core, is the slower one of the two from about 290,000
 * answers a second on, and with more processes than two cores shared by all it
 * measures itself.
 *
 * @module
 */
import { cpus } from 'node:os'
import { needs } from '../../../netns-fixtures/requirements.ts'
import { intervalOf } from '../goals.ts'
import { churn } from '../names/churn.ts'
import { type Load, load, tailMs } from '../names/load.ts'
import { type Server, spreadOver, startServers, startTsnet } from '../names/servers.ts'
import { summarize } from '../statistics.ts'
import type { Figure, Goal, Part, Yard } from './part.ts'

const peers = ['tsnet', 'dnsmasq', 'aardvark', 'spread'] as const
type Loads = Readonly<Record<(typeof peers)[number], readonly Load[]>>

const titles: Readonly<Record<(typeof peers)[number], string>> = {
  tsnet: 'tsnet',
  dnsmasq: 'dnsmasq',
  aardvark: 'aardvark-dns of Debian',
  spread: `tsnet, ${cpus().length} processes`,
}

export const names: Part = {
  about: 'answers of the name server, beside dnsmasq and aardvark-dns',
  run: async (yard) => {
    needs('dnsperf', 'dnsmasq', 'aardvark')
    const host = await yard.lab.host('names')
    await startServers(host)
    const everywhere = `0-${cpus().length - 1}`
    await startTsnet(host, 'spread', { workers: cpus().length })
    await spreadOver(host, 'spread', everywhere)
    const seconds = yard.quick ? 1 : 2
    const rounds = yard.quick ? 2 : 7
    const loads: Record<(typeof peers)[number], Load[]> = { tsnet: [], dnsmasq: [], aardvark: [], spread: [] }
    for (let round = 0; round < rounds; round++) {
      yard.tell(`names: round ${round + 1} of ${rounds}`)
      for (const i of peers.keys()) {
        const server = peers[(i + round) % peers.length] ?? 'tsnet'
        const cores = server === 'spread' ? everywhere : '0'
        loads[server].push(await load(host, server, { seconds, cores }))
      }
    }
    const half = middle(loads.tsnet, 'perSecond') / 2
    const waits = await tailMs(host, 'tsnet', { perSecond: half, seconds })
    const changes = await changeFigures(yard)
    return [...answerFigures(loads), tailFigure(waits, half), ...changes, await churnFigure(yard)]
  },
}

const middle = (all: readonly Load[], key: keyof Load): number => summarize(all.map((one) => one[key])).median

const thousands = (count: number): string => `${Math.round(count / 1000)},000`

function answerFigures(loads: Loads): readonly Figure[] {
  const cores = cpus().length
  const told = peers.map((server) => ({
    what: `answers a second of processor time, ${titles[server]}`,
    value: Math.round(middle(loads[server], 'perCpuSecond')),
    unit: '/s',
    note: `dnsperf beside it saw ${thousands(middle(loads[server], 'perSecond'))}`,
  }))
  const ratio = (over: 'tsnet' | 'spread', under: Server, goal: Goal, times = 1): Figure => {
    const below = loads[under as 'dnsmasq']
    const each = loads[over].map(
      (own, i) => (times * own.perCpuSecond) / (below[i]?.perCpuSecond ?? Number.NaN),
    )
    const summary = summarize(each)
    const what = times === 1 ? 'one core' : `all ${cores} cores`
    return {
      what: `answers on ${what}, tsnet / ${titles[under as 'dnsmasq']}`,
      value: summary.median,
      unit: 'x',
      goal,
      note: intervalOf(summary),
    }
  }
  const lost = [...loads.tsnet, ...loads.spread].reduce((sum, one) => sum + one.lost, 0)
  return [
    ...told,
    ratio('tsnet', 'aardvark', { atLeast: 10 }),
    ratio('tsnet', 'dnsmasq', { atLeast: 0.8 }),
    // dnsmasq has one process, whatever the machine has.
    ratio('spread', 'dnsmasq', { atLeast: 1 }, cores),
    { what: 'answers lost under full load', value: lost, unit: '', goal: { atMost: 0 } },
  ]
}

function tailFigure(value: number, half: number): Figure {
  const note = `beside ${thousands(half)} questions a second`
  return { what: 'wait for an answer at half load, p99', value, unit: 'ms', goal: { atMost: 2 }, note }
}

async function changeFigures({ lab, quick }: Yard): Promise<readonly Figure[]> {
  const count = quick ? 1000 : 10_000
  const host = await lab.host('many')
  await host.sh('ip link add b0 type bridge && ip link set b0 up && ip addr add 10.99.0.5/16 dev b0')
  const { changesMs, residentMb } = await startTsnet(host, 'many', { names: count })
  const { median, p95 } = summarize(changesMs)
  return [
    {
      what: `one change beside ${count} names on 1,000 networks, p95`,
      value: p95,
      unit: 'ms',
      goal: { atMost: 5 },
      note: `median ${median.toFixed(2)}, longest ${Math.max(...changesMs).toFixed(2)} of ${changesMs.length}, over the control socket`,
    },
    {
      what: `memory of tsnet-dns with ${count} names`,
      value: residentMb[0] ?? Number.NaN,
      unit: 'MB',
      goal: { atMost: 90 },
    },
  ]
}

async function churnFigure({ lab, quick, tell }: Yard): Promise<Figure> {
  const count = quick ? 10 : 200
  tell(`names: ${count} containers come and go`)
  const { seconds, sent, lost } = await churn(lab, count)
  return {
    what: `questions lost while ${count} containers start and stop`,
    value: lost,
    unit: '',
    goal: { atMost: 0 },
    note: `${sent} asked over UDP and TCP at 5,000 a second each, in ${seconds.toFixed(0)} s`,
  }
}
