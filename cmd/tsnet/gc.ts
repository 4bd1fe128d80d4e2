/**
 * `tsnet gc`: takes back what dead containers and killed commands left behind.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { gcLines } from './print/findings.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'

export const gc: CommandDefinition = {
  path: ['gc'],
  summary: 'clean up after dead containers and killed commands',
  about:
    'Takes down containers whose namespace is gone, takes back half-done work of killed commands, frees addresses ' +
    'and ports nobody holds, and removes packet rules and links that belong to no container. Running it twice does no harm. ' +
    'SIGINT and SIGTERM end its waiting for other commands; what has begun is finished.',
  args: [],
  groups: [],
  onSignal: 'finish',
  run: async ({ globals }, session) => {
    const engine = await session.engine()
    const report = await session.waitFor('cleaning up', engine.gc({ signal: session.abortSignal() }))
    const { stdout } = session.io
    if (globals.json) writeJson(stdout, 'gc', report)
    else if (globals.quiet) stdout.write(asLines(report.containers))
    else stdout.write(asLines(gcLines(report)))
    return 0
  },
}
