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
import { shorten } from './layout.ts'
import { asLines } from './lines.ts'
import type { Palette } from './paint.ts'

export interface Column {
  readonly title: string
  /** May be cut with `…` where the terminal is too narrow. */
  readonly mayShorten?: boolean
  /** Of what may be cut, so much stays: an address that is cut is none. */
  readonly keeps?: number
  /** Before that, long texts go on below from here on: `->` of ports. */
  readonly breakBefore?: string
}

export type Cell = readonly string[]

const gap = '  '
const shortest = 8
/** Texts up to that length stay whole. */
const unbroken = 16

export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  output: Output,
  palette: Palette,
): string {
  const whole = rows.map((row) => (output.isTTY ? row : row.map((cell) => [cell.join(',')])))
  const tooWide = output.isTTY && totalOf(naturalWidths(columns, whole)) > output.columns
  const cells = tooWide ? whole.map((row) => row.map((cell, at) => broken(cell, columns[at]))) : whole
  const natural = naturalWidths(columns, cells)
  const widths = output.isTTY ? fit(columns, natural, output.columns) : natural
  const line = (texts: readonly string[]): string => {
    const whole = texts
      .map((text, at) => shorten(text, widths[at] ?? 0).padEnd(widths[at] ?? 0))
      .join(gap)
      .trimEnd()
    // Where even the shortest columns are too many, a cut line is read more easily than one that wraps.
    return output.isTTY ? shorten(whole, Math.max(output.columns, shortest)) : whole
  }

  const head = palette.bold(line(columns.map((column) => column.title)))
  const body = cells.flatMap((row) => {
    const height = Math.max(1, ...row.map((cell) => cell.length))
    return Array.from({ length: height }, (_, at) => line(row.map((cell) => cell[at] ?? '')))
  })
  return asLines([head, ...body])
}

/**
 * Takes one character after the other from whichever column that may be cut is the widest, so that one long name
 * costs neither itself nor its neighbours everything; until it fits or nothing may be cut any more.
 */
function fit(columns: readonly Column[], natural: readonly number[], available: number): number[] {
  const widths = [...natural]
  let over = totalOf(widths) - available
  for (; over > 0; over--) {
    const cuttable = widths.map((width, at) => {
      const { mayShorten = false, keeps = shortest } = columns[at] ?? {}
      return mayShorten && width > keeps ? width : 0
    })
    const widest = Math.max(...cuttable)
    if (widest === 0) break
    widths[cuttable.indexOf(widest)] = widest - 1
  }
  return widths
}

function naturalWidths(columns: readonly Column[], cells: readonly (readonly Cell[])[]): readonly number[] {
  return columns.map((column, at) =>
    Math.max(column.title.length, ...cells.flatMap((row) => lengths(row[at]))),
  )
}

const totalOf = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width + gap.length, -gap.length)

function broken(cell: Cell, column: Column | undefined): Cell {
  const mark = column?.breakBefore
  if (mark === undefined) return cell
  return cell.flatMap((text) => {
    const at = text.indexOf(mark)
    return at <= 0 || text.length <= unbroken ? [text] : [text.slice(0, at), ` ${text.slice(at)}`]
  })
}

const lengths = (cell: Cell | undefined): number[] => (cell ?? []).map((text) => text.length)
