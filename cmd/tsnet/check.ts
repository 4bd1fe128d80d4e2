/**
 * `tsnet check`: are records and kernel still of one mind?
 *
 * @module
 */

import type { CommandDefinition, VerbSession } from './command.ts'
import { selectorOf, selectorOptions } from './options.ts'
import { renderFindings } from './print/findings.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'

/** Not 1, which is a fault: a script must be able to tell the two apart. */
const foundSomething = 5

export const check: CommandDefinition<VerbSession> = {
  path: ['check'],
  summary: 'compare the records with the kernel',
  about:
    'Names every link, address, rule or lease that is not as it was set up, and the command that mends it. ' +
    'Without a container it looks at everything. Exit code 5 when something was found.',
  args: [{ syntax: '[container]', about: 'id or name' }],
  groups: [selectorOptions],
  onSignal: 'stop',
  run: async ({ args, flags, globals }, session) => {
    const selector = selectorOf(args, flags, await session.lib())
    const engine = await session.engine()
    const findings = await session.waitFor('checking', engine.check(selector), 'work')
    const { stdout } = session.io
    if (globals.json) writeJson(stdout, 'check', findings)
    else if (globals.quiet) stdout.write(asLines([...new Set(findings.map(({ subject }) => subject))]))
    else stdout.write(renderFindings(findings, session.palette))
    return findings.length === 0 ? 0 : foundSomething
  },
}
