/**
 * Where packets meet a chain, and what they must be to get there. Pure.
 *
 * Rules come in the order packets meet them: a jump's rules before those behind
 * the jump. A chain that several lead to keeps
 * what all of them ask for: nothing is claimed that is not so on every way.
 *
 * @module
 */

import { type Family, parseAddress } from '../../model/address.ts'
import { isOf } from './masked.ts'
import type { Hook, ParsedChain, ParsedRule, ParsedRules, RuleMatch } from './rule.ts'

export interface ReachedRule extends ParsedRule {
  readonly hooks: readonly Hook[]
  /** Place in the order of all. */
  readonly order: number
  /** Of the base chain it is reached from. */
  readonly priority: number
}

interface Way {
  readonly hooks: Set<Hook>
  priority: number
  matches: readonly RuleMatch[]
}

type Place = Pick<ParsedRule, 'tool' | 'family' | 'table' | 'chain'>

const keyOf = ({ tool, family, table, chain }: Place): string => `${tool} ${family ?? ''} ${table} ${chain}`

/** Rules that packets can meet, with the conditions of the jumps that lead to them. */
export function reachedRules({ chains, rules }: ParsedRules): readonly ReachedRule[] {
  const byChain = new Map<string, ParsedRule[]>()
  for (const rule of rules) byChain.set(keyOf(rule), [...(byChain.get(keyOf(rule)) ?? []), rule])
  const ways = new Map<string, Way>()
  const orders = new Map<ParsedRule, number>()
  const open = chains.filter(({ hook }) => hook !== '').sort((a, b) => a.priority - b.priority)
  for (const base of open)
    walk(base, { hooks: new Set([base.hook]), priority: base.priority, matches: [] }, 0)

  function walk(place: Place, way: Way, depth: number): void {
    const key = keyOf(place)
    const known = ways.get(key)
    if (known === undefined) ways.set(key, { ...way, hooks: new Set(way.hooks) })
    else if (!merge(known, way)) return
    // The kernel allows 16 levels.
    if (depth > 16) return
    for (const rule of byChain.get(key) ?? []) {
      if (!orders.has(rule)) orders.set(rule, orders.size)
      if (rule.verdict.does !== 'jump' && rule.verdict.does !== 'goto') continue
      const matches = union(way.matches, rule.matches)
      for (const chain of rule.verdict.to) walk({ ...rule, chain }, { ...way, matches }, depth + 1)
    }
  }

  return rules.flatMap((rule) => {
    const way = ways.get(keyOf(rule))
    if (way === undefined) return []
    return [
      {
        ...rule,
        hooks: [...way.hooks],
        priority: way.priority,
        order: orders.get(rule) ?? 0,
        matches: union(way.matches, rule.matches),
      },
    ]
  })
}

/** @returns false where that way adds nothing new */
function merge(known: Way, way: Way): boolean {
  const texts = new Set(way.matches.map(textOf))
  const common = known.matches.filter((match) => texts.has(textOf(match)))
  const fresh = [...way.hooks].filter((hook) => !known.hooks.has(hook))
  const changed = fresh.length > 0 || common.length < known.matches.length
  for (const hook of fresh) known.hooks.add(hook)
  known.matches = common
  return changed
}

/** Ports and addresses that a way leads to in dozens say nothing beside those of the rule at its end. */
function union(some: readonly RuleMatch[], more: readonly RuleMatch[]): readonly RuleMatch[] {
  const texts = new Set(some.map(textOf))
  return [
    ...some.filter((match) => !more.some((one) => narrows(one, match))),
    ...more.filter((match) => !texts.has(textOf(match))),
  ]
}

function narrows(one: RuleMatch, wide: RuleMatch): boolean {
  if (one.about !== wide.about || one.not || wide.not) return false
  if (textOf(one) === textOf(wide)) return false
  if (one.about === 'destination')
    return one.values.every((value) => {
      const address = parseAddress(value)
      return address !== undefined && wide.values.some((range) => isOf(range, address))
    })
  if (one.about !== 'port') return false
  return one.values.every((value) => wide.values.some((range) => isWithin(portsOf(value), portsOf(range))))
}

function portsOf(value: string): readonly [first: number, last: number] {
  const [first = '', last = first] = value.split('-')
  return [Number(first), Number(last)]
}

const isWithin = ([first, last]: readonly [number, number], [from, to]: readonly [number, number]): boolean =>
  first >= from && last <= to

const textOf = ({ about, not, values }: RuleMatch): string => `${not ? '!' : ''}${about} ${values.join()}`

/** Policies that drop, as rules at the end of their chains. */
export function droppingPolicies(chains: readonly ParsedChain[]): readonly ReachedRule[] {
  return chains
    .filter(({ policy, hook }) => policy === 'drop' && hook !== '')
    .map(({ tool, family, table, chain, hook, priority, packets, bytes }) => ({
      tool,
      family: family as Family | undefined,
      table,
      chain,
      hooks: [hook],
      priority,
      // Whatever no rule has decided.
      order: Number.MAX_SAFE_INTEGER,
      matches: [],
      verdict: { does: 'drop', to: [] },
      ...(packets === undefined ? {} : { packets, bytes: bytes ?? 0 }),
      shared: true,
      text: `policy drop`,
    }))
}
