/**
 * `tsnet bridge show`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'
import { renderBridges } from '../print/namespace.ts'

export const bridgeShow: CommandDefinition = {
  path: ['bridge', 'show'],
  summary: 'bridges and their ports',
  about:
    'What brctl show printed: bridge, id, spanning tree, interfaces; and the network of tsnet each bridge carries, and ' +
    'who is behind each port. Bridges of all engines; a port that forwards nothing has its state behind it.',
  args: [{ syntax: '[bridges...]', about: 'names; none: all' }],
  groups: [],
  onSignal: 'stop',
  run: async ({ args, globals }, session) => {
    const { io, palette } = session
    const { pickBridges } = await session.lib()
    const inventory = await session.inventory()
    const bridges = pickBridges(inventory, args)
    if (globals.json) writeJson(io.stdout, 'bridge show', bridges)
    else if (globals.quiet) io.stdout.write(asLines(bridges.map(({ name }) => name)))
    else io.stdout.write(renderBridges({ ...inventory, bridges }, io.stdout, palette))
    return 0
  },
}
