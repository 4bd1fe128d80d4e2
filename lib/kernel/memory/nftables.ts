/**
 * nftables of the memory kernel: tables changed by the same scripts that
 * `nft -f` takes, one script one transaction.
 *
 * Reads the statements our printers write (add, delete, flush of table, chain,
 * set, map, rule and element, one a line); anything else is refused, as nft
 * refuses what it cannot read. Not what a rule means.
 *
 * @module
 */

import type { TaggedRules } from '../kernel.ts'
import { elementsOf, statementsOf } from '../rules/nft-script.ts'
import { ofElement, ofInterface, protectTables } from '../rules/tagged.ts'
import { Refusal } from './namespace.ts'

interface MemoryTable {
  readonly chains: Map<string, { readonly hook: string; rules: string[] }>
  /** Sets and maps: elements by key; a set's values are empty. */
  readonly sets: Map<string, MemorySet>
}

interface MemorySet {
  readonly declared: string
  readonly elements: Map<string, string>
  readonly comments: Map<string, string>
}

type Ruleset = Map<string, MemoryTable>

interface Statement {
  readonly verb: string
  readonly object: string
  readonly table: string
  readonly name: string
  readonly rest: string
}

export class MemoryRuleset {
  #tables: Ruleset = new Map()

  /** @throws Refusal; then nothing has changed */
  run(script: string): void {
    const tables = copyOf(this.#tables)
    for (const { text } of statementsOf(script)) perform(tables, parse(text))
    this.#tables = tables
  }

  /** Takes away what the script says; what is gone already stops nothing. */
  revert(script: string): void {
    for (const { text } of statementsOf(script)) {
      const statement = parse(text)
      // A declaration in a removal is there for the delete behind it.
      if (statement.verb === 'add') continue
      try {
        perform(this.#tables, statement)
      } catch (error) {
        if (!(error instanceof Refusal) || error.errno !== 'ENOENT') throw error
      }
    }
  }

  /** Everything the adding script makes is there. */
  holds(script: string): boolean {
    return statementsOf(script)
      .map(({ text }) => parse(text))
      .filter(({ verb }) => verb === 'add')
      .every((statement) => isThere(this.#tables, statement))
  }

  /** Chain TSNET-USER has rules of an admin. */
  userRules(): boolean {
    return [...this.#tables.values()].some(({ chains }) => (chains.get('TSNET-USER')?.rules.length ?? 0) > 0)
  }

  tagged(): readonly TaggedRules[] {
    const elements = [...(this.#tables.get('inet tsnet')?.sets ?? [])].flatMap(
      ([set, { elements: all, comments }]) =>
        [...all].flatMap(([key, value]) => {
          const comment = comments.get(key)
          const said = comment === undefined ? {} : { comment }
          return ofElement(set, { key, value: value === '' ? undefined : value, ...said })
        }),
    )
    const interfaces = [...this.#tables].flatMap(([table, { chains }]) => {
      const [family, name = ''] = table.split(' ')
      if (family !== 'netdev' || !protectTables.test(name)) return []
      const text = [...chains.values()].flatMap(({ rules }) => rules).join('\n')
      return [ofInterface(name, /\bcomment "([^"]*)"/.exec(text)?.[1])]
    })
    return [...elements, ...interfaces]
  }

  dump(): readonly string[] {
    return [...this.#tables].flatMap(([table, { chains, sets }]) => [
      `table ${table}`,
      ...[...sets].flatMap(([set, { elements }]) => [
        `${table} ${set}`,
        ...[...elements]
          .map(([key, value]) => `${table} ${set} { ${key}${value === '' ? '' : ` : ${value}`} }`)
          .toSorted(),
      ]),
      ...[...chains].flatMap(([chain, { hook, rules }]) => [
        `${table} chain ${chain}${hook === '' ? '' : ` ${hook}`}`,
        ...rules.map((rule) => `${table} ${chain} ${rule}`),
      ]),
    ])
  }
}

function copyOf(tables: Ruleset): Ruleset {
  return new Map(
    [...tables].map(([name, { chains, sets }]) => [
      name,
      {
        chains: new Map([...chains].map(([chain, { hook, rules }]) => [chain, { hook, rules: [...rules] }])),
        sets: new Map(
          [...sets].map(([set, { declared, elements, comments }]) => [
            set,
            { declared, elements: new Map(elements), comments: new Map(comments) },
          ]),
        ),
      },
    ]),
  )
}

function parse(text: string): Statement {
  const pattern =
    /^\s*(add|delete|flush)\s+(table|chain|set|map|rule|element)\s+(\S+ [^\s{;]+)\s*([^\s{;]*)\s*([\s\S]*)$/
  const [, verb, object, table, name = '', rest = ''] = pattern.exec(text) ?? []
  if (verb === undefined || object === undefined || table === undefined) {
    throw new Refusal('EINVAL', `syntax error: ${text}`)
  }
  return { verb, object, table, name, rest: rest.trim() }
}

function perform(tables: Ruleset, statement: Statement): void {
  const { verb, object, name, rest } = statement
  if (object === 'table') {
    performTable(tables, statement)
    return
  }
  const table = tables.get(statement.table)
  if (table === undefined) throw missing(`table ${statement.table}`)
  switch (`${verb} ${object}`) {
    case 'add chain':
      if (!table.chains.has(name)) table.chains.set(name, { hook: rest, rules: [] })
      return
    case 'flush chain':
      chainOf(table, name).rules = []
      return
    case 'delete chain':
      if (chainOf(table, name).rules.length > 0) throw new Refusal('EBUSY', `chain ${name} has rules`)
      table.chains.delete(name)
      return
    case 'add set':
    case 'add map':
      addSet(table, name, `${object} ${rest}`)
      return
    case 'delete set':
    case 'delete map':
      setOf(table, name)
      table.sets.delete(name)
      return
    case 'add rule':
      for (const [, set = ''] of rest.matchAll(/@(\w+)/g)) setOf(table, set)
      chainOf(table, name).rules.push(rest)
      return
    case 'add element':
      addElements(setOf(table, name), name, rest)
      return
    case 'delete element':
      deleteElements(setOf(table, name).elements, name, rest)
      return
    default:
      throw new Refusal('EINVAL', `cannot ${verb} ${object}`)
  }
}

function performTable(tables: Ruleset, { verb, table }: Statement): void {
  const there = tables.has(table)
  if (verb === 'add' && !there) tables.set(table, { chains: new Map(), sets: new Map() })
  if (verb === 'delete' && !tables.delete(table)) throw missing(`table ${table}`)
}

function addSet({ sets }: MemoryTable, name: string, declared: string): void {
  const found = sets.get(name)
  if (found !== undefined && found.declared !== declared) {
    throw new Refusal('EEXIST', `${name} is there already and is something else`)
  }
  if (found === undefined) sets.set(name, { declared, elements: new Map(), comments: new Map() })
}

/** The same element again is no error; another value for the same key is. */
function addElements({ elements, comments }: MemorySet, set: string, braced: string): void {
  for (const { key, value = '', comment } of elementsOf(braced)) {
    const found = elements.get(key)
    if (found !== undefined && found !== value) throw new Refusal('EEXIST', `${set} has ${key} already`)
    elements.set(key, value)
    if (comment !== undefined) comments.set(key, comment)
  }
}

function deleteElements(elements: Map<string, string>, set: string, braced: string): void {
  for (const { key } of elementsOf(braced)) if (!elements.delete(key)) throw missing(`${key} in ${set}`)
}

function isThere(tables: Ruleset, { object, table: tableName, name, rest }: Statement): boolean {
  const table = tables.get(tableName)
  if (table === undefined || object === 'table') return table !== undefined
  if (object === 'chain') return table.chains.has(name)
  if (object === 'rule') return table.chains.get(name)?.rules.includes(rest) === true
  const set = table.sets.get(name)
  if (object !== 'element') return set !== undefined
  return elementsOf(rest).every(({ key, value = '' }) => set?.elements.get(key) === value)
}

function chainOf({ chains }: MemoryTable, name: string): { readonly hook: string; rules: string[] } {
  const chain = chains.get(name)
  if (chain === undefined) throw missing(`chain ${name}`)
  return chain
}

function setOf({ sets }: MemoryTable, name: string): MemorySet {
  const set = sets.get(name)
  if (set === undefined) throw missing(`set ${name}`)
  return set
}

function missing(what: string): Refusal {
  return new Refusal('ENOENT', `no ${what}`)
}
