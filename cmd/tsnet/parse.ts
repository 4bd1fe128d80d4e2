/**
 * argv to one invocation, by way of commander.
 *
 * Flags all commands share are taken before and behind the command's name.
 * Values are not looked at here: they stay text until the library is loaded,
 * so that `tsnet version` does not pay for parsers it does not need. The pages
 * of the help are printed by whoever asked.
 *
 * @module
 */

import { Command, Option } from 'commander'
import type {
  CommandDefinition,
  CommandFamily,
  Flags,
  GlobalFlags,
  Invocation,
  VerbSession,
} from './command.ts'
import { globalOptions } from './options.ts'
import { splitProgram } from './program.ts'
import { UsageError } from './usage.ts'

export type Parsed<S extends VerbSession> =
  | ReadLine<S>
  /** A page of the help; `asked` is false where it stands in for a missing command. */
  | { readonly kind: 'help'; readonly path: readonly string[]; readonly asked: boolean }

export interface ReadLine<S extends VerbSession> {
  readonly kind: 'run'
  readonly definition: CommandDefinition<S>
  readonly invocation: Invocation
}

/** @throws UsageError */
export function parseArgv<S extends VerbSession>(
  argv: readonly string[],
  families: readonly CommandFamily<S>[],
): Parsed<S> {
  let parsed: Parsed<S> | undefined
  const program = new TsnetCommand([])
  const commands = families.flatMap((family) => family.commands)
  const { own, rest } = splitProgram(argv, commands)
  // --version is what people try first; here it is another name of the command.
  const known = own.map((word, at) => (word === '--version' && at === 0 ? 'version' : word))
  for (const { flags, about } of globalOptions) program.option(flags, about)
  for (const definition of definitionsFor(known, commands)) {
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
    return { kind: 'help', path: error.path, asked: error.asked }
  }
  if (parsed === undefined) throw new UsageError('no command given', 'see tsnet help')
  return parsed.kind === 'run' ? { ...parsed, invocation: { ...parsed.invocation, program: rest } } : parsed
}

/**
 * The commands that can be meant: making a commander of each costs a millisecond in all. Where the first word is none
 * of them, or may be the value of a flag, all of them, for the sake of what commander suggests instead.
 */
function definitionsFor<S extends VerbSession>(
  argv: readonly string[],
  all: readonly CommandDefinition<S>[],
): readonly CommandDefinition<S>[] {
  const at = argv.findIndex((word) => !word.startsWith('-'))
  const isValue =
    at > 0 && globalOptions.some(({ flags }) => flags.split(' ')[0] === argv[at - 1] && flags.includes('<'))
  const meant = isValue ? [] : all.filter(({ path }) => path[0] === argv[at])
  return meant.length > 0 ? meant : all
}

/** Thrown through commander's parser to leave it: it would go on with required arguments otherwise. */
class HelpAsked extends Error {
  readonly path: readonly string[]
  readonly asked: boolean

  constructor(path: readonly string[], asked: boolean) {
    super('help')
    this.path = path
    this.asked = asked
  }
}

class TsnetCommand extends Command {
  readonly path: readonly string[]

  constructor(path: readonly string[]) {
    super(path.at(-1) ?? 'tsnet')
    this.path = path
    this.helpCommand(false)
    // Its own goes by half of the letters: "top" for "nope". Ours is that of all other names (usage.ts).
    this.showSuggestionAfterError(false)
    this.helpOption('-h, --help', 'show this page')
  }

  override outputHelp(context?: { error?: boolean } | ((text: string) => string)): void {
    throw new HelpAsked(this.path, !(typeof context === 'object' && context.error === true))
  }

