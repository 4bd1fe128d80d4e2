/**
 * nftables: batches are applied, taken back, looked for and read here.
 *
 * `runNft` and `revertNft` are the door through which tables are changed; who carries a batch out, this process or the
 * one that owns our table, is nft-door.ts. One script is one transaction.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { addressOf, boundsOf, type Cidr, familyOf, fromNumber, parseCidr } from '../../model/address.ts'
import { executeNft, type NftAnswer, type NftOutputOptions } from './libnftables.ts'
import { applyNft } from './nft-door.ts'
import {
  elementsOf,
  isGone,
  type NftFailure,
  type NftStatement,
  numbered,
  statementAt,
  statementsOf,
} from './nft-script.ts'

/** A revert that still finds missing things after so many rounds goes on statement by statement. */
const revertRounds = 8

/**
 * Applies a batch: all of it or nothing.
 *
 * @throws TSNET_NOT_PERMITTED (forbidden), TSNET_KERNEL_FEATURE_MISSING (unsupported),
 *   TSNET_PROGRAM_MISSING (unavailable), TSNET_PROGRAM_FAILED (internal)
 */
export async function runNft(script: string): Promise<void> {
  const answer = await applyNft(script)
  if (!answer.ok) throw complaint('applying nftables rules', script, answer)
}

/**
 * Applies a batch that removes things; what is gone already stops nothing.
 * Normally one transaction, without the statements whose object is missing.
 *
 * @throws as `runNft`, after everything else has been tried
 */
export async function revertNft(script: string): Promise<void> {
  let left: readonly NftStatement[] = statementsOf(script)
  for (let round = 0; round < revertRounds && left.length > 0; round++) {
    const answer = await applyNft(textOf(left))
    if (answer.ok) return
    const gone = new Set(
      answer.failures.map((failure) =>
        isGone(failure) && failure.line !== undefined ? statementAt(left, failure.line) : undefined,
      ),
    )
    if (gone.size === 0 || gone.has(undefined)) break
    left = left.filter((_, index) => !gone.has(index))
  }
  await revertSingly(left)
}

/**
 * Whether anything the batch makes is missing: tables, chains, sets, maps and
 * elements by name, key and value; rules by their number per chain (and comment,
 * where they have one), because the kernel's text of a rule is not ours.
 *
 * @param tables what was read of tables for other batches of the same look
 */
export function missingNft(add: string, tables: NftTables = new Map()): boolean {
  const statements = statementsOf(add).map(({ text }) => parseAdd(text))
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

/** Somebody changed rules while the kernel told them: what was told is no state there has been. */
const isInterrupted = ({ message }: NftFailure): boolean => message.includes('Interrupted system call')
/** In a crowd every second reading may be one. */
const readings = 50

/**
 * Runs a reading command such as `list table inet tsnet`.
 *
 * @returns nft's output, or undefined where what it asks for does not exist
 * @throws as `runNft`
 */
export function queryNft(command: string, options: NftOutputOptions = {}): string | undefined {
  let answer = executeNft(command, options)
  for (let nth = 1; nth < readings && answer.failures.some(isInterrupted); nth++)
    answer = executeNft(command, options)
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

async function revertSingly(statements: readonly NftStatement[]): Promise<void> {
  const errors: unknown[] = []
  for (const { text } of statements) {
    const answer = await applyNft(text)
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

/** By family and name; undefined where there is none. */
export type NftTables = Map<string, TableContent | undefined>

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
  const prefix = parseCidr(key)
  if (prefix !== undefined) return holdsPrefix(map, prefix, value)
  const output = queryNft(`get element ${map} { ${key} }`)
  if (output !== undefined) return value === undefined || elementsOf(elementsIn(output))[0]?.value === value
  // nft 1.0.6 cannot get a range out of an interval map whose key is no concatenation, but its ends.
  const ends = /^(\S+)-(\S+)$/.exec(key)?.slice(1) ?? []
  return ends.length > 0 && ends.every((end) => holdsElement(map, end, value))
}

/**
 * Asked for by its ends: of three neighbours the kernel does not find the prefix of one, whichever that is by the shape of
 * its tree, and of a map's nft finds none (6.18, nft 1.0.6). An address is answered with the interval it is in, of a map
 * with itself and where it leads.
 */
function holdsPrefix(map: string, prefix: Cidr, value: string | undefined): boolean {
  const { first, last } = boundsOf(prefix)
  const ends = [...new Set([first, last])].map((number) => fromNumber(familyOf(prefix), number))
  const key = ends.length === 1 ? addressOf(prefix) : prefix
  return ends.every((address) => {
    const output = queryNft(`get element ${map} { ${address} }`)
    const [found] = output === undefined ? [] : elementsOf(elementsIn(output))
    return value === undefined ? found?.key === key : found?.value === value
  })
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
