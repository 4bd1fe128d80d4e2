/**
 * netavark's command line: global options stand before the verb. What is wrong
 * with it is told in clap's words, on standard error, with exit code 2.
 *
 * @module
 */

import {
  invalidValue,
  type OptionSpec,
  type OptionValues,
  optionLines,
  optionWords,
  takeOptions,
  unexpected,
} from './clap.ts'
import { UsageFault } from './errors.ts'

const globalOptions: readonly OptionSpec[] = [
  { long: 'aardvark-binary', short: 'a', about: 'Path to the aardvark-dns binary' },
  { long: 'config', short: 'c', about: 'config directory for aardvark, usually path to a tmpfs' },
  {
    long: 'file',
    short: 'f',
    about: 'Instead of reading from STDIN, read the configuration to be applied from the given file',
  },
  { long: 'firewall-driver', about: 'Firewall driver to use: iptables, nftables, firewalld or none' },
  { long: 'plugin-directory', about: 'Path to a plugin directory; may be repeated, the first hit wins' },
  {
    long: 'rootless',
    short: 'r',
    about: 'Tells if current netavark invocation is for rootless container',
  },
]

interface VerbSpec {
  readonly about: string
  readonly arg?: { readonly name: string; readonly about: string }
  readonly options?: readonly OptionSpec[]
  /** Must be there. */
  readonly needs?: string
}

const netns = { name: 'NETWORK_NAMESPACE_PATH', about: 'Network namespace path' }

export type Verb =
  | 'setup'
  | 'teardown'
  | 'update'
  | 'create'
  | 'firewall-reload'
  | 'firewalld-reload'
  | 'version'

const verbs: Readonly<Record<Verb, VerbSpec>> = {
  setup: { about: 'Configures the given network namespace with the given configuration', arg: netns },
  teardown: { about: 'Undo any configuration applied via setup command', arg: netns },
  update: {
    about: 'Updates network dns servers for an already configured network',
    arg: { name: 'NETWORK_NAME', about: 'Network name to update' },
    options: [{ long: 'network-dns-servers', about: 'DNS Servers to update for the network' }],
    needs: 'network-dns-servers',
  },
  create: { about: 'Validates and completes a network configuration' },
  'firewall-reload': { about: 'Applies all packet rules anew' },
  'firewalld-reload': { about: 'Applies all packet rules anew, and again whenever firewalld is reloaded' },
  version: { about: 'Display info about netavark' },
}

/** A line that can be carried out. */
export interface CommandLine {
  readonly verb: Verb
  /** Path of the namespace, or name of the network; empty where the verb has none. */
  readonly arg: string
  readonly config: string | undefined
  readonly file: string | undefined
  readonly aardvark: string | undefined
  readonly firewall: string | undefined
  readonly pluginFolders: readonly string[]
  readonly rootless: boolean
  /** Of `update`: every value given. */
  readonly dnsServers: readonly string[]
}

/** A line that only asks for words. */
export interface Words {
  readonly say: string
}

/** @throws UsageFault */
export function readCommandLine(argv: readonly string[], version: string): CommandLine | Words {
  const values: OptionValues = new Map()
  const head = takeOptions(argv, { specs: globalOptions, of: 'program', usage: usage() }, values)
  if ('help' in head) return { say: head.help === 'help' ? mainHelp(version) : `netavark ${version}\n` }
  const [word, ...rest] = head.rest
  if (word === undefined) throw new UsageFault(mainHelp(version))
  if (word === 'help') return { say: rest[0] === undefined ? mainHelp(version) : verbHelp(verbOf(rest[0])) }
  return commandOf(verbOf(word), rest, values)
}

function verbOf(word: string): Verb {
  if (Object.hasOwn(verbs, word)) return word as Verb
  throw unexpected(word, usage())
}

function commandOf(verb: Verb, rest: readonly string[], values: OptionValues): CommandLine | Words {
  const spec = verbs[verb]
  const tail = takeOptions(rest, { specs: spec.options ?? [], of: 'verb', usage: usage(verb) }, values)
  if ('help' in tail) return { say: verbHelp(verb) }
  const [arg, extra] = tail.rest
  const surplus = spec.arg === undefined ? arg : extra
  if (surplus !== undefined) throw unexpected(surplus, usage(verb))
  const missing = [
    ...(spec.needs === undefined || values.has(spec.needs) ? [] : [optionWords(spec.needs)]),
    ...(spec.arg === undefined || arg !== undefined ? [] : [`<${spec.arg.name}>`]),
  ]
  if (missing.length > 0) {
    throw new UsageFault(
      `error: The following required arguments were not provided:\n${missing.map((one) => `    ${one}\n`).join('')}\n${usage(verb)}\nFor more information try --help\n`,
    )
  }
  const one = (name: string): string | undefined => values.get(name)?.at(-1)
  return {
    verb,
    arg: arg ?? '',
    config: one('config'),
    file: one('file'),
    aardvark: one('aardvark-binary'),
    firewall: one('firewall-driver'),
    pluginFolders: values.get('plugin-directory') ?? [],
    rootless: readRootless(one('rootless')),
    dnsServers: values.get('network-dns-servers') ?? [],
  }
}

function readRootless(text: string | undefined): boolean {
  if (text === undefined || text === 'false') return false
  if (text === 'true') return true
  throw invalidValue(text, 'rootless', 'provided string was not `true` or `false`')
}

function usage(verb?: Verb): string {
  if (verb === undefined) return 'USAGE:\n    netavark [OPTIONS] <SUBCOMMAND>\n'
  const { arg, needs } = verbs[verb]
  const words = [...(needs === undefined ? [] : [optionWords(needs)]), ...(arg ? [`<${arg.name}>`] : [])]
  return `USAGE:\n    ${['netavark', verb, ...words].join(' ')}\n`
}

const helpLine = '    -h, --help\n            Print help information\n'

function mainHelp(version: string): string {
  const list = Object.entries(verbs)
    .map(([verb, { about }]) => `    ${verb.padEnd(17)}${about}\n`)
    .join('')
  const versionLine = '    -V, --version\n            Print version information\n'
  return `netavark ${version}\n\n${usage()}\nOPTIONS:\n${optionLines(globalOptions)}\n${helpLine}\n${versionLine}\nSUBCOMMANDS:\n${list}`
}

function verbHelp(verb: Verb): string {
  const { about, arg, options = [] } = verbs[verb]
  const args = arg === undefined ? '' : `\nARGS:\n    <${arg.name}>    ${arg.about}\n`
  const lines = options.length === 0 ? helpLine : `${optionLines(options)}\n${helpLine}`
  return `netavark-${verb}\n${about}\n\n${usage(verb)}${args}\nOPTIONS:\n${lines}`
}
