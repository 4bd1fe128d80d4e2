/**
 * What the engine's errors are about, as the flags and arguments that said so on this command line: paths of a request
 * (`subnets[0].gateway` is `--gateway`), and words for what it looks for (`container` may be CONTAINER, FROM or
 * `--from`). One place for all commands: which of them apply is looked up in what the command takes.
 *
 * Not responsible for a request that came as JSON: there the path is what was written.
 *
 * @module
 */

import {
  type CommandDefinition,
  dashed,
  type Invocation,
  type OptionDefinition,
  type Values,
  type VerbLib,
  type VerbSession,
  valuesOf,
} from './command.ts'

/** Such a path by itself: no part of the path of a file. */
const pattern =
  /(?<![\w./-])(?:(?:subnets|networks|publish|expose|links)\[\d+\](?:\.\w+)?|(?:container|resolver|options)\.[\w-]+)(?![\w./-])/g

/** By path, or by its first member where all below it are one flag's. */
const flags: Readonly<Record<string, string>> = {
  subnets: '--subnet',
  'subnets.gateway': '--gateway',
  'subnets.range': '--ip-range',
  'subnets.reserved': '--aux-address',
  networks: '--network',
  publish: '--publish',
  expose: '--expose',
  links: '--link',
  options: '--opt',
  'container.id': '--id',
  'container.name': '--container-name',
  'container.hostname': '--hostname',
  'resolver.resolvConf': '--resolv-conf',
  'resolver.hostsFile': '--hosts',
}

/** Arguments that say what a flag says elsewhere. */
const words: Readonly<Record<string, string>> = { '--network': 'network', '--publish': 'ports' }

interface Sought {
  /** What it is called here where nothing that was typed says so. */
  readonly called: string
  /** What takes something else is not meant by the same word: a label may be called as a network is. */
  readonly kind?: Values
}

/** The engine's words for what it looks for. */
const sought: Readonly<Record<string, Sought>> = {
  container: { called: 'container', kind: 'containers' },
  network: { called: 'network', kind: 'networks' },
  name: { called: 'name' },
  type: { called: 'type' },
  from: { called: 'from', kind: 'containers' },
  target: { called: 'to', kind: 'containers' },
  bridge: { called: 'bridges' },
}

type Told = Pick<CommandDefinition<VerbSession>, 'args' | 'groups'>

/** The error with the words of the command line where it has paths of a request; else itself. */
export function inWordsOfLine(
  error: unknown,
  definition: Told,
  { invocation, lib }: { readonly invocation: Invocation; readonly lib: VerbLib },
): unknown {
  if (!lib.isTsnetError(error) || error.field === undefined || invocation.flags['config'] !== undefined)
    return error
  const typed = typedAs(error.field, error.value, { definition, invocation })
  if (typed !== undefined) return lib.retold(error, { field: typed, message: error.message })
  const named = (path: string): string => writtenAs(path, definition, invocation) ?? path
  const field = error.field.replace(pattern, named)
  if (field === error.field) return error
  return lib.retold(error, { field, message: error.message.replace(pattern, named) })
}

function writtenAs(path: string, definition: Told, { flags: given }: Invocation): string | undefined {
  const [root = '', member] = path.replace(/\[\d+\]/, '').split('.')
  const own = root === 'networks' && member !== 'network' && path.startsWith('networks[0]')
  if (own && member !== undefined && given[member] !== undefined) return `--${member}`
  const flag = flags[`${root}.${member}`] ?? flags[root]
  const word = flag === undefined ? undefined : wordOf(flag, definition)
  const keyed = (root === 'networks' && member !== 'network') || root === 'options'
  return word === undefined || member === undefined || !keyed ? word : `${word} ${member}`
}

/** The flag or argument whose text, or a part of it, is that value; of several the one called like the field. */
function typedAs(
  field: string,
  value: unknown,
  { definition, invocation }: { readonly definition: Told; readonly invocation: Invocation },
): string | undefined {
  const wanted = Object.hasOwn(sought, field) ? sought[field] : undefined
  if (wanted === undefined) return undefined
  const { called, kind } = wanted
  const given = wordsOf(definition, invocation).sort(
    (a, b) => Number(isCalled(b.word, called)) - Number(isCalled(a.word, called)),
  )
  const fitting = given.filter(({ text, values }) => kind === undefined || kindOf(text, values) === kind)
  const said =
    fitting.find(({ text }) => text === value) ??
    fitting.find(({ text }) => text.split(/[:=,]/).some((part) => part === value)) ??
    given.find(({ word }) => isCalled(word, called))
  return said?.word
}

/** `--network container:web` is the one value that names another kind of thing. */
const kindOf = (text: string, values: Values | undefined): Values | undefined =>
  text.startsWith('container:') ? 'containers' : values

const isCalled = (word: string, name: string): boolean => word.toLowerCase().replace(/^--/, '') === name

interface Typed {
  readonly word: string
  readonly text: string
  readonly values: Values | undefined
}

/** All that was typed, each with the flag or argument it was typed for, and what that takes. */
function wordsOf({ args, groups }: Told, invocation: Invocation): Typed[] {
  const operands = [...invocation.args, ...invocation.program].flatMap((text, at) => {
    const argument = args[Math.min(at, args.length - 1)]
    return argument === undefined
      ? []
      : [{ word: nameOf(argument).toUpperCase(), text, values: valuesOf(argument) }]
  })
  const options = Object.entries(invocation.flags).flatMap(([name, given]) => {
    const word = `--${dashed(name)}`
    const values = optionCalled(word, groups)?.values
    return [given].flat().flatMap((text) => (typeof text === 'string' ? [{ word, text, values }] : []))
  })
  return [...operands, ...options]
}

const nameOf = ({ syntax }: Told['args'][number]): string => syntax.replace(/[^a-z]/g, '')

const optionCalled = (flag: string, groups: Told['groups']): OptionDefinition | undefined =>
  groups.flatMap(({ options }) => options).find((one) => one.flags.split(/[ ,]+/).includes(flag))

/** As this command takes it. */
function wordOf(flag: string, { args, groups }: Told): string | undefined {
  if (optionCalled(flag, groups) !== undefined) return flag
  const argument = words[flag]
  const there = args.some((one) => nameOf(one) === argument)
  return argument === undefined || !there ? undefined : argument.toUpperCase()
}
