/**
 * `tsnet ls`: the containers that are connected.
 *
 * @module
 */

import type { CommandDefinition, VerbSession } from './command.ts'
import { renderContainers } from './print/container.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'

export const ls: CommandDefinition<VerbSession> = {
  path: ['ls'],
  summary: 'list what is connected',
  about:
    'One row for each container. On a terminal several addresses stand below each other; in a pipe every container ' +
    'is one line. The port column has host port -> container port; without an address in front it is open on all.',
  args: [],
  groups: [],
  onSignal: 'stop',
  run: async ({ globals }, session) => {
    const { io, palette } = session
    const containers = await (await session.engine()).list()
    if (globals.json) writeJson(io.stdout, 'ls', containers)
    else if (globals.quiet) io.stdout.write(asLines(containers.map(({ container }) => container.id)))
    else {
      const lib = await session.lib()
      io.stdout.write(renderContainers(containers, { output: io.stdout, palette, lib }))
    }
    return 0
  },
}
