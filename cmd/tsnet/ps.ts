/**
 * `tsnet ps`.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'
import { renderProcesses } from './print/look.ts'

export const ps: CommandDefinition = {
  path: ['ps'],
  summary: 'containers of every engine: networks, addresses, ports, traffic',
  about:
    'Those tsnet has set up, and all others whose namespace tells an engine (Docker, Podman, containerd, CRI-O, LXC). ' +
    "Traffic is the container's view, since its interfaces were made. For containers of other engines the bridge " +
    'is shown as the network, and ports are not known.',
  args: [],
  groups: [],
  onSignal: 'stop',
  run: async ({ globals }, session) => {
    const { io, palette } = session
    const lib = await session.lib()
    const containers = lib.containersOf(await session.inventory())
    if (globals.json) writeJson(io.stdout, 'ps', containers)
    else if (globals.quiet) io.stdout.write(asLines(containers.map(({ id }) => id)))
    else io.stdout.write(renderProcesses(containers, { output: io.stdout, palette, lib }))
    return 0
  },
}
