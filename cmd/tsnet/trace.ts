/**
 * `tsnet trace`.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { writeJson } from './print/json.ts'
import { renderTrace } from './print/trace.ts'

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
    { syntax: '<from>', about: 'container of any engine, by name, id or pid; or host', values: 'containers' },
    {
      syntax: '<to>',
      about: 'such as db:5432, 10.90.0.3:53/udp, [fd00::3]:80, host:8080',
      values: 'containers',
    },
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
