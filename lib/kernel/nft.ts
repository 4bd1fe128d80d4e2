/**
 * nftables: batches are applied, taken back, looked for and read here.
 *
 * `runNft` is the one door through which tables are changed: an owned,
 * persistent table would have a single writer process, and this is where its
 * batches would be sent from (decision 5). One script is one transaction.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { executeNft, type NftAnswer, type NftOutputOptions } from './libnftables.ts'
import { changeElements } from './nft-elements.ts'
import { elementsOf, isGone, type NftStatement, numbered, statementAt, statementsOf } from './nft-script.ts'

/** A revert that still finds missing things after so many rounds goes on statement by statement. */
const revertRounds = 8

/**
 * Applies a batch: all of it or nothing.
 *
 * @throws TSNET_NOT_PERMITTED (forbidden), TSNET_KERNEL_FEATURE_MISSING (unsupported),
 *   TSNET_PROGRAM_MISSING (unavailable), TSNET_PROGRAM_FAILED (internal)
 */
export function runNft(script: string): void {
  if (changeElements(script)) return
  const answer = executeNft(script)
  if (!answer.ok) throw complaint('applying nftables rules', script, answer)
}

/**
 * Applies a batch that removes things; what is gone already stops nothing.
 * Normally one transaction, without the statements whose object is missing.
 *
 * @throws as `runNft`, after everything else has been tried
 */
export function revertNft(script: string): void {
  if (changeElements(script)) return
  let left: readonly NftStatement[] = statementsOf(script)
  for (let round = 0; round < revertRounds && left.length > 0; round++) {
    const answer = executeNft(textOf(left))
    if (answer.ok) return
    const gone = new Set(
      answer.failures.map((failure) =>
        isGone(failure) && failure.line !== undefined ? statementAt(left, failure.line) : undefined,
      ),
    )
    if (gone.size === 0 || gone.has(undefined)) break
    left = left.filter((_, index) => !gone.has(index))
  }
  revertSingly(left)
}

/**
 * Whether anything the batch makes is missing: tables, chains, sets, maps and
 * elements by name, key and value; rules by their number per chain (and comment,
 * where they have one), because the kernel's text of a rule is not ours.
 */
export function missingNft(add: string): boolean {
  const statements = statementsOf(add).map(({ text }) => parseAdd(text))
  const tables = new Map<string, TableContent | undefined>()
  const wanted = new Map<string, number>()
  for (const { object, table, name, rest } of statements.filter((statement) => statement !== undefined)) {
    if (!tables.has(table)) tables.set(table, readTable(table))
    const content = tables.get(table)
    if (content === undefined) return true
    if (object === 'rule') {
      const key = ruleKey(name, /\bcomment "([^"]*)"/.exec(rest)?.[1])
      wanted.set(`${table} ${key}`, (wanted.get(`${table} ${key}`) ?? 0) + 1)
      if ((wanted.get(`${table} ${key}`) ?? 0) > (content.rules.get(key) ?? 0)) return true
    } else if (object === 'element') {
      if (elementsOf(rest).some(({ key, value }) => !holdsElement(`${table} ${name}`, key, value)))
        return true
    } else if (object !== 'table' && !content.names.has(`${object} ${name}`)) return true
  }
  return false
}

/**
 * Runs a reading command such as `list table inet tsnet`.
 *
 * @returns nft's output, or undefined where what it asks for does not exist
 * @throws as `runNft`
 */
export function queryNft(command: string, options: NftOutputOptions = {}): string | undefined {
  const answer = executeNft(command, options)
  if (answer.ok) return answer.output
  if (answer.failures.length > 0 && answer.failures.every(isGone)) return undefined
  throw complaint('reading nftables rules', command, answer)
}

/** One object of nft's JSON (libnftables-json(5)): `{ "chain": { … } }` and the like. */
export type NftObject = Readonly<Record<string, NftFields | undefined>>
export type NftFields = Readonly<Record<string, unknown>>

/** `queryNft` with the objects of nft's JSON output; empty where what it asks for does not exist. */
export function queryNftObjects(
  command: string,
  options: Omit<NftOutputOptions, 'json'> = {},
): readonly NftObject[] {
  const output = queryNft(command, { ...options, json: true })
  if (output === undefined || output === '') return []
  return (JSON.parse(output) as { readonly nftables: readonly NftObject[] }).nftables
}

