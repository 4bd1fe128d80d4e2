/**
 * `tsnet help [COMMAND]`.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'

export const help: CommandDefinition = {
  path: ['help'],
  summary: 'this page, or that of one command, with examples',
  about: 'Shows what a command does, its flags, and examples that run as they stand.',
  args: [{ syntax: '[command...]', about: 'such as setup, or network create' }],
  groups: [],
  onSignal: 'stop',
  run: async ({ args }, { io, page }) => {
    io.stdout.write(page(args))
    return 0
  },
}
