/**
 * `tsnet inspect`: all that is recorded of one container, as JSON.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { requireSelector, selectorOptions } from './options.ts'
import { writeJson } from './print/json.ts'

export const inspect: CommandDefinition = {
  path: ['inspect'],
  summary: 'all about one container, as JSON',
  about: 'Prints the record of a container: what tsnet setup --json answered.',
  args: [{ syntax: '[container]', about: 'id or name' }],
  groups: [selectorOptions],
  onSignal: 'stop',
  run: async ({ args, flags, globals }, session) => {
    const selector = requireSelector(args, flags, await session.lib())
    const found = await (await session.engine()).inspect(selector)
    if (globals.quiet && !globals.json) session.io.stdout.write(`${found.container.id}\n`)
    else writeJson(session.io.stdout, found)
    return 0
  },
}
