/**
 * Command lines as Rust's clap reads them, and its words for what is wrong with
 * one: netavark's and aardvark-dns's.
 *
 * @module
 */

import { UsageFault } from './errors.ts'

export interface OptionSpec {
  readonly long: string
  readonly short?: string
  readonly about: string
}

export interface Grammar {
  readonly specs: readonly OptionSpec[]
  /** Options of a verb stand between and behind its words; global ones before the verb. */
  readonly of: 'verb' | 'program'
  readonly usage: string
}

export type OptionValues = Map<string, readonly string[]>

/** Reads options up to the first word that is none. */
export function takeOptions(
  argv: readonly string[],
  { specs, of, usage }: Grammar,
  values: OptionValues,
): { readonly rest: readonly string[] } | { readonly help: 'help' | 'version' } {
  const isVerb = of === 'verb'
  const words: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string
    if (word === '--') return { rest: [...words, ...argv.slice(i + 1)] }
    if (!word.startsWith('-') || word === '-') {
      if (!isVerb) return { rest: argv.slice(i) }
      words.push(word)
      continue
    }
    if (word === '-h' || word === '--help') return { help: 'help' }
    if (!isVerb && (word === '-V' || word === '--version')) return { help: 'version' }
    const [name, inline] = split(word)
    const spec = specs.find(({ long, short }) => name === `--${long}` || name === `-${short}`)
    if (spec === undefined) throw unexpected(name, usage)
    const value = inline ?? argv[++i]
    if (value === undefined) {
      throw new UsageFault(
        `error: The argument '${optionWords(spec.long)}' requires a value but none was supplied\n\nFor more information try --help\n`,
      )
    }
    values.set(spec.long, [...(values.get(spec.long) ?? []), value])
  }
  return { rest: words }
}

/** `--config=X`, `-cX`, `-c=X`. */
function split(word: string): readonly [string, string | undefined] {
  if (!word.startsWith('--')) {
    const value = word.slice(2)
    return [word.slice(0, 2), value === '' ? undefined : value.replace(/^=/, '')]
  }
  const at = word.indexOf('=')
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

export function unexpected(word: string, usage: string): UsageFault {
  const value = word.startsWith('-')
    ? `\tIf you tried to supply \`${word}\` as a value rather than a flag, use \`-- ${word}\`\n\n`
    : ''
  return new UsageFault(
    `error: Found argument '${word}' which wasn't expected, or isn't valid in this context\n\n${value}${usage}\nFor more information try --help\n`,
  )
}

export const optionWords = (long: string): string => `--${long} <${long.toUpperCase().replaceAll('-', '_')}>`

export function invalidValue(value: string, option: string, why: string): UsageFault {
  return new UsageFault(
    `error: Invalid value "${value}" for '${optionWords(option)}': ${why}\n\nFor more information try --help\n`,
  )
}

export function optionLines(specs: readonly OptionSpec[]): string {
  return specs
    .map(({ long, short, about }) => {
      const flag = short === undefined ? '    ' : `-${short}, `
      return `    ${flag}${optionWords(long)}\n            ${about}\n`
    })
    .join('\n')
}
