/**
 * nft scripts and nft's complaints as data.
 *
 * Reads what our own printers (lib/firewall/nftables) wrote: statements with an
 * explicit family, one per line or in braces over several. Not a parser of the
 * nft language. The text of errors is that of nft 1.0 to 1.1 in the C locale.
 *
 * @module
 */

export interface NftStatement {
  /** First line in the script, counted from 1. */
  readonly line: number
  readonly text: string
}

export interface NftFailure {
  /** Line in the script, counted from 1; undefined where nft did not say. */
  readonly line: number | undefined
  /** Such as `Could not process rule: File exists`. */
  readonly message: string
}

export interface NftElement {
  readonly key: string
  /** The data of a map's element. */
  readonly value: string | undefined
  readonly comment?: string
}

/** The statements of a script in order, without comments and blank lines. */
export function statementsOf(script: string): NftStatement[] {
  const statements: NftStatement[] = []
  let open: string[] = []
  let depth = 0
  for (const [index, line] of script.split('\n').entries()) {
    if (open.length === 0 && (line.trim() === '' || line.trimStart().startsWith('#'))) continue
    open.push(line)
    const bare = withoutStrings(line)
    depth += bare.split('{').length - bare.split('}').length
    if (depth > 0 || line.endsWith('\\')) continue
    statements.push({ line: index + 2 - open.length, text: open.join('\n') })
    open = []
    depth = 0
  }
  if (open.length > 0)
    statements.push({ line: script.split('\n').length + 1 - open.length, text: open.join('\n') })
  return statements
}

/** Which of the statements, joined by line ends, a line of the joined script belongs to. */
export function statementAt(statements: readonly NftStatement[], line: number): number | undefined {
  let next = 1
  for (const [index, statement] of statements.entries()) {
    next += statement.text.split('\n').length
    if (line < next) return index
  }
  return undefined
}

/** The complaints in nft's error output, in its order. */
export function failuresIn(errors: string): NftFailure[] {
  return errors.split('\n').flatMap((text) => {
    const [, line, message] = /^(?:[^\s:]+:(\d+):\d+-\d+: )?(?:.*?: )?Error: (.*)$/.exec(text) ?? []
    return message === undefined ? [] : [{ line: line === undefined ? undefined : Number(line), message }]
  })
}

/** What the statement names is not there: ENOENT, and nft's own words for intervals. */
export function isGone(failure: NftFailure): boolean {
  return /No such file or directory|element does not exist/.test(failure.message)
}

/** The elements between the braces of an `add element` statement. */
export function elementsOf(braced: string): NftElement[] {
  const body = braced.slice(braced.indexOf('{') + 1, braced.lastIndexOf('}'))
  return splitOutsideStrings(body, ',').flatMap((whole): readonly NftElement[] => {
    const text = whole
      .replace(/\bcomment "[^"]*"/g, '')
      .replace(/\bcounter packets \d+ bytes \d+/g, '')
      .replace(/\s+/g, ' ')
      .trim()
    if (text === '') return []
    const [, comment] = /\bcomment "([^"]*)"/.exec(whole) ?? []
    const said = comment === undefined ? {} : { comment }
    // A colon with blanks around it: IPv6 addresses have colons too.
    const at = text.indexOf(' : ')
    if (at < 0) return [{ key: text, value: undefined, ...said }]
    return [{ key: text.slice(0, at).trim(), value: text.slice(at + 3).trim(), ...said }]
  })
}

/** The script with line numbers, for error reports. */
export function numbered(script: string): string {
  const lines = script.trimEnd().split('\n')
  return lines
    .map((line, index) => `${String(index + 1).padStart(String(lines.length).length)}  ${line}`)
    .join('\n')
}

function withoutStrings(text: string): string {
  return text.replace(/"[^"]*"/g, '""')
}

function splitOutsideStrings(text: string, separator: string): string[] {
  return (text.match(new RegExp(`(?:"[^"]*"|[^"${separator}])+`, 'g')) ?? []).map(String)
}
