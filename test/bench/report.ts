/**
 * From samples to tables for people.
 *
 * @module
 */
import { cpus, release } from 'node:os'
import { contenders } from './contenders/all.ts'
import type { Operation } from './goals.ts'
import type { Series } from './pairs.ts'
import { type Figure, isMet } from './parts/part.ts'
import { summarize } from './statistics.ts'

export interface Measured {
  readonly series: readonly Series[]
  readonly figures: readonly Figure[]
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

export function renderReport({ series, figures }: Measured): string {
  const judged = figures.filter((figure) => isMet(figure) !== undefined)
  const met = judged.filter((figure) => isMet(figure) === true).length
  const sections = [
    Object.entries(machine())
      .map(([key, value]) => `${key} ${value}`)
      .join(', '),
    table(
      ['', 'others', 'operation', 'median ms', '95 % interval', 'p25', 'p95', 'min', 'processes'],
      series.flatMap((one) => (['attach', 'detach'] as const).map((operation) => rowOf(one, operation))),
    ),
    table(['goals', 'measured', 'wanted', '', 'how'], figures.map(figureRow)),
    `${met} of ${judged.length} goals met`,
  ]
  return `${sections.join('\n\n')}\n`
}

const fixed = (value: number): string => value.toFixed(value < 10 ? 2 : 1)

function rowOf(one: Series, operation: Operation): readonly string[] {
  const { median, low, high, p25, p95, min } = summarize(one[operation])
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

function figureRow(figure: Figure): readonly string[] {
  const { what, value, unit, goal, note = '' } = figure
  const wanted =
    goal === undefined
      ? ''
      : 'atMost' in goal
        ? `at most ${Number(goal.atMost.toFixed(3))}`
        : `at least ${goal.atLeast}`
  const met = isMet(figure)
  const measured = unit === '' ? String(value) : `${unit === 'x' ? value.toFixed(3) : fixed(value)} ${unit}`
  return [what, measured, wanted, met === undefined ? '' : met ? 'met' : 'MISSED', note]
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
