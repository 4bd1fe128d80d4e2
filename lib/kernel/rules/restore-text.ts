/**
 * iptables-restore text as data, and what the iptables programs say about it.
 *
 * Reads what our own printers (lib/firewall/iptables) wrote: `*table`, one
 * command per line, `COMMIT`. Messages are those of iptables 1.8 in the C locale.
 *
 * @module
 */

export interface RestoreCommand {
  readonly table: string
  /** Line in the text, counted from 1. */
  readonly line: number
  /** Such as `-A TSNET-FORWARD -i tsnet0 -j ACCEPT`, or `:TSNET-IN - [0:0]`: made, or emptied. */
  readonly command: string
}

/** The commands of a restore text in order. */
export function commandsOf(text: string): RestoreCommand[] {
  const commands: RestoreCommand[] = []
  let table = 'filter'
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line.startsWith('*')) table = line.slice(1)
    else if (/^[-:]/.test(line)) commands.push({ table, line: index + 1, command: line })
  }
  return commands
}

/**
 * A restore text that changes nothing and fails unless everything that `add`
 * makes is there: rules are checked with -C, chains listed with -S.
 */
export function checksFor(add: string): string {
  const checks = commandsOf(add).flatMap(({ table, command }) => {
    const [, chain] = /^(?::|-N\s+)(\S+)/.exec(command) ?? []
    if (chain !== undefined) return [{ table, command: `-S ${chain}` }]
    const [, own, rule = ''] = /^-[AI]\s+(\S+)(?:\s+\d+(?=\s))?(.*)$/.exec(command) ?? []
    return own === undefined ? [] : [{ table, command: `-C ${own}${rule}` }]
  })
  return documentOf(checks)
}

/**
 * One command of a removing text as arguments of the plain program; undefined
 * for what removes nothing. A `:CHAIN` line only empties there: nothing is to be
 * made only to be deleted.
 */
export function removalOf({ table, command }: RestoreCommand): readonly string[] | undefined {
  const [, chain] = /^:(\S+)/.exec(command) ?? []
  if (chain !== undefined) return ['-t', table, '-F', chain]
  return /^-[DFX]\s/.test(command) ? ['-t', table, ...wordsOf(command)] : undefined
}

/** The text makes chains and nothing else, without emptying them. */
export function makesOnlyChains(text: string): boolean {
  return commandsOf(text).every(({ command }) => /^-N\s/.test(command))
}

/**
 * What makes a chain at this line, which is refused where the chain is there, and the text without it and without tables
 * that were done before. Undefined where the line makes none.
 */
export function makingAt(
  text: string,
  line: number | undefined,
): { readonly making: string; readonly rest: string } | undefined {
  const commands = commandsOf(text)
  const failing = commands.find((one) => one.line === line)
  if (failing === undefined || !/^-N\s/.test(failing.command)) return undefined
  const tables = [...new Set(commands.map(({ table }) => table))]
  const left = new Set(tables.slice(tables.indexOf(failing.table)))
  return {
    making: documentOf([failing]),
    rest: documentOf(commands.filter((one) => one !== failing && left.has(one.table))),
  }
}

/** The words of one command as iptables-restore splits them: blanks, with `"…"` and `\` as quotes. */
export function wordsOf(command: string): string[] {
  const words = command.match(/(?:"(?:\\.|[^"\\])*"|\\.|[^\s"\\])+/g) ?? []
  return words.map((word) => word.replace(/\\(.)|"/g, (_, escaped?: string) => escaped ?? ''))
}

/** Another process holds the xtables lock longer than we wait. */
export function isLockBusy(stderr: string): boolean {
  return /holding the xtables lock|xtables lock/.test(stderr)
}

/** The rule, or the chain it is in or jumps to, is not there. */
export function saysGone(stderr: string): boolean {
  return [
    /No chain\/target\/match by that name/,
    /does a matching rule exist in that chain/,
    /Chain '.*' does not exist/,
    /goto '.*' is not a chain/,
    /Couldn't load target `.*':No such file or directory/,
    /No such file or directory/,
    /table `.*' in .* does not exist|Table does not exist/,
    /is incompatible, use 'nft' tool/,
  ].some((pattern) => pattern.test(stderr))
}

/** Several texts as one, with one commit for each table; commands stay in their order. */
export function mergedRestore(texts: readonly string[]): string {
  return documentOf(texts.flatMap(commandsOf))
}

/** Commands as a restore text, with one commit for each table. */
export function documentOf(commands: readonly Pick<RestoreCommand, 'table' | 'command'>[]): string {
  return [...new Set(commands.map(({ table }) => table))]
    .flatMap((table) => [
      `*${table}`,
      ...commands.filter((one) => one.table === table).map(({ command }) => command),
      'COMMIT',
    ])
    .map((line) => `${line}\n`)
    .join('')
}

export interface Refused {
  /** The table that ends there. */
  readonly table: string
  /** That one and those behind it. */
  readonly again: string
  /** Those behind it. */
  readonly later: string
}

/** A text whose table could not be committed that ends at this line; undefined where none does. Lines keep their numbers. */
export function atCommit(text: string, line: number | undefined): Refused | undefined {
  const lines = text.split('\n')
  if (line === undefined || lines[line - 1] !== 'COMMIT') return undefined
  const begin = lines.slice(0, line).findLastIndex((one) => one.startsWith('*'))
  const only = (isIn: (i: number) => boolean): string =>
    lines.map((one, i) => (isIn(i) ? one : '')).join('\n')
  return {
    table: only((i) => i >= begin && i < line),
    again: only((i) => i >= begin),
    later: only((i) => i >= line),
  }
}

/** Which line of the text a restore program complains about. */
export function failedLine(stderr: string): number | undefined {
  const [, line] = /line:? (\d+)/.exec(stderr) ?? []
  return line === undefined ? undefined : Number(line)
}
