/**
 * The way of a packet for people: a line for each hop, and where it ended.
 *
 * @module
 */

import type { TraceHop, TraceReport } from '../../../lib/index.ts'
import { shorten, wrap } from './layout.ts'
import { asLines } from './lines.ts'
import type { Palette } from './paint.ts'

/** A container without a name has 64 hex digits, which leave no room for what happens there. */
const longestPlace = 20

export function renderTrace(
  { from, to, hops, stopped }: TraceReport,
  columns: number,
  palette: Palette,
): string {
  const target = `${to.name === undefined ? '' : `${to.name}, `}${to.address} port ${to.port}/${to.protocol}`
  const wheres = Math.min(
    longestPlace,
    widest(hops, ({ where }) => where),
  )
  const stages = widest(hops, ({ stage }) => stage)
  const margin = 2 + wheres + 2 + stages + 2 + 6
  const lines = hops.flatMap(({ where, stage, what, ok }, at) => {
    // The same place once, as a heading would.
    const place = hops[at - 1]?.where === where ? '' : shorten(where, wheres)
    const head = `  ${palette.bold(place.padEnd(wheres))}  ${palette.dim(stage.padEnd(stages))}  ${ok ? palette.green('ok  ') : palette.red('stop')}  `
    return wrap(what, Math.max(columns - margin, 24)).map(
      (line, row) => `${row === 0 ? head : ' '.repeat(margin)}${line}`,
    )
  })
  const end =
    stopped === undefined
      ? [palette.green('reached')]
      : [
          ...wrap(`stopped at ${stopped.stage} (${stopped.reason}): ${stopped.what}`, columns),
          ...(stopped.fix === undefined ? [] : wrap(`mend: ${stopped.fix}`, columns)),
        ]
  return asLines([`${palette.bold(from)} -> ${palette.bold(target)}`, ...lines, ...end])
}

const widest = (hops: readonly TraceHop[], text: (hop: TraceHop) => string): number =>
  Math.max(...hops.map((hop) => text(hop).length))
