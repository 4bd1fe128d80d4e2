/**
 * `tsnet route`.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'
import { renderRoutes } from './print/look.ts'

export const route: CommandDefinition = {
  path: ['route'],
  summary: 'the routes inside a container',
  about: 'As ip route shows them inside, both families: where to, by which gateway, over which interface.',
  args: [{ syntax: '<container>', about: 'name, id or pid, of any engine; host is this host' }],
  groups: [],
  onSignal: 'stop',
  run: async ({ args, globals }, session) => {
    const { io, palette } = session
    const { findNamespace } = await session.lib()
    const view = findNamespace(await session.inventory(), args[0] ?? '')
    if (globals.json) writeJson(io.stdout, 'route', view.routes)
    else if (globals.quiet) io.stdout.write(asLines(view.routes.map(({ to }) => to)))
    else io.stdout.write(renderRoutes(view, io.stdout, palette))
    return 0
  },
}
