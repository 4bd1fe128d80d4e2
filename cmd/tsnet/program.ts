/**
 * Where tsnet's own words end and those of a program begin:
 * `tsnet exec web ip -4 addr`, `tsnet nsenter -t 4242 -n ss -tln`.
 *
 * Done before commander sees the line: it would take `-4` for a flag of ours.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { globalOptions } from './options.ts'

export interface SplitLine {
  readonly own: readonly string[]
  /** The program and its arguments; empty where there is none. */
  readonly rest: readonly string[]
}

type Splittable = Pick<CommandDefinition, 'path' | 'program' | 'groups'>

export function splitProgram(argv: readonly string[], commands: readonly Splittable[]): SplitLine {
  const global = valueFlags(globalOptions.map(({ flags }) => flags))
  const start = bareWords(argv, global)[0]
  const command = commands.find(
    ({ path, program }) => program !== undefined && path[0] === argv[start ?? argv.length],
  )
  if (command?.program === undefined || start === undefined) return { own: argv, rest: [] }
  const options = command.groups.flatMap((group) => group.options).map(({ flags }) => flags)
  const dashes = argv.indexOf('--', start)
  const ours = argv.slice(0, dashes === -1 ? argv.length : dashes)
  const bare = bareWords(ours, new Set([...global, ...valueFlags(options)])).filter((at) => at > start)
  const word = wordOf(command, ours)
  if (word === 'behind 1' && bare[0] !== undefined) {
    const rest = argv.slice(bare[0] + 1)
    return { own: argv.slice(0, bare[0] + 1), rest: rest[0] === '--' ? rest.slice(1) : rest }
  }
  const first = word === 'behind 1' ? undefined : bare[word - 1]
  if (first !== undefined) return { own: argv.slice(0, first), rest: argv.slice(first) }
  return { own: ours, rest: dashes === -1 ? [] : argv.slice(dashes + 1) }
}

function wordOf({ program }: Splittable, words: readonly string[]): 1 | 2 | 'behind 1' {
  const selected = program?.unless?.some((flag) =>
    words.some((word) => word === flag || word.startsWith(`${flag}=`)),
  )
  return selected === true ? 1 : (program?.word ?? 1)
}

/** Flags that take the next word as their value: `-t, --target <pid>`. */
function valueFlags(definitions: readonly string[]): ReadonlySet<string> {
  return new Set(
    definitions
      .filter((flags) => flags.includes('<'))
      .flatMap((flags) => flags.match(/--?[a-z][a-z-]*/g) ?? []),
  )
}

/** Indexes of words that are neither flags nor values of flags. */
function bareWords(words: readonly string[], withValue: ReadonlySet<string>): readonly number[] {
  return words.flatMap((word, at) => {
    const before = words[at - 1]
    return word.startsWith('-') || (before !== undefined && withValue.has(before)) ? [] : [at]
  })
}
