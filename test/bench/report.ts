/**
 * From samples to tables for people and one JSON document for machines.
 *
 * @module
 */
import { cpus, release } from 'node:os'
import { type ContenderName, contenders } from './contenders/all.ts'
import type { StartSamples } from './startup.ts'
import { type Summary, summarize } from './statistics.ts'

/** One contender beside so many containers that are there already; sample i of all was taken in round i. */
export interface Series {
  readonly name: ContenderName
  readonly others: number
  readonly attachMs: readonly number[]
  readonly detachMs: readonly number[]
  /** Most that one attach has started; undefined where the contender cannot tell. */
  readonly processes: number | undefined
}

export interface Measured {
  readonly series: readonly Series[]
  readonly start: StartSamples
  /** By backend. */
  readonly memoryMb: Readonly<Record<string, number>>
}

type Operation = 'attach' | 'detach'

/** What the project wants to reach on an idle machine. */
interface Goal {
  readonly operation: Operation
  readonly ours: ContenderName
  readonly peer: ContenderName
  readonly atMost: number | undefined
  /** Holds only beside at least so many other containers. */
  readonly others?: number
}

const goals: readonly Goal[] = [
  { operation: 'attach', ours: 'library-nftables', peer: 'kernel', atMost: 3 },
  { operation: 'detach', ours: 'library-nftables', peer: 'kernel', atMost: undefined },
  { operation: 'attach', ours: 'command-nftables', peer: 'cni', atMost: 1 },
  { operation: 'detach', ours: 'command-nftables', peer: 'cni', atMost: 0.5 },
  { operation: 'attach', ours: 'plugin', peer: 'cni', atMost: 1 },
  { operation: 'detach', ours: 'plugin', peer: 'cni', atMost: 0.5 },
  { operation: 'attach', ours: 'plugin', peer: 'cni', atMost: 0.5, others: 100 },
  { operation: 'attach', ours: 'launcher-plugin', peer: 'cni', atMost: 1 / 20 },
  { operation: 'detach', ours: 'launcher-plugin', peer: 'kernel', atMost: 1.3 },
  { operation: 'attach', ours: 'podman-nftables', peer: 'netavark', atMost: 1 / 12 },
  { operation: 'detach', ours: 'podman-nftables', peer: 'netavark', atMost: 1 / 6 },
  { operation: 'attach', ours: 'podman-iptables', peer: 'netavark', atMost: 1 / 3 },
  { operation: 'detach', ours: 'podman-iptables', peer: 'netavark', atMost: 1 / 6 },
  { operation: 'attach', ours: 'podman-dns', peer: 'netavark-dns', atMost: 1 / 12 },
  { operation: 'detach', ours: 'podman-dns', peer: 'netavark-dns', atMost: 1 / 6 },
  { operation: 'attach', ours: 'command-iptables', peer: 'cni', atMost: undefined },
  { operation: 'detach', ours: 'command-iptables', peer: 'cni', atMost: undefined },
  { operation: 'attach', ours: 'command-iptables', peer: 'netavark', atMost: undefined },
  { operation: 'detach', ours: 'command-iptables', peer: 'netavark', atMost: undefined },
]
const mostProcesses: Readonly<Partial<Record<ContenderName, number>>> = {
  'library-nftables': 0,
  'library-iptables': 3,
}
const memoryLimitMb = 90
const startLimitMs = 25

function samplesOf(series: Series, operation: Operation): readonly number[] {
  return operation === 'attach' ? series.attachMs : series.detachMs
}

export interface Ratio extends Goal {
  /** Containers that were there already. */
  readonly others: number
  readonly ratio: Summary
}

/** Ours divided by the peer's, round by round. */
export function ratiosOf(series: readonly Series[]): readonly Ratio[] {
  return [...new Set(series.map(({ others }) => others))].flatMap((others) =>
    goals.flatMap((goal): readonly Ratio[] => {
      const find = (name: ContenderName): Series | undefined =>
        series.find((one) => one.name === name && one.others === others)
      const [ours, peer] = [find(goal.ours), find(goal.peer)]
      if (ours === undefined || peer === undefined || others < (goal.others ?? 0)) return []
      const below = samplesOf(peer, goal.operation)
      const ratio = summarize(samplesOf(ours, goal.operation).map((ms, i) => ms / (below[i] ?? Number.NaN)))
      return [{ ...goal, others, ratio }]
    }),
  )
}

