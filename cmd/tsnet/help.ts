/**
 * `tsnet help [COMMAND]`.
 *
 * @module
 */

import { type CommandDefinition, switchFlag } from './command.ts'
import { writeJson } from './print/json.ts'

export const help: CommandDefinition = {
  path: ['help'],
  summary: 'this page, or that of one command, with examples',
  about: 'Shows what a command does, its flags, and examples that run as they stand.',
  args: [{ syntax: '[command...]', about: 'such as setup, or network create' }],
  groups: [
    {
      title: 'Options',
      options: [
        { flags: '--man', about: 'as a man page; all of them with --json, by the names of their files' },
      ],
    },
  ],
  onSignal: 'stop',
  run: async ({ args, flags, globals }, { io, page, manPages }) => {
    if (switchFlag(flags, 'man')) {
      const pages = await manPages()
      if (globals.json) writeJson(io.stdout, Object.fromEntries(pages))
      // The ordinary page knows what to say of a command that is not there.
      else io.stdout.write(pages.get(`${['tsnet', ...args].join('-')}.1`) ?? page(args))
      return 0
    }
    if (globals.json) {
      writeJson(io.stdout, { command: args.join(' '), text: page(args) })
      return 0
    }
    io.stdout.write(page(args))
    return 0
  },
}
