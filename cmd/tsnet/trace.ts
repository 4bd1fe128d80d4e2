/**
 * `tsnet trace`.
 *
 * @module
 */

import type { TraceHop, TraceReport } from '../../lib/index.ts'
import type { CommandDefinition } from './command.ts'
import { writeJson } from './print/json.ts'
import { wrap } from './print/layout.ts'
import type { Palette } from './print/paint.ts'

/** As `doctor`: packets do not arrive. */
const notReached = 6

export const trace: CommandDefinition = {
  path: ['trace'],
  summary: 'the way of a packet, and where it stops',
  about:
    'Follows a packet from a container (or "host") to a port of another one or of any address, as everything is configured: ' +
    'routes, neighbours, bridges, translations, the rules of every tool on the host and inside, and the way back. Then it ' +
    'sends one real probe and says where that stopped, why, and what would let it pass. The probe leaves nothing behind.\n' +
    'Exit code 0 where it was reached, 6 where it was not.',
  args: [
    { syntax: '<from>', about: 'container of any engine, by name, id or pid; or host' },
    { syntax: '<to>', about: 'such as db:5432, 10.90.0.3:53/udp, [fd00::3]:80, host:8080' },
  ],
  groups: [],
  onSignal: 'stop',
  run: async ({ args, globals }, session) => {
    const [from = '', to = ''] = args
    const lib = await session.lib()
    const engine = await session.engine()
    const report = await session.waitFor(`tracing to ${to}`, lib.trace(engine, from, to), 'work')
    const { io, palette } = session
    if (globals.json) writeJson(io.stdout, 'trace', report)
    else if (globals.quiet) io.stdout.write(`${report.stopped?.reason ?? 'reached'}\n`)
    else io.stdout.write(renderTrace(report, Math.min(io.stdout.columns, 120), palette))
    return report.reached ? 0 : notReached
  },
}

function renderTrace({ from, to, hops, stopped }: TraceReport, columns: number, palette: Palette): string {
  const target = `${to.name === undefined ? '' : `${to.name}, `}${to.address} port ${to.port}/${to.protocol}`
  const [wheres, stages] = [widest(hops, ({ where }) => where), widest(hops, ({ stage }) => stage)]
  const margin = 2 + wheres + 2 + stages + 2 + 6
  const lines = hops.flatMap(({ where, stage, what, ok }, at) => {
    // The same place once, as a heading would.
    const place = hops[at - 1]?.where === where ? '' : where
    const head = `  ${palette.bold(place.padEnd(wheres))}  ${palette.dim(stage.padEnd(stages))}  ${ok ? palette.green('ok  ') : palette.red('stop')}  `
    return wrap(what, Math.max(columns - margin, 24)).map(
      (line, row) => `${row === 0 ? head : ' '.repeat(margin)}${line}\n`,
    )
  })
  const end =
    stopped === undefined
      ? [`${palette.green('reached')}\n`]
      : [
          ...wrap(`stopped at ${stopped.stage} (${stopped.reason}): ${stopped.what}`, columns).map(
            (line) => `${line}\n`,
          ),
          ...(stopped.fix === undefined
            ? []
            : wrap(`mend: ${stopped.fix}`, columns).map((line) => `${line}\n`)),
        ]
  return [`${palette.bold(from)} -> ${palette.bold(target)}\n`, ...lines, ...end].join('')
}

const widest = (hops: readonly TraceHop[], text: (hop: TraceHop) => string): number =>
  Math.max(...hops.map((hop) => text(hop).length))
