/**
 * argv to one invocation, by way of commander.
 *
 * Flags all commands share are taken before and behind the command's name.
 * Values are not looked at here: they stay text until the library is loaded,
 * so that `tsnet version` does not pay for parsers it does not need. The pages
 * of the help are printed by page.ts.
 *
 * @module
 */

import { Command, Option } from 'commander'
import type { CommandDefinition, Flags, GlobalFlags, Invocation } from './command.ts'
import { families } from './commands.ts'
import { globalOptions } from './options.ts'
import { renderPage } from './page.ts'
import { splitProgram } from './program.ts'
import { UsageError } from './usage.ts'

export type Parsed =
  | { readonly kind: 'run'; readonly definition: CommandDefinition; readonly invocation: Invocation }
  /** A page of the help; `asked` is false where it stands in for a missing command. */
  | { readonly kind: 'help'; readonly text: string; readonly asked: boolean }

/** @throws UsageError */
export function parseArgv(argv: readonly string[]): Parsed {
  let parsed: Parsed | undefined
  const program = new TsnetCommand([])
  const { own, rest } = splitProgram(argv)
  // --version is what people try first; here it is another name of the command.
  const known = own.map((word, at) => (word === '--version' && at === 0 ? 'version' : word))
  for (const { flags, about } of globalOptions) program.option(flags, about)
  for (const definition of definitionsFor(known)) {
    grow(program, definition.path.slice(0, -1)).addCommand(
      commanderOf(definition, (invocation) => {
        parsed = { kind: 'run', definition, invocation }
      }),
    )
  }
  try {
    program.parse(known, { from: 'user' })
  } catch (error) {
    if (!(error instanceof HelpAsked)) throw error
    return { kind: 'help', text: error.text, asked: error.asked }
  }
  if (parsed === undefined) throw new UsageError('no command given', 'see tsnet help')
  return parsed.kind === 'run' ? { ...parsed, invocation: { ...parsed.invocation, program: rest } } : parsed
}

/**
 * The commands that can be meant: making a commander of each costs a millisecond in all. Where the first word is none
 * of them, or may be the value of a flag, all of them, for the sake of what commander suggests instead.
 */
function definitionsFor(argv: readonly string[]): readonly CommandDefinition[] {
  const all = families.flatMap((family) => family.commands)
  const at = argv.findIndex((word) => !word.startsWith('-'))
  const isValue =
    at > 0 && globalOptions.some(({ flags }) => flags.split(' ')[0] === argv[at - 1] && flags.includes('<'))
  const meant = isValue ? [] : all.filter(({ path }) => path[0] === argv[at])
  return meant.length > 0 ? meant : all
}

/** Thrown through commander's parser to leave it: it would go on with required arguments otherwise. */
class HelpAsked extends Error {
  readonly text: string
  readonly asked: boolean

  constructor(text: string, asked: boolean) {
    super('help')
    this.text = text
    this.asked = asked
  }
}

class TsnetCommand extends Command {
  readonly path: readonly string[]

  constructor(path: readonly string[]) {
    super(path.at(-1) ?? 'tsnet')
    this.path = path
    this.helpCommand(false)
    this.helpOption('-h, --help', 'show this page')
  }

  override outputHelp(context?: { error?: boolean } | ((text: string) => string)): void {
    throw new HelpAsked(
      renderPage(this.path, families) ?? '',
      !(typeof context === 'object' && context.error === true),
    )
  }

  /** commander's "error: unknown option '--x'\n(Did you mean --y?)" in our words. */
  override error(text: string, about?: { code?: string }): never {
    const [first = '', suggestion] = text.split('\n')
    const page = `see ${['tsnet help', ...this.path].join(' ')}`
    const hint = suggestion === undefined ? page : `${suggestion.slice(1, -1).toLowerCase()} ${page}`
    if (about?.code === 'commander.excessArguments') {
      throw new UsageError(`unexpected argument '${this.args[this.registeredArguments.length]}'`, hint)
    }
    const message = first
      .replace(/^error: /, '')
      .replace(/^(option '.*') argument missing$/, '$1 has no value')
    throw new UsageError(message, hint)
  }
}

/** The command that groups `path`, such as `network`; made when first needed. */
function grow(program: TsnetCommand, path: readonly string[]): Command {
  return path.reduce<Command>((parent, word, at) => {
    const there = parent.commands.find((command) => command.name() === word)
    if (there !== undefined) return there
    const group = new TsnetCommand(path.slice(0, at + 1))
    parent.addCommand(group)
    return group
  }, program)
}

function commanderOf(definition: CommandDefinition, found: (invocation: Invocation) => void): Command {
  const command = new TsnetCommand(definition.path)
  for (const { syntax, about } of definition.args) command.argument(syntax, about)
  for (const { flags, about, repeatable } of definition.groups.flatMap((group) => group.options)) {
    const option = new Option(flags, about)
    if (repeatable === true)
      option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value])
    command.addOption(option)
  }
  return command.action(() => {
    const args = command.processedArgs.flat().filter((word): word is string => typeof word === 'string')
    const { stateDir, firewall, json, verbose, quiet } = command.optsWithGlobals<Partial<GlobalFlags>>()
    const globals: GlobalFlags = {
      ...(stateDir === undefined ? {} : { stateDir }),
      ...(firewall === undefined ? {} : { firewall }),
      json: json === true,
      verbose: verbose === true,
      quiet: quiet === true,
    }
    found({ args, program: [], flags: command.opts<Flags>(), globals })
  })
}
