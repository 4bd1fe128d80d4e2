/**
 * `tsnet ns ls`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'
import { renderNamespaces } from '../print/namespace.ts'

export const nsLs: CommandDefinition = {
  path: ['ns', 'ls'],
  summary: 'every network namespace of this machine',
  about:
    'Whoever made it: container engines, ip netns, a process, or only a file that keeps it. ENGINE is told from ' +
    'cgroups and well-known paths, PEER is the other end of a veth pair on the host and the bridge that is in. ' +
    'The host comes first; its ends of veth pairs are shown with the containers.',
  args: [],
  groups: [],
  onSignal: 'stop',
  run: async ({ globals }, session) => {
    const { io, palette } = session
    const inventory = await session.inventory()
    if (globals.json) writeJson(io.stdout, 'ns ls', inventory.namespaces)
    else if (globals.quiet) io.stdout.write(asLines(inventory.namespaces.map(({ id }) => `net:[${id}]`)))
    else io.stdout.write(renderNamespaces(inventory, io.stdout, palette))
    return 0
  },
}
