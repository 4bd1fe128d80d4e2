/**
 * `tsnet dns ls`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { engineOptionsOf } from '../options.ts'
import { writeJson } from '../print/json.ts'
import { renderTable } from '../print/table.ts'

export const dnsLs: CommandDefinition = {
  path: ['dns', 'ls'],
  summary: 'list the names that are answered',
  about:
    'Every name the name server answers, and with what: container name, host name, short id and aliases. ' +
    'Each is found as it stands and before .NETWORK and .tsnet.internal.',
  args: [],
  groups: [],
  onSignal: 'stop',
  run: async ({ globals }, session) => {
    const { io, palette } = session
    const lib = await session.lib()
    const served = await lib.openNames(engineOptionsOf(globals, io.env, lib)).list()
    if (globals.json) writeJson(io.stdout, 'dns ls', served)
    else if (globals.quiet)
      io.stdout.write(served.flatMap(({ names }) => names.map((name) => `${name}\n`)).join(''))
    else {
      const columns = [{ title: 'NETWORK' }, { title: 'NAMES', mayShorten: true }, { title: 'ADDRESSES' }]
      const rows = served.map(({ network, names, addresses }) => [[network], names, addresses])
      io.stdout.write(renderTable(columns, rows, io.stdout, palette))
    }
    return 0
  },
}
