/**
 * What `nft -j list ruleset` prints, as rules. Pure.
 *
 * A rule of tsnet's own table that looks something up becomes one rule for each
 * element, with the element's comment and counter: the elements are what belongs
 * to a network or a container. Sets of others are told as lists of values.
 *
 * @see libnftables-json(5)
 * @module
 */

import type { NftFields, NftObject } from '../../kernel/rules/ruletext.ts'
import type { Family } from '../../model/address.ts'
import { type Element, elementsOf, type SetContent } from './elements.ts'
import { type Condition, matchesOf, wordsOf } from './expression.ts'
import type { Hook, ParsedChain, ParsedRule, ParsedRules, RuleMatch, RuleVerdict } from './rule.ts'

const families: Readonly<Record<string, Family>> = { ip: 4, ip6: 6 }
const ownTable = 'inet tsnet'
/** A set of others with more values is told by its name. */
const fewValues = 12

export function parseNative(objects: readonly NftObject[]): ParsedRules {
  const sets = new Map<string, SetContent>()
  for (const { set, map } of objects) {
    const one = set ?? map
    if (one !== undefined) sets.set(`${one['family']} ${one['table']} ${one['name']}`, elementsOf(one))
  }
  const chains = objects.flatMap(({ chain }) => (chain === undefined ? [] : [chainOf(chain)]))
  const rules = objects.flatMap(({ rule }) => (rule === undefined ? [] : rulesOf(rule, sets)))
  return { chains, rules }
}

const tableOf = (fields: NftFields): string => `${fields['family']} ${fields['table']}`

function chainOf(fields: NftFields): ParsedChain {
  const policy = fields['policy']
  return {
    tool: 'nftables',
    family: families[String(fields['family'])],
    table: tableOf(fields),
    chain: String(fields['name']),
    hook: (fields['hook'] ?? '') as Hook,
    priority: Number(fields['prio'] ?? 0),
    ...(policy === 'accept' || policy === 'drop' ? { policy } : {}),
  }
}

function rulesOf(fields: NftFields, sets: ReadonlyMap<string, SetContent>): readonly ParsedRule[] {
  const table = tableOf(fields)
  const expressions = (fields['expr'] ?? []) as readonly NftObject[]
  const find = (name: string): SetContent | undefined => sets.get(`${table} ${name.replace(/^@/, '')}`)
  const conditions = expressions.flatMap((one) =>
    one['match'] === undefined ? [] : [matchesOf(one['match'])],
  )
  const counter = expressions.find((one) => one['counter'] !== undefined)?.['counter']
  const comment = fields['comment']
  const base = {
    tool: 'nftables' as const,
    family: families[String(fields['family'])],
    table,
    chain: String(fields['chain']),
    ...(typeof comment === 'string' ? { comment } : {}),
    ...countOf(counter),
    text: expressions.map(wordsOf).join(' '),
  }
  const others = expressions.flatMap((one): RuleMatch[] =>
    Object.keys(one).some((key) => ['limit', 'xt', 'quota', 'dynset', 'connlimit'].includes(key))
      ? [{ about: 'other', not: false, values: [wordsOf(one)] }]
      : [],
  )
  const verdicts = expressions.flatMap((one) => verdictsOf(one))
  const [verdict = { does: 'count', to: [] } as Verdict] = verdicts
  const plain = conditions.flatMap((one) => resolved(one, find))
  if (table !== ownTable) {
    const { lookup, ...told } = verdict
    return [{ ...base, shared: false, matches: [...plain, ...others], verdict: told }]
  }
  return expanded({ ...base, verdict, conditions }, find)
}

interface Verdict extends RuleVerdict {
  /** The map that says where it goes: fields of its key, and its name. */
  readonly lookup?: { readonly key: Condition['about']; readonly map: string }
}

