/**
 * What the project wants of the rounds in which contenders attach and detach
 * one container, on an idle machine with two cores.
 *
 * @module
 */
import { type ContenderName, contenders } from './contenders/all.ts'
import type { Series } from './pairs.ts'
import type { Figure } from './parts/part.ts'
import { type Summary, summarize } from './statistics.ts'

export type Operation = 'attach' | 'detach'

interface Goal {
  readonly operation: Operation
  readonly ours: ContenderName
  /** Ratio to this one, round by round; absent: milliseconds. */
  readonly peer?: ContenderName
  /** Default: the median. */
  readonly p95?: true
  /** Absent: told, and not judged. */
  readonly atMost?: number
  /** Instead of `atMost` beside {@link many} other containers. */
  readonly atMostBesideMany?: number
}

/** So many others, and the reference chain takes more than twice its time: it walks everybody's rules. */
const many = 100

type Bounds = Readonly<Record<Operation, number>>

function both(
  ours: ContenderName,
  peer: ContenderName,
  atMost: Bounds,
  besideMany = atMost,
): readonly Goal[] {
  return (['attach', 'detach'] as const).map((operation) => ({
    operation,
    ours,
    peer,
    atMost: atMost[operation],
    atMostBesideMany: besideMany[operation],
  }))
}

const goals: readonly Goal[] = [
  { operation: 'attach', ours: 'library-nftables', peer: 'kernel', atMost: 3 },
  { operation: 'detach', ours: 'library-nftables', peer: 'kernel', atMost: 1.3 },
  { operation: 'attach', ours: 'launcher-plugin', atMost: 3 },
  { operation: 'attach', ours: 'launcher-plugin', p95: true, atMost: 8 },
  { operation: 'attach', ours: 'launcher-plugin', peer: 'cni', atMost: 1 / 20 },
  { operation: 'detach', ours: 'launcher-plugin', peer: 'kernel', atMost: 1.3 },
  { operation: 'attach', ours: 'launcher-command' },
  { operation: 'attach', ours: 'launcher-command', p95: true },
  { operation: 'attach', ours: 'launcher-hook', atMost: 5 },
  { operation: 'attach', ours: 'launcher-hook', p95: true },
  { operation: 'attach', ours: 'launcher-plugin-iptables', peer: 'cni', atMost: 1 / 6 },
  { operation: 'detach', ours: 'launcher-plugin-iptables', peer: 'cni' },
  { operation: 'attach', ours: 'launcher-chain', peer: 'cni' },
  { operation: 'detach', ours: 'launcher-chain', peer: 'cni' },
  ...both('podman-nftables', 'netavark', { attach: 1 / 12, detach: 1 / 6 }),
  ...both('podman-iptables', 'netavark', { attach: 1 / 3, detach: 1 / 6 }),
  ...both('podman-dns', 'netavark-dns', { attach: 1 / 12, detach: 1 / 6 }),
  ...both('command-nftables', 'cni', { attach: 1, detach: 0.5 }),
  ...both('plugin', 'cni', { attach: 1, detach: 0.5 }, { attach: 0.5, detach: 0.5 }),
  ...both('plugin-iptables', 'cni', { attach: 1, detach: 0.5 }, { attach: 0.5, detach: 0.5 }),
  { operation: 'attach', ours: 'command-iptables', peer: 'cni' },
  { operation: 'detach', ours: 'command-iptables', peer: 'cni' },
]

/** Processes one attach may start. */
const mostProcesses: Readonly<Partial<Record<ContenderName, number>>> = {
  'library-nftables': 0,
  'library-iptables': 3,
}

/** Judges the series, as far as they were measured. */
export function figuresOf(series: readonly Series[]): readonly Figure[] {
  const counts = [...new Set(series.map(({ others }) => others))]
  return [
    ...counts.flatMap((others) =>
      goals.flatMap((goal) =>
        figureOf(
          goal,
          others,
          series.filter((one) => one.others === others),
        ),
      ),
    ),
    ...series.flatMap(processesOf),
  ]
}

function figureOf(goal: Goal, others: number, series: readonly Series[]): readonly Figure[] {
  const find = (name: ContenderName): Series | undefined => series.find((one) => one.name === name)
  const [ours, peer] = [find(goal.ours), goal.peer === undefined ? undefined : find(goal.peer)]
  if (ours === undefined || (goal.peer !== undefined && peer === undefined)) return []
  const atMost = others >= many ? (goal.atMostBesideMany ?? goal.atMost) : goal.atMost
  const samples = ours[goal.operation]
  const summary = summarize(
    samples.map((ms, i) => (peer === undefined ? ms : ms / (peer[goal.operation][i] ?? Number.NaN))),
  )
  const beside = others === 0 ? '' : `, beside ${others}`
  const against = peer === undefined ? '' : ` / ${contenders[peer.name].about}`
  return [
    {
      what: `${goal.operation}, ${contenders[ours.name].about}${against}${beside}${goal.p95 === true ? ', p95' : ''}`,
      value: goal.p95 === true ? summary.p95 : summary.median,
      unit: peer === undefined ? 'ms' : 'x',
      ...(atMost === undefined ? {} : { goal: { atMost } }),
      note: intervalOf(summary),
    },
  ]
}

function processesOf({ name, others, processes }: Series): readonly Figure[] {
  const atMost = mostProcesses[name]
  if (atMost === undefined || processes === undefined) return []
  const what = `processes of one attach, ${contenders[name].about}${others === 0 ? '' : `, beside ${others}`}`
  return [{ what, value: processes, unit: '', goal: { atMost } }]
}

export function intervalOf({ low, high, count }: Summary): string {
  return `95 %: ${low.toFixed(2)} - ${high.toFixed(2)}, ${count} samples`
}
