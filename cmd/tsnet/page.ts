/**
 * The pages of the help, from the definitions of the commands: 80 columns,
 * plain text, the examples last.
 *
 * @module
 */

import type { ArgumentDefinition, CommandDefinition, CommandFamily, OptionDefinition } from './command.ts'
import { type Example, examples } from './examples.ts'
import { globalOptions } from './options.ts'
import {
  type Row,
  renderBlock,
  renderIndented,
  renderList,
  renderParagraphs,
  renderSections,
} from './print/layout.ts'

/** Left column of flags, and of commands and codes. */
const flagWidth = 26
const wordWidth = 18

/**
 * The page of a command, of a group such as `network`, or without words of tsnet.
 *
 * @returns undefined where there is no such command
 */
export function renderPage(path: readonly string[], families: readonly CommandFamily[]): string | undefined {
  const commands = families.flatMap((family) => family.commands)
  const definition = commands.find((command) => same(command.path, path))
  if (definition !== undefined) return commandPage(definition)
  const members = commands.filter(
    (command) => command.path.length > path.length && same(command.path.slice(0, path.length), path),
  )
  if (members.length === 0) return undefined
  return path.length === 0 ? rootPage(families) : groupPage(path, members)
}

function rootPage(families: readonly CommandFamily[]): string {
  const first: readonly Example[] = examples.filter((example) => example.onRootPage === true)
  return renderSections([
    'Usage: tsnet [options] COMMAND [arguments]',
    renderParagraphs(
      'Connects network namespaces: an address, a way out, published ports; and takes them off the network again without a trace.',
    ),
    ...families.map(({ title, commands }) =>
      renderBlock(title, renderList(commands.map(commandRow), wordWidth)),
    ),
    renderBlock('Options of every command', optionList(globalOptions)),
    renderBlock('Exit codes', renderList(exitCodeRows, wordWidth)),
    renderBlock('Examples', first.map(exampleText).join('\n')),
    'tsnet help COMMAND shows its flags and more examples.\n',
  ])
}

function groupPage(path: readonly string[], members: readonly CommandDefinition[]): string {
  const name = path.join(' ')
  return renderSections([
    `Usage: tsnet ${name} COMMAND [arguments]`,
    renderBlock('Commands', renderList(members.map(commandRow), wordWidth)),
    renderBlock(
      'Examples',
      members
        .flatMap((command) => examplesOf(command))
        .slice(0, 3)
        .map(exampleText)
        .join('\n'),
    ),
    `tsnet help ${name} COMMAND shows its flags.\n`,
  ])
}

function commandPage(definition: CommandDefinition): string {
  const words = definition.args.map(({ syntax }) => syntaxText(syntax))
  const usage = [
    'Usage: tsnet',
    ...definition.path,
    ...(definition.groups.length > 0 ? ['[options]'] : []),
    ...words,
  ]
  const own = examplesOf(definition)
  return renderSections([
    usage.join(' '),
    renderParagraphs(definition.about),
    ...(definition.args.length === 0 ? [] : [renderBlock('Arguments', argumentList(definition.args))]),
    ...definition.groups.map(({ title, options }) => renderBlock(title, optionList(options))),
    renderBlock('Options of every command', optionList(globalOptions)),
    ...(own.length === 0 ? [] : [renderBlock('Examples', own.map(exampleText).join('\n'))]),
  ])
}

/** What commands end with: lib/errors/exit.ts has those of errors. The README has the same table; a test compares. */
export const exitCodeRows: readonly Row[] = [
  ['0', 'done, also when there was nothing to do'],
  ['1', 'the kernel or a program refused a step, or a fault of tsnet; dns query: no answer'],
  ['2', 'the command line, a value or a file cannot be used; not supported here'],
  [
    '3',
    'no such container, network or published port; ipam who: nobody has it; daemon status, daemon metrics: none runs',
  ],
  ['4', 'taken: a port, an address, a name, a subnet'],
  ['5', 'check, doctor, dns conformance, docker status or podman status found something'],
  ['6', 'doctor or trace: packets do not arrive'],
  ['69', 'a program is missing, or the state cannot be read or written'],
  ['75', 'another tsnet is at work, or it was interrupted: try again'],
  ['77', 'not root, or not permitted'],
  ['130, 143', 'interrupted by SIGINT or SIGTERM; what was done has been taken back'],
  ['any', 'exec, sh, nsenter, ping, dig, curl: that of the program'],
]

const examplesOf = (definition: CommandDefinition): readonly Example[] =>
  examples.filter((example) => example.command === definition.path.join(' '))

const exampleText = ({ about, script }: Example): string => renderIndented([`# ${about}`, ...script])

const commandRow = ({ path, summary }: CommandDefinition): Row => [path.join(' '), summary]

const same = (a: readonly string[], b: readonly string[]): boolean => a.join(' ') === b.join(' ')

/** `[container]` reads `[CONTAINER]`, `<names...>` reads `NAMES...`. */
const syntaxText = (syntax: string): string => syntax.replace(/[<>]/g, '').toUpperCase()

const argumentList = (args: readonly ArgumentDefinition[]): string =>
  renderList(
    args.map(({ syntax, about }) => [syntaxText(syntax), about]),
    flagWidth,
  )

function optionList(options: readonly OptionDefinition[]): string {
  return renderList(
    options.map(({ flags, about, repeatable }) => [
      (flags.startsWith('--') ? `    ${flags}` : flags).replace(/<(.*)>/, (_, name: string) =>
        name.toUpperCase(),
      ),
      repeatable === true ? `${about} (repeatable)` : about,
    ]),
    flagWidth,
  )
}