function expanded(
  rule: Omit<ParsedRule, 'shared' | 'matches'> & {
    readonly verdict: Verdict
    readonly conditions: readonly Condition[]
  },
  find: (name: string) => SetContent | undefined,
): readonly ParsedRule[] {
  const { conditions, verdict, ...base } = rule
  const { lookup, ...told } = verdict
  const asks = conditions.find(({ set }) => set !== undefined)
  const source = lookup?.map ?? asks?.set
  const content = source === undefined ? undefined : find(source)
  const fixed = conditions.filter((one) => one.set === undefined).flatMap((one) => resolved(one, find))
  if (content === undefined) return [{ ...base, verdict: told, matches: fixed, shared: true }]
  const about = lookup?.key ?? asks?.about ?? []
  return content.elements.map((element) => ({
    ...base,
    ...own(element),
    shared: element.counter === undefined,
    verdict: lookup === undefined ? told : { does: told.does, to: [targetOf(element)] },
    matches: [
      ...fixed,
      ...about.map((one, at): RuleMatch => ({ about: one, not: false, values: [element.key[at] ?? ''] })),
      ...conditions
        .filter((one) => one.set !== undefined && one !== asks)
        .flatMap((one) => resolved({ ...one, values: element.key, set: undefined }, find)),
    ],
  }))
}

function own({ comment, counter }: Element): Partial<ParsedRule> {
  return { ...(comment === undefined ? {} : { comment }), ...(counter === undefined ? {} : counter) }
}

function targetOf({ value }: Element): string {
  const [address = '', port] = value
  if (port === undefined) return address
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** A condition without look-up, or with the values of its set. */
function resolved(condition: Condition, find: (name: string) => SetContent | undefined): RuleMatch[] {
  const { about, not, values, set, text } = condition
  if (set === undefined) {
    if (about.length === 1) return [{ about: about[0] ?? 'other', not, values }]
    return about.map((one, at) => ({ about: one, not, values: values.slice(at, at + 1) }))
  }
  const known = find(set)?.elements.map(({ key }) => key.join(' . '))
  if (about.length !== 1 || known === undefined || known.length > fewValues)
    return [{ about: 'other', not, values: [text] }]
  return [{ about: about[0] ?? 'other', not, values: known }]
}

function countOf(counter: NftFields | undefined): Pick<ParsedRule, 'packets' | 'bytes'> {
  if (counter === undefined) return {}
  return { packets: Number(counter['packets'] ?? 0), bytes: Number(counter['bytes'] ?? 0) }
}

function verdictsOf(one: NftObject): readonly Verdict[] {
  for (const does of ['accept', 'drop', 'reject', 'return', 'masquerade'] as const) {
    if (does in one) return [{ does, to: [] }]
  }
  for (const does of ['jump', 'goto'] as const) {
    const target = one[does]?.['target']
    if (target !== undefined) return [{ does, to: [String(target)] }]
  }
  if ('vmap' in one) return [{ does: 'jump', to: chainsIn(one['vmap']) }]
  for (const does of ['dnat', 'snat', 'redirect'] as const) {
    const fields = one[does]
    if (does in one) return [translation(does, fields)]
  }
  const mangle = one['mangle']
  if (mangle !== undefined) {
    const isMss = JSON.stringify(mangle['key']).includes('maxseg')
    return [isMss ? { does: 'clampMss', to: [] } : { does: 'other', to: [wordsOf(one)] }]
  }
  return []
}

function translation(does: 'dnat' | 'snat' | 'redirect', fields: NftFields | undefined): Verdict {
  const address = fields?.['addr'] as NftFields | string | undefined
  if (typeof address === 'object') {
    const map = address['map'] as NftFields | undefined
    const data = map?.['data']
    if (typeof data === 'string') {
      const { about } = matchesOf({ op: '==', left: map?.['key'], right: '' })
      return { does, to: [data], lookup: { key: about, map: data } }
    }
    return { does, to: [JSON.stringify(address)] }
  }
  const port = fields?.['port']
  const to = [address, port === undefined ? undefined : String(port)].filter((part) => part !== undefined)
  return { does, to: to.length === 0 ? [] : [to.join(':')] }
}

/** All chains a verdict map leads to. */
function chainsIn(vmap: unknown): readonly string[] {
  return [...JSON.stringify(vmap ?? '').matchAll(/"target":"([^"]+)"/g)].map(([, name]) => name ?? '')
}
