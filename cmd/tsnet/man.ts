/**
 * The pages of the help as man pages (man(7)), from the same definitions.
 *
 * @module
 */

import type { CommandDefinition, CommandFamily, OptionDefinition } from './command.ts'
import { examples } from './examples.ts'
import { globalOptions } from './options.ts'
import { exitCodeRows } from './page.ts'
import { tsnetVersion } from './version.ts'

/** By file name: `tsnet.1`, `tsnet-network-create.1`. */
export function manPages(families: readonly CommandFamily[]): ReadonlyMap<string, string> {
  const commands = families.flatMap((family) => family.commands)
  return new Map([
    ['tsnet.1', rootPage(families)],
    ...commands.map((command) => [`${pageName(command)}.1`, commandPage(command)] as const),
  ])
}

const pageName = ({ path }: CommandDefinition): string => ['tsnet', ...path].join('-')

function rootPage(families: readonly CommandFamily[]): string {
  return page('tsnet', 'network backend of container runtimes', [
    section('SYNOPSIS', ['.B tsnet', '[options] COMMAND [arguments]']),
    section('DESCRIPTION', [
      text(
        'Connects network namespaces: an address, a way out, published ports; and takes them off the network again without a trace.',
      ),
    ]),
    ...families.map(({ title, commands }) =>
      section(
        `COMMANDS: ${title.toUpperCase()}`,
        commands.flatMap((one) => term(bold(one.path.join(' ')), one.summary)),
      ),
    ),
    section('OPTIONS OF EVERY COMMAND', globalOptions.flatMap(option)),
    exitSection(),
    exampleSection(examples.filter(({ onRootPage }) => onRootPage === true)),
    section('SEE ALSO', [
      text(families.flatMap(({ commands }) => commands.map((one) => `${pageName(one)}(1)`)).join(', ')),
    ]),
  ])
}

function commandPage(command: CommandDefinition): string {
  const { path, summary, about, args, groups } = command
  const words = args.map(({ syntax }) => italic(syntax.replace(/[<>]/g, '').toUpperCase()))
  return page(pageName(command), summary, [
    section('SYNOPSIS', [
      [bold(['tsnet', ...path].join(' ')), ...(groups.length > 0 ? ['[options]'] : []), ...words].join(' '),
    ]),
    section(
      'DESCRIPTION',
      about.split('\n').flatMap((paragraph, at) => [...(at === 0 ? [] : ['.PP']), text(paragraph)]),
    ),
    ...(args.length === 0
      ? []
      : [
          section(
            'ARGUMENTS',
            args.flatMap((one) => term(italic(one.syntax.replace(/[<>]/g, '').toUpperCase()), one.about)),
          ),
        ]),
    ...groups.map(({ title, options }) => section(title.toUpperCase(), options.flatMap(option))),
    section('OPTIONS OF EVERY COMMAND', globalOptions.flatMap(option)),
    exitSection(),
    exampleSection(examples.filter((one) => one.command === path.join(' '))),
    section('SEE ALSO', ['.BR tsnet (1)']),
  ])
}

function page(name: string, summary: string, sections: readonly string[]): string {
  return [
    `.TH ${name.toUpperCase().replaceAll('-', '\\-')} 1 "" "tsnet ${tsnetVersion}" "tsnet manual"`,
    '.nh',
    '.ad l',
    section('NAME', [`${name.replaceAll('-', '\\-')} \\- ${escaped(summary)}`]),
    ...sections,
    '',
  ].join('\n')
}

const section = (title: string, lines: readonly string[]): string =>
  [`.SH "${escaped(title).replaceAll('"', '')}"`, ...lines].join('\n')

const term = (head: string, about: string): readonly string[] => ['.TP', head, text(about)]

function option({ flags, about, repeatable }: OptionDefinition): readonly string[] {
  const shown = flags.replace(/[<[](.*)[\]>]/, (_, name: string) => name.toUpperCase())
  return term(bold(shown), repeatable === true ? `${about} (repeatable)` : about)
}

function exitSection(): string {
  return section(
    'EXIT STATUS',
    exitCodeRows.flatMap(([code, about]) => term(bold(code), about)),
  )
}

function exampleSection(shown: typeof examples): string {
  return section(
    'EXAMPLES',
    shown.flatMap(({ about, script }) => [
      '.PP',
      text(about),
      '.PP',
      '.nf',
      '.RS 4',
      ...script.map(text),
      '.RE',
      '.fi',
    ]),
  )
}

const bold = (words: string): string => `\\fB${escaped(words)}\\fR`
const italic = (words: string): string => `\\fI${escaped(words)}\\fR`

/** A line of text: a dot or an apostrophe at its beginning would be a request. */
function text(words: string): string {
  const line = escaped(words)
  return /^[.']/.test(line) ? `\\&${line}` : line
}

/** In the characters man(7) has for what it would otherwise change or not have. */
function escaped(words: string): string {
  return words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('…', '...')
    .replaceAll('→', '->')
    .replace(
      /[^ -~\n]/g,
      (char) => `\\[u${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
    )
}
