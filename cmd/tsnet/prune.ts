/**
 * `tsnet prune`: everything that serves nobody.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { gcLines } from './print/findings.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'

export const prune: CommandDefinition = {
  path: ['prune'],
  summary: 'remove everything unused: the dead, the half-done, networks without containers',
  about:
    'What gc does, and then network prune. Running containers and what they use are not touched. Does not ask first.',
  args: [],
  groups: [],
  onSignal: 'finish',
  run: async ({ globals }, session) => {
    const engine = await session.engine()
    const report = await session.waitFor('clearing away', engine.prune({ signal: session.abortSignal() }))
    const { stdout } = session.io
    if (globals.json) writeJson(stdout, 'prune', report)
    else if (globals.quiet) stdout.write(asLines([...report.containers, ...report.networks]))
    else stdout.write(asLines(gcLines(report)))
    return 0
  },
}
