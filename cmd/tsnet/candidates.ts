/**
 * What may come next on a command line: commands, flags, values. From the
 * definitions, so that it is never behind them.
 *
 * @module
 */

import type { CommandDefinition, CommandFamily, OptionDefinition } from './command.ts'
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
      ? await valuesOf(asked, known)
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

function bareWords(words: readonly string[]): readonly string[] {
  const valued = globalOptions.filter(({ flags }) => takesValue(flags)).flatMap(({ flags }) => namesOf(flags))
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

async function valuesOf(
  { flags, about }: OptionDefinition,
  known: KnownNames,
): Promise<readonly Candidate[]> {
  const [name = ''] = namesOf(flags).filter((one) => one.startsWith('--'))
  if (name === '--network' || name === '--default-route') return named(await known.networks(), 'network')
  if (['--id', '--container-name', '--from', '--link'].includes(name))
    return named(await known.containers(), 'container')
  // A list of words in the text of the help: `iptables, nftables or none, …`.
  const listed = /^(?:a list of )?([a-z]+(?:, [a-z]+)+(?: or [a-z]+)?)/.exec(about)?.[1]
  return listed === undefined ? [] : named(listed.split(/, | or /), about)
}

async function argumentsOf(
  definition: CommandDefinition,
  before: readonly string[],
  around: { readonly commands: readonly CommandDefinition[]; readonly known: KnownNames },
): Promise<readonly Candidate[]> {
  const given = bareWords(before).length - definition.path.length
  const at = Math.min(given, definition.args.length - 1)
  const argument = definition.args[at]
  if (argument === undefined) return []
  const { syntax } = argument
  if (/container|^<[ab]>|^\[b\]/.test(syntax)) return named(await around.known.containers(), 'container')
  if (/network/.test(syntax) || (definition.path[0] === 'network' && definition.path[1] !== 'create'))
    return named(await around.known.networks(), 'network')
  if (/command/.test(syntax))
    return commandWords(bareWords(before).slice(definition.path.length), around.commands)
  if (/shell/.test(syntax)) return named(['bash', 'zsh', 'fish'], 'shell')
  return []
}

const named = (words: readonly string[], about: string): readonly Candidate[] =>
  words.map((word) => ({ word, about }))
