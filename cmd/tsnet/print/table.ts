/**
 * Aligned columns, in the manner of `docker ls`.
 *
 * A cell holds several values when a row has several, such as the addresses of
 * two families. On a terminal they stand below each other, which keeps the
 * table within 80 columns; in a pipe they are joined by commas, so that a row
 * stays one line for grep.
 *
 * @module
 */

import type { Output } from '../io.ts'
import type { Palette } from './paint.ts'

export interface Column {
  readonly title: string
  /** May be cut with `…` where the terminal is too narrow. */
  readonly mayShorten?: boolean
}

export type Cell = readonly string[]

const gap = '  '
const shortest = 8

export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  output: Output,
  palette: Palette,
): string {
  const cells = rows.map((row) => (output.isTTY ? row : row.map((cell) => [cell.join(',')])))
  const natural = columns.map((column, at) =>
    Math.max(column.title.length, ...cells.flatMap((row) => lengths(row[at]))),
  )
  const widths = output.isTTY ? fit(columns, natural, output.columns) : natural
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => shorten(text, widths[at] ?? 0).padEnd(widths[at] ?? 0))
      .join(gap)
      .trimEnd()

  const head = palette.bold(line(columns.map((column) => column.title)))
  const body = cells.flatMap((row) => {
    const height = Math.max(1, ...row.map((cell) => cell.length))
    return Array.from({ length: height }, (_, at) => line(row.map((cell) => cell[at] ?? '')))
  })
  return [head, ...body].map((text) => `${text}\n`).join('')
}

/** Takes what is too much from the widest column that may be cut, until it fits or nothing may be cut any more. */
function fit(columns: readonly Column[], natural: readonly number[], available: number): number[] {
  const widths = [...natural]
  const total = (): number => widths.reduce((sum, width) => sum + width + gap.length, -gap.length)
  while (total() > available) {
    const cuttable = widths.map((width, at) => (columns[at]?.mayShorten && width > shortest ? width : 0))
    const widest = Math.max(...cuttable)
    if (widest === 0) break
    widths[cuttable.indexOf(widest)] = Math.max(shortest, widest - (total() - available))
  }
  return widths
}

const lengths = (cell: Cell | undefined): number[] => (cell ?? []).map((text) => text.length)

const shorten = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text