export function machine(): Readonly<Record<string, string | number>> {
  const [processor] = cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    processors: `${cpus().length} x ${processor?.model.trim() ?? 'unknown'}`,
    kernel: release(),
    node: process.versions.node,
  }
}

export function renderReport({ series, start, memoryMb }: Measured): string {
  const sections = [
    Object.entries(machine())
      .map(([key, value]) => `${key} ${value}`)
      .join(', '),
    table(
      ['', 'others', 'operation', 'median ms', '95 % interval', 'p25', 'p95', 'min', 'processes'],
      series.flatMap((one) => (['attach', 'detach'] as const).map((operation) => rowOf(one, operation))),
    ),
    table(
      ['ratio', 'others', 'operation', 'median', '95 % interval', 'goal', ''],
      ratiosOf(series).map(ratioRow),
    ),
    table(['', 'median', 'goal', ''], singles({ series, start, memoryMb })),
  ]
  return `${sections.join('\n\n')}\n`
}

const fixed = (value: number): string => value.toFixed(value < 10 ? 2 : 1)

function rowOf(one: Series, operation: Operation): readonly string[] {
  const { median, low, high, p25, p95, min } = summarize(samplesOf(one, operation))
  const started = operation === 'attach' && one.processes !== undefined ? String(one.processes) : ''
  return [
    contenders[one.name].about,
    String(one.others),
    operation,
    fixed(median),
    `${fixed(low)} - ${fixed(high)}`,
    fixed(p25),
    fixed(p95),
    fixed(min),
    started,
  ]
}

function ratioRow({ ours, peer, others, operation, ratio, atMost }: Ratio): readonly string[] {
  return [
    `${contenders[ours].about} / ${contenders[peer].about}`,
    String(others),
    operation,
    ratio.median.toFixed(2),
    `${ratio.low.toFixed(2)} - ${ratio.high.toFixed(2)}`,
    atMost === undefined ? '' : `at most ${Number(atMost.toFixed(2))}`,
    verdict(ratio.median, atMost),
  ]
}

function singles({ series, start, memoryMb }: Measured): readonly (readonly string[])[] {
  const [bare, version] = [summarize(start.node).median, summarize(start.version).median]
  const extra = summarize(start.version.map((ms, i) => ms - (start.node[i] ?? Number.NaN))).median
  return [
    ['starting any process', `${fixed(summarize(start.process).median)} ms`, '', ''],
    ['node with an empty file', `${fixed(bare)} ms`, '', ''],
    ['tsnet version', `${fixed(version)} ms`, '', ''],
    ['of which tsnet', `${fixed(extra)} ms`, `at most ${startLimitMs} ms`, verdict(extra, startLimitMs)],
    ...Object.entries(memoryMb).map(([firewall, mb]) => [
      `memory of tsnet setup, ${firewall}`,
      `${fixed(mb)} MB`,
      `at most ${memoryLimitMb} MB`,
      verdict(mb, memoryLimitMb),
    ]),
    ...series.flatMap(({ name, others, processes }) => {
      const atMost = mostProcesses[name]
      if (atMost === undefined || processes === undefined) return []
      const label = `processes of one attach, ${contenders[name].about}, ${others} others`
      return [[label, String(processes), `at most ${atMost}`, verdict(processes, atMost)]]
    }),
  ]
}

function verdict(value: number, atMost: number | undefined): string {
  if (atMost === undefined) return ''
  return value <= atMost ? 'reached' : 'missed'
}

/** The first column to the left, the others to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    widths
      .map((width, i) => (i === 0 ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width)))
      .join('  ')
      .trimEnd()
  return [head, ...rows].map(line).join('\n')
}