function revertSingly(statements: readonly NftStatement[]): void {
  const errors: unknown[] = []
  for (const { text } of statements) {
    const answer = executeNft(text)
    if (!answer.ok && !answer.failures.some(isGone))
      errors.push(complaint('removing nftables rules', text, answer))
  }
  if (errors.length > 1) {
    const message = `removing nftables rules: ${errors.length} statements failed`
    throw fail('TSNET_PROGRAM_FAILED', { message, cause: new AggregateError(errors, message) })
  }
  if (errors.length === 1) throw errors[0]
}

interface AddStatement {
  readonly object: 'table' | 'chain' | 'set' | 'map' | 'element' | 'rule'
  /** Family and name. */
  readonly table: string
  readonly name: string
  readonly rest: string
}

/** @returns undefined for a statement that makes nothing (flush, delete) */
function parseAdd(text: string): AddStatement | undefined {
  const pattern =
    /^\s*(?:add|create|insert)\s+(table|chain|set|map|element|rule)\s+(ip|ip6|inet|bridge|netdev)\s+(\S+)\s*([^\s{]*)([\s\S]*)$/
  const [, object, family, table, name = '', rest = ''] = pattern.exec(text) ?? []
  if (object === undefined) return undefined
  return { object: object as AddStatement['object'], table: `${family} ${table}`, name, rest }
}

interface TableContent {
  /** `chain NAME`, `map NAME`, `set NAME`. */
  readonly names: ReadonlySet<string>
  /** How many rules there are per chain, and per chain and comment. */
  readonly rules: ReadonlyMap<string, number>
}

function readTable(table: string): TableContent | undefined {
  const objects = queryNftObjects(`list table ${table}`, { terse: true })
  if (!objects.some((object) => object['table'] !== undefined)) return undefined
  const names = new Set<string>()
  const rules = new Map<string, number>()
  for (const object of objects) {
    for (const kind of ['chain', 'set', 'map'])
      if (object[kind] !== undefined) names.add(`${kind} ${object[kind]['name']}`)
    const rule = object['rule']
    if (rule === undefined) continue
    const keys = new Set([ruleKey(rule['chain'], undefined), ruleKey(rule['chain'], rule['comment'])])
    for (const key of keys) rules.set(key, (rules.get(key) ?? 0) + 1)
  }
  return { names, rules }
}

function ruleKey(chain: unknown, comment: unknown): string {
  return comment === undefined ? `${chain}` : `${chain} ${comment}`
}

function holdsElement(map: string, key: string, value: string | undefined): boolean {
  const output = queryNft(`get element ${map} { ${key} }`)
  if (output !== undefined) return value === undefined || elementsOf(elementsIn(output))[0]?.value === value
  // nft 1.0.6 cannot get a range out of an interval map whose key is no concatenation, but its ends.
  const ends = /^(\S+)-(\S+)$/.exec(key)?.slice(1) ?? []
  return ends.length > 0 && ends.every((end) => holdsElement(map, end, value))
}

function elementsIn(listing: string): string {
  return /elements = (\{[\s\S]*?\})\n/.exec(listing)?.[1] ?? '{}'
}

function textOf(statements: readonly NftStatement[]): string {
  return statements.map(({ text }) => text).join('\n')
}

function complaint(doing: string, script: string, answer: NftAnswer): Error {
  const [first] = answer.failures
  const reason = first?.message ?? answer.errors.trim().split('\n')[0] ?? 'no reason given'
  const line = first?.line === undefined ? undefined : script.split('\n')[first.line - 1]?.trim()
  const where = first?.line === undefined ? '' : `line ${first.line}: `
  const message = `${doing}: ${where}${lowerFirst(reason)}${line === undefined ? '' : `: ${line}`}`
  const cause = new Error(`${answer.errors.trimEnd()}\n${numbered(script)}`)
  if (/Operation not permitted|Permission denied/.test(reason)) {
    return fail('TSNET_NOT_PERMITTED', { message, cause, hint: 'run as root, with CAP_NET_ADMIN' })
  }
  if (/Operation not supported|Protocol not supported/.test(reason)) {
    const lacks = 'CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET or the option of that expression'
    return fail('TSNET_KERNEL_FEATURE_MISSING', {
      message: `${message}: the kernel lacks ${lacks}`,
      cause,
      hint: 'modprobe nf_tables, or use --firewall iptables',
    })
  }
  return fail('TSNET_PROGRAM_FAILED', { message, cause })
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}
