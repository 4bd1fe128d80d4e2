/**
 * Paths of a request, as the engine names them in its errors (`subnets[0].gateway`), as the flags and arguments that
 * said so on this command line (`--gateway`). One place for all commands: which of them apply is looked up in what the
 * command takes.
 *
 * Not responsible for a request that came as JSON: there the path is what was written.
 *
 * @module
 */

import type { CommandDefinition, Invocation, VerbLib, VerbSession } from './command.ts'

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

type Told = Pick<CommandDefinition<VerbSession>, 'args' | 'groups'>

/** The error with the words of the command line where it has paths of a request; else itself. */
export function inWordsOfLine(
  error: unknown,
  definition: Told,
  { invocation, lib }: { readonly invocation: Invocation; readonly lib: VerbLib },
): unknown {
  if (!lib.isTsnetError(error) || error.field === undefined || invocation.flags['config'] !== undefined)
    return error
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

/** As this command takes it. */
function wordOf(flag: string, { args, groups }: Told): string | undefined {
  const taken = groups
    .flatMap(({ options }) => options)
    .some((option) => option.flags.split(/[ ,]+/).includes(flag))
  if (taken) return flag
  const argument = words[flag]
  const there = args.some(({ syntax }) => syntax.replace(/[^a-z]/g, '') === argument)
  return argument === undefined || !there ? undefined : argument.toUpperCase()
}
