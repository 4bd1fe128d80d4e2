/**
 * `tsnet help [COMMAND]`.
 *
 * @module
 */

import { type CommandDefinition, type Session, switchFlag } from './command.ts'
import { installed } from './installation.ts'
import { writeJson } from './print/json.ts'
import { schemaOf } from './schema.ts'
import { UsageError } from './usage.ts'

export const help: CommandDefinition = {
  path: ['help'],
  summary: 'this page, or that of one command, with examples',
  about:
    'Shows what a command does, its flags, and examples that run as they stand.\n' +
    'With --schema the JSON Schema (2020-12) of what COMMAND prints with --json, of error for what stands on standard ' +
    'error where a command fails, of all without COMMAND. Members are added, never renamed, moved or given another ' +
    'meaning; what is not known is left out.',
  args: [{ syntax: '[command...]', about: 'such as setup, or network create' }],
  groups: [
    {
      title: 'Options',
      options: [
        { flags: '--man', about: 'as a man page; all of them with --json, by the names of their files' },
        { flags: '--schema', about: 'what it prints with --json, as JSON Schema' },
      ],
    },
  ],
  onSignal: 'stop',
  run: async ({ args, flags, globals }, session) => {
    const { io, page, manPages } = session
    if (switchFlag(flags, 'schema')) io.stdout.write(await schemaText(args.join(' '), session))
    else if (switchFlag(flags, 'man')) {
      const pages = await manPages()
      if (globals.json) writeJson(io.stdout, 'help', Object.fromEntries(pages))
      // The ordinary page knows what to say of a command that is not there.
      else io.stdout.write(pages.get(`${['tsnet', ...args].join('-')}.1`) ?? page(args))
    } else if (globals.json) writeJson(io.stdout, 'help', { command: args.join(' '), text: page(args) })
    else io.stdout.write(page(args))
    return 0
  },
}

/** @throws UsageError where the command prints no JSON of its own */
async function schemaText(command: string, { io, lib, page }: Session): Promise<string> {
  const all = await io.read(installed('dist/schema.json'))
  if (command === '') return all
  const { parseJson } = await lib()
  const found = schemaOf(command, parseJson(all, 'dist/schema.json'))
  if (found !== undefined) return `${JSON.stringify(found, null, 2)}\n`
  // Says so where there is no such command at all.
  page(command.split(' '))
  throw new UsageError(
    `${command} prints no JSON of its own`,
    'tsnet help --schema has the schemas of all commands that do',
  )
}
