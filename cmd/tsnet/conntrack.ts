/**
 * `tsnet conntrack`.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { endsText, renderFlows } from './print/flows.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'

export const conntrack: CommandDefinition = {
  path: ['conntrack'],
  summary: 'connections of a container, with names and translations',
  about:
    'Flows this host tracks that have an address of the container, or without one all: who began, who answers, what ' +
    'the client had addressed (by), and what the other end sees (as). Names stand for addresses of containers. Amounts ' +
    'are known where net.netfilter.nf_conntrack_acct is 1.',
  args: [{ syntax: '[container]', about: 'name, id or pid, of any engine; host is this host; none: all' }],
  groups: [],
  onSignal: 'stop',
  run: async ({ args, globals }, session) => {
    const { io, palette } = session
    const { takeFlows } = await session.lib()
    const flows = await session.waitFor(
      'reading tracked flows',
      takeFlows(await session.inventory(), args[0]),
      'work',
    )
    if (globals.json) writeJson(io.stdout, 'conntrack', flows)
    else if (globals.quiet) io.stdout.write(asLines(flows.map(endsText)))
    else io.stdout.write(renderFlows(flows, io.stdout, palette))
    return 0
  },
}
