/**
 * The comparison as a table: a row for each question, a column for each
 * contender.
 *
 * @module
 */
import { type ContenderName, contenderNames, contenders } from './contenders.ts'
import { failing, forgotten, killed, type Tally } from './faults.ts'
import { crowd, flushed, smallPool } from './life.ts'

export interface Extent {
  /** System calls that are spoiled, of each contender in each way. */
  readonly calls: number
  readonly together: number
  readonly pool: number
  /** How long rules are waited for. */
  readonly flushMs: number
  readonly tell: (line: string) => void
  /** Only rows of questions whose first has this in it. */
  readonly row?: string
  /** Tell what was left after each call. */
  readonly verbose?: boolean
}

export interface Row {
  readonly what: string
  readonly cells: Readonly<Record<ContenderName, string>>
}

type Question = (name: ContenderName) => Promise<readonly string[]>

const listed = ({ kinds }: Tally): string => {
  const all = [...kinds].sort(([one], [other]) => (one < other ? -1 : 1))
  return all.length === 0 ? '' : `: ${all.map(([kind, times]) => `${kind} ${times}`).join(', ')}`
}
const dirty = (tally: Tally): string => `${tally.dirty} of ${tally.met}${listed(tally)}`

/** Several rows at once, where one run answers several questions. */
function questions({
  calls,
  together,
  pool,
  flushMs,
  tell,
  verbose,
}: Extent): readonly [readonly string[], Question][] {
  const closer = verbose === true ? tell : () => undefined
  return [
    [
      ['killed, then taken down: something is left'],
      async (name) => [dirty(await killed(name, calls, closer))],
    ],
    [
      ['killed and forgotten: something is left', 'the same: its port does not lead to the next container'],
      async (name) => {
        const tally = await forgotten(name, calls, closer)
        return [dirty(tally), `${tally.broken} of ${tally.met}`]
      },
    ],
    [
      [
        'a failing call, then taken down: something is left',
        'the same: said to be done, and is not',
        'the same: did not end in 20 s',
      ],
      async (name) => {
        const tally = await failing(name, calls, closer)
        return [dirty(tally), `${tally.broken} of ${tally.met}`, `${tally.hung} of ${tally.met}`]
      },
    ],
    [
      [
        `${together} at once: failed set-ups and teardowns`,
        'the same: left behind',
        'the same: seconds for both',
      ],
      async (name) => {
        const { failedSetups, failedTeardowns, left, seconds, why } = await crowd(name, together)
        if (why !== '') closer(`${name}, ${together} at once: ${why}`)
        const times = [seconds.setup, seconds.teardown].map((one) => one.toFixed(1)).join(' and ')
        return [`${failedSetups} and ${failedTeardowns}`, [...left].sort().join(', ') || 'nothing', times]
      },
    ],
    [
      ['`nft flush ruleset`: its port answers again'],
      async (name) => {
        const ms = await flushed(name, flushMs)
        return [ms === undefined ? `not within ${flushMs / 1000} s` : `after ${Math.round(ms)} ms`]
      },
    ],
    [
      [`a /28 and ${pool} containers that vanish: served`],
      async (name) => [String((await smallPool(name, pool)) ?? '(its caller chooses addresses)')],
    ],
  ]
}

export async function compare(extent: Extent): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const [whats, ask] of questions(extent)) {
    if (whats[0]?.includes(extent.row ?? '') !== true) continue
    const answers = new Map<ContenderName, readonly string[]>()
    for (const name of contenderNames) {
      answers.set(name, await ask(name))
      extent.tell(`${contenders[name].about}: ${whats[0]}: ${answers.get(name)?.join('; ')}`)
    }
    for (const [i, what] of whats.entries()) {
      const cells = Object.fromEntries(contenderNames.map((name) => [name, answers.get(name)?.[i] ?? '']))
      rows.push({ what, cells: cells as Row['cells'] })
    }
  }
  return rows
}

/** Markdown. */
export function render(rows: readonly Row[]): string {
  const lines = [
    ['', ...contenderNames.map((name) => contenders[name].about)],
    ['---', ...contenderNames.map(() => '---')],
    ...rows.map(({ what, cells }) => [what, ...contenderNames.map((name) => cells[name])]),
  ]
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`
}
