/**
 * `tsnet network ls`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'
import { renderNetworks } from '../print/network.ts'

export const networkLs: CommandDefinition = {
  path: ['network', 'ls'],
  summary: 'list networks',
  about: 'One row for each network, the default one too while a container is on it.',
  args: [],
  groups: [],
  onSignal: 'stop',
  run: async ({ globals }, session) => {
    const { io, palette } = session
    const networks = await (await session.engine()).listNetworks()
    if (globals.json) writeJson(io.stdout, 'network ls', networks)
    else if (globals.quiet) io.stdout.write(asLines(networks.map(({ config }) => config.name)))
    else io.stdout.write(renderNetworks(networks, io.stdout, palette))
    return 0
  },
}