  /** commander's "error: unknown option '--x'" in our words. */
  override error(text: string, about?: { code?: string }): never {
    const { page } = this
    if (about?.code === 'commander.excessArguments') {
      const word = this.args[this.registeredArguments.length] ?? ''
      throw new UsageError(`unexpected argument '${word}'`, isPath(word) ? this.pathHint(page) : page)
    }
    const [first = ''] = text.split('\n')
    const message = first
      .replace(/^error: /, '')
      .replace(/^(missing required argument) '(.*)'$/, (_, words: string, name: string) =>
        [words, name.toUpperCase()].join(' '),
      )
      .replace(/^option '(.*)' argument missing$/, (_, flags: string) => `${asInHelp(flags)} has no value`)
    const [, kind, word] = /^unknown (command|option) '(.*)'$/.exec(message) ?? []
    const known =
      kind === 'command'
        ? this.commands.map((command) => command.name())
        : optionsOf(this).flatMap(({ long }) => long ?? [])
    throw new UsageError(message, page, word === undefined ? undefined : { word, known })
  }

  get page(): string {
    return `see ${['tsnet help', ...this.path].join(' ')}`
  }

  /** What to do with a path that stands where none is wanted. */
  pathHint(otherwise: string): string {
    return this.options.some(({ long }) => long === '--netns')
      ? `--netns PATH gives a namespace; ${this.page}`
      : otherwise
  }
}

/** A port has a slash too: `53/udp`. */
const isPath = (word: string): boolean => /^\.{0,2}\//.test(word)

/** `--pid <pid>` reads `--pid PID`, as in the help. */
const asInHelp = (flags: string): string =>
  flags.replace(/[<[](.*)[\]>]/, (_, name: string) => name.toUpperCase())

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

function commanderOf(
  definition: Pick<CommandDefinition, 'path' | 'args' | 'groups'>,
  found: (invocation: Invocation) => void,
): Command {
  const command = new TsnetCommand(definition.path)
  const mayBeEmpty = new Set<string>()
  for (const { syntax, about } of definition.args) command.argument(syntax, about)
  for (const { flags, about, repeatable, empty } of definition.groups.flatMap((group) => group.options)) {
    const option = new Option(flags, about)
    if (empty === 'meant') mayBeEmpty.add(option.attributeName())
    if (repeatable === true)
      option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value])
    command.addOption(option)
  }
  return command.action(() => {
    refuseEmpty(command, mayBeEmpty)
    refusePaths(command)
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

/**
 * A variable of a script that was not set: taken for a value it would mean nothing, or the folder we are in.
 *
 * @throws UsageError
 */
function refuseEmpty(command: TsnetCommand, mayBeEmpty: ReadonlySet<string>): void {
  const values: Readonly<Record<string, unknown>> = command.optsWithGlobals()
  const names = [
    ...optionsOf(command)
      .filter((option) => !mayBeEmpty.has(option.attributeName()) && hasEmpty(values[option.attributeName()]))
      .map(({ long, flags }) => long ?? flags),
    ...command.registeredArguments
      .filter((_, at) => hasEmpty(command.processedArgs[at]))
      .map((argument) => argument.name().toUpperCase()),
  ]
  if (names[0] !== undefined) throw new UsageError(`${names[0]} has an empty value`, command.page)
}

const hasEmpty = (value: unknown): boolean => value === '' || (Array.isArray(value) && value.includes(''))

/** Its own, and those of the commands above it. */
const optionsOf = (command: Command): readonly Option[] => [
  ...command.options,
  ...(command.parent === null ? [] : optionsOf(command.parent)),
]

/**
 * No id and no name begins like a path: whoever gives one means the namespace there, and would be told that nothing is
 * set up.
 *
 * @throws UsageError
 */
function refusePaths(command: TsnetCommand): void {
  for (const [at, argument] of command.registeredArguments.entries()) {
    const word = [command.processedArgs[at]].flat().find((one) => typeof one === 'string' && isPath(one))
    if (word === undefined || !/^containers?$/.test(argument.name())) continue
    const message = `${argument.name().toUpperCase()}: "${word}" is a path, no name or id`
    throw new UsageError(message, command.pathHint(`give a name, an id or a pid; ${command.page}`))
  }
}
