/**
 * `tsnet network prune`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'

export const networkPrune: CommandDefinition = {
  path: ['network', 'prune'],
  summary: 'remove networks no container is on',
  about: 'Removes all networks without containers, and prints their names. Does not ask first.',
  args: [],
  groups: [],
  onSignal: 'finish',
  run: async ({ globals }, session) => {
    const engine = await session.engine()
    const removed = await session.waitFor(
      'removing networks',
      engine.pruneNetworks({ signal: session.abortSignal() }),
    )
    const { stdout } = session.io
    if (globals.json) writeJson(stdout, 'network prune', { removed })
    else if (removed.length > 0) stdout.write(asLines(removed))
    else if (!globals.quiet) stdout.write('no network is unused\n')
    return 0
  },
}
