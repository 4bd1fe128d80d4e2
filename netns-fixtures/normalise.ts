/**
 * Rules as comparable lines: without counters, dates and accidental order, and
 * each with the table and chain it stands in, so that a difference reads alone.
 *
 * @module
 */

/** How to treat tables that the iptables tools made by merely being used. */
export interface TableOptions {
  /** `'drop'` (default): a built-in table without rules and own chains counts as absent. */
  readonly emptyTables?: 'drop' | 'keep'
}

/** How to read what nft tells. */
export interface RulesetOptions extends TableOptions {
  /**
   * Tables whose chains and rules are left out, such as `'ip nat'`: those that
   * `iptables-nft-save` tells. nft translates xtables' matches and targets as
   * well as it can, and at times prints nothing in their place.
   */
  readonly toldByIptables?: readonly string[]
}

const builtInChain = /^(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$/

/** Lines of an `iptables-save` text. */
export function normaliseIptables(text: string, options: TableOptions = {}): string[] {
  const tables = new Map<string, string[]>()
  let lines: string[] = []
  for (const raw of text.split('\n')) {
    const line = raw.replace(/^(\[\d+:\d+\] )/, '').replace(/ \[\d+:\d+\]$/, '')
    if (line.startsWith('#') || line === 'COMMIT' || line === '') continue
    if (line.startsWith('*')) {
      lines = []
      tables.set(line.slice(1), lines)
    } else lines.push(line)
  }
  return [...tables]
    .filter(([, table]) => options.emptyTables === 'keep' || !table.every(isUntouchedChain))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([name, table]) => [`*${name}`, ...table.map((line) => `*${name} ${line}`)])
}

/** The names of the tables in an `iptables-save` text that it could tell: `nat`, not one that is `incompatible, use 'nft' tool`. */
export function tablesIn(text: string): string[] {
  return [...text.matchAll(/^\*(\w+)$/gm)].map(([, name = '']) => name)
}

/** `:INPUT ACCEPT`: a built-in chain as it comes. */
function isUntouchedChain(line: string): boolean {
  const [chain = '', policy] = line.slice(1).split(' ')
  return line.startsWith(':') && builtInChain.test(chain) && policy === 'ACCEPT'
}

/** Lines of an `nft list ruleset` text: tables sorted, elements sorted and one to a line. */
export function normaliseNft(text: string, options: RulesetOptions = {}): string[] {
  const tables = new Map<string, string[]>()
  const path: string[] = []
  let elements: string | undefined
  for (const raw of text.split('\n')) {
    const line = raw.trim().replaceAll(/ +/g, ' ')
    if (elements !== undefined || line.startsWith('elements = {')) {
      elements = `${elements ?? ''}${line} `
      if (!line.endsWith('}')) continue
      const all = elementsIn(elements).sort()
      tables.get(path[0] ?? '')?.push(...all.map((element) => `${path.join(' ')} element ${element}`))
      elements = undefined
    } else if (line === '' || line.startsWith('#')) {
    } else if (line === '}') path.pop()
    else if (line.endsWith('{')) {
      path.push(line.slice(0, -1).trim())
      if (path.length === 1) tables.set(line.slice(0, -1).trim(), [])
      else tables.get(path[0] ?? '')?.push(path.join(' '))
    } else tables.get(path[0] ?? '')?.push(`${path.join(' ')} ${line}`)
  }
  for (const name of options.toldByIptables ?? []) {
    const table = `table ${name}`
    const own = tables.get(table)?.filter((line) => !line.startsWith(`${table} chain `)) ?? []
    if (own.length > 0) tables.set(table, own)
    else tables.delete(table)
  }
  return [...tables]
    .filter(([name, lines]) => options.emptyTables === 'keep' || !isUntouchedTable(name, lines))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([name, lines]) => [name, ...lines])
}

/** A table that iptables-nft made and that holds nothing but empty base chains. */
function isUntouchedTable(name: string, lines: readonly string[]): boolean {
  if (!/^table (ip|ip6) (filter|nat|mangle|raw|security)$/.test(name)) return false
  return lines.every((line) => {
    const [, chain = '', rest = ''] = /^table \S+ \S+ chain (\S+) ?(.*)$/.exec(line) ?? []
    return (
      builtInChain.test(chain) &&
      (rest === '' || /^type \w+ hook \w+ priority [^;]+; policy accept;$/.test(rest))
    )
  })
}

/** Splits at commas outside quotes; ten thousand elements in one pass. */
function elementsIn(text: string): string[] {
  const elements: string[] = []
  let quoted = false
  let start = text.indexOf('{') + 1
  const end = text.lastIndexOf('}')
  for (let index = start; index <= end; index += 1) {
    if (text[index] === '"') quoted = !quoted
    if (quoted || (text[index] !== ',' && index !== end)) continue
    const element = text
      .slice(start, index)
      .trim()
      .replace(/ expires \S+/, '')
    if (element) elements.push(element)
    start = index + 1
  }
  return elements
}
