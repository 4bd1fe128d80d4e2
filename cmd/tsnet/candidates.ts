/**
 * What may come next on a command line: commands, flags, values. From the
 * definitions, so that it is never behind them.
 *
 * @module
 */

import {
  type CommandDefinition,
  type CommandFamily,
  type OptionDefinition,
  type Values,
  valuesOf,
} from './command.ts'
import { globalOptions } from './options.ts'

export interface Candidate {
  readonly word: string
  readonly about: string
}

/** Names that only this host knows; each is asked for when it is needed. */
export interface KnownNames {
  containers(): Promise<readonly string[]>
  networks(): Promise<readonly string[]>
}

/** @param words behind `tsnet`; the last one is being written, and may be empty */
export async function candidatesFor(
  words: readonly string[],
  families: readonly CommandFamily[],
  known: KnownNames,
): Promise<readonly Candidate[]> {
  // Bash takes `--network=shop` for three words.
  const typed = words.flatMap((word) =>
    word === '=' ? [] : /^--[\w-]+=/.test(word) ? splitFlag(word) : [word],
  )
  const partial = typed.at(-1) ?? ''
  const before = typed.slice(0, -1)
  const commands = families.flatMap((family) => family.commands)
  const definition = commandOf(before, commands)
  const options = [...(definition?.groups.flatMap((group) => group.options) ?? []), ...globalOptions]
  const asked = options.find(({ flags }) => takesValue(flags) && namesOf(flags).includes(before.at(-1) ?? ''))
  const all =
    asked !== undefined
      ? await named(asked, known)
      : partial.startsWith('-')
        ? options.flatMap(flagCandidates)
        : definition === undefined
          ? commandWords(before, commands)
          : await argumentsOf(definition, before, { commands, known })
  const fitting = all.filter(({ word }) => word.startsWith(partial))
  return fitting.filter(({ word }, at) => fitting.findIndex((one) => one.word === word) === at)
}

const splitFlag = (word: string): readonly string[] => [
  word.slice(0, word.indexOf('=')),
  word.slice(word.indexOf('=') + 1),
]
const namesOf = (flags: string): readonly string[] => flags.match(/--?[A-Za-z][\w-]*/g) ?? []
const takesValue = (flags: string): boolean => flags.includes('<')

/** The command the words name, flags left out. */
function commandOf(
  words: readonly string[],
  commands: readonly CommandDefinition[],
): CommandDefinition | undefined {
  const bare = bareWords(words)
  return commands.find(
    ({ path }) => path.length <= bare.length && path.every((word, at) => word === bare[at]),
  )
}

/** Neither flags nor their values. @param own of the command, where it is known */
function bareWords(words: readonly string[], own: readonly OptionDefinition[] = []): readonly string[] {
  const valued = [...own, ...globalOptions].flatMap(({ flags }) => (takesValue(flags) ? namesOf(flags) : []))
  return words.filter((word, at) => !word.startsWith('-') && !valued.includes(words[at - 1] ?? ''))
}

function commandWords(
  before: readonly string[],
  commands: readonly CommandDefinition[],
): readonly Candidate[] {
  const bare = bareWords(before)
  return commands
    .filter(({ path }) => path.length > bare.length && bare.every((word, at) => word === path[at]))
    .map(({ path, summary }) => {
      const word = path[bare.length] ?? ''
      return {
        word,
        about: path.length > bare.length + 1 ? `${path.slice(0, bare.length + 1).join(' ')} …` : summary,
      }
    })
}

function flagCandidates({ flags, about }: OptionDefinition): readonly Candidate[] {
  return namesOf(flags).map((word) => ({ word, about }))
}

async function argumentsOf(
  definition: CommandDefinition,
  before: readonly string[],
  around: { readonly commands: readonly CommandDefinition[]; readonly known: KnownNames },
): Promise<readonly Candidate[]> {
  const { args, groups, path } = definition
  const bare = bareWords(
    before,
    groups.flatMap(({ options }) => options),
  )
  const argument = args[Math.min(bare.length - path.length, args.length - 1)]
  if (argument === undefined) return []
  const values = valuesOf(argument)
  if (values === undefined && /command/.test(argument.syntax))
    return commandWords(bare.slice(path.length), around.commands)
  return named({ values, about: argument.about }, around.known)
}

async function named(
  { values, about }: { readonly values?: Values | undefined; readonly about: string },
  known: KnownNames,
): Promise<readonly Candidate[]> {
  if (values === undefined) return []
  if (values === 'containers') return (await known.containers()).map((word) => ({ word, about: 'container' }))
  if (values === 'networks') return (await known.networks()).map((word) => ({ word, about: 'network' }))
  return values.map((word) => ({ word, about }))
}
