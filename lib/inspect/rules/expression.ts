/**
 * One expression of nft's JSON: what it asks of a packet, and its text. Pure.
 *
 * @see libnftables-json(5)
 * @module
 */

import type { NftFields, NftObject } from '../../kernel/rules/ruletext.ts'
import type { RuleMatch } from './rule.ts'

/** What a match asks, before its set is looked into. */
export interface Condition {
  /** One, or several joined in one key. */
  readonly about: readonly RuleMatch['about'][]
  readonly not: boolean
  readonly values: readonly string[]
  /** Name of the set it is looked up in. */
  readonly set: string | undefined
  readonly text: string
}

export function matchesOf(match: NftFields): Condition {
  const { op, left, right } = match as {
    readonly op: string
    readonly left: unknown
    readonly right: unknown
  }
  const text = [valueText(left), ...(op === '==' || op === 'in' ? [] : [op]), valueText(right)].join(' ')
  const joined =
    typeof left === 'object' ? (left as { readonly concat?: readonly unknown[] } | null)?.concat : undefined
  const parts = joined ?? [left]
  const about = parts.map(aboutOf)
  const not = op === '!='
  if (!['==', '!=', 'in'].includes(op) || about.includes('other')) {
    return { about: ['other'], not: false, values: [text], set: undefined, text }
  }
  if (about[0] === 'toHost') {
    const local = valueText(right) === 'local'
    return { about: local ? ['toHost'] : ['other'], not, values: local ? [] : [text], set: undefined, text }
  }
  const set = typeof right === 'string' && right.startsWith('@') ? right : undefined
  return { about, not, values: set === undefined ? valuesOf(right) : [], set, text }
}

/** Fields of packets and flows that have a word of ours; family checks say nothing a person asks for. */
function aboutOf(expression: unknown): RuleMatch['about'] {
  const { meta, payload, ct, fib } = (expression ?? {}) as Readonly<Record<string, NftFields | undefined>>
  switch (meta?.['key']) {
    case 'iifname':
    case 'iif':
      return 'in'
    case 'oifname':
    case 'oif':
      return 'out'
    case 'l4proto':
      return 'protocol'
    default:
  }
  switch (payload?.['field']) {
    case 'saddr':
      return 'source'
    case 'daddr':
      return 'destination'
    case 'dport':
      return 'port'
    case 'sport':
      return 'sourcePort'
    case 'protocol':
    case 'nexthdr':
      return 'protocol'
    default:
  }
  if (ct?.['key'] === 'state' || ct?.['key'] === 'status') return 'state'
  return fib?.['result'] === 'type' && JSON.stringify(fib['flags']).includes('daddr') ? 'toHost' : 'other'
}

function valuesOf(right: unknown): readonly string[] {
  const set = (right as { readonly set?: readonly unknown[] } | null)?.set
  if (set !== undefined) return set.map(valueText)
  return Array.isArray(right) ? right.map(valueText) : [valueText(right)]
}

/** A value or the left side of a match, about as nft writes it. */
export function valueText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return value.map(valueText).join(',')
  const fields = value as Readonly<Record<string, NftFields>>
  const [kind = '', inner = {}] = Object.entries(fields)[0] ?? []
  switch (kind) {
    case 'prefix':
      return `${inner['addr']}/${inner['len']}`
    case 'range':
      return (inner as unknown as readonly unknown[]).map(valueText).join('-')
    case 'concat':
      return (inner as unknown as readonly unknown[]).map(valueText).join(' . ')
    case 'set':
      return `{ ${valueText(inner)} }`
    case 'elem':
      return valueText(inner['val'])
    case 'meta':
      return String(inner['key'])
    case 'ct':
      return `ct ${inner['key']}`
    case 'payload':
      return inner['protocol'] === undefined
        ? JSON.stringify(inner)
        : `${inner['protocol']} ${inner['field']}`
    case 'fib':
      return `fib ${valueText(inner['flags'])} ${inner['result']}`
    case '&':
    case '|':
      return (inner as unknown as readonly unknown[]).map(valueText).join(` ${kind} `)
    default:
      return JSON.stringify(value)
  }
}

/** The whole expression as text, for people who want to see the rule itself. */
export function wordsOf(one: NftObject): string {
  const [kind = '', fields] = Object.entries(one)[0] ?? []
  if (kind === 'match' && fields !== undefined) return matchesOf(fields).text
  if (kind === 'counter') return 'counter'
  if (fields === undefined || fields === null) return kind
  if (kind === 'jump' || kind === 'goto') return `${kind} ${fields['target']}`
  if (kind === 'xt') return `${fields['type'] ?? 'xt'} ${fields['name'] ?? ''}`.trim()
  if (kind === 'dnat' || kind === 'snat') {
    const map = (fields['addr'] as NftFields | undefined)?.['map'] as NftFields | undefined
    if (map !== undefined) return `${kind} to ${valueText(map['key'])} map ${valueText(map['data'])}`
  }
  return `${kind} ${Object.values(fields).map(valueText).join(' ')}`.trim()
}
