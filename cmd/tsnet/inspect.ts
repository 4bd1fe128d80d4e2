/**
 * `tsnet inspect`: all that is recorded of one container, as JSON or as a
 * template says.
 *
 * @module
 */

import { type CommandDefinition, textFlag } from './command.ts'
import { requireSelector, selectorOptions } from './options.ts'
import { writeJson } from './print/json.ts'

export const inspect: CommandDefinition = {
  path: ['inspect'],
  summary: 'all about one container, as JSON',
  about:
    'Prints the record of a container: what tsnet setup --json answered. --format accepts the commonly used part ' +
    "of docker inspect's templates, with Docker's names of fields and our own.",
  args: [{ syntax: '[container]', about: 'id or name' }],
  groups: [
    selectorOptions,
    {
      title: 'Output',
      options: [
        {
          flags: '-f, --format <template>',
          about: 'fields, json, join, index, len, println, range, if and with of a Go template',
        },
      ],
    },
  ],
  onSignal: 'stop',
  run: async ({ args, flags, globals }, session) => {
    const lib = await session.lib()
    const selector = requireSelector(args, flags, lib)
    const found = await lib.inspectAny(await session.engine(), selector)
    const format = textFlag(flags, 'format')
    const { stdout } = session.io
    if (format !== undefined) {
      const view = lib.dockerView(found, () => lib.firstPid(found))
      stdout.write(`${lib.renderTemplate(format, view)}\n`)
    } else if (globals.quiet && !globals.json) stdout.write(`${found.container.id}\n`)
    else writeJson(stdout, 'inspect', found)
    return 0
  },
}
