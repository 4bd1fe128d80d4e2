/**
 * Leads a packet through rules: what would become of it, and which rule decides.
 *
 * Conditions that are not understood are taken as not met, and said.
 *
 * @module
 */

import { type Address, parseAddress } from '../../model/address.ts'
import { isOf } from '../rules/masked.ts'
import type { Action, Condition, Field, Hook, Packet, Rule, RuleChain, RuleTable } from './model.ts'

export interface Decision {
  readonly verdict: 'accept' | 'drop' | 'reject'
  readonly table: RuleTable
  readonly chain: string
  /** Absent: the policy of the chain. */
  readonly rule?: Rule
  /** A condition on the way could not be understood. */
  readonly unsure: boolean
}

export interface Translation {
  readonly kind: 'dnat' | 'snat' | 'masquerade'
  /** Of dnat and snat: `ADDRESS[:PORT]`. */
  readonly to: string
  readonly table: RuleTable
  readonly chain: string
  readonly rule: Rule
  /** Of a map: the mark of its element. */
  readonly comment?: string
}

export interface HookResult {
  /** The first that does not accept, else the last. */
  readonly decision?: Decision
  readonly translation?: Translation
}

/** Through all base chains of a hook, in the order of their priorities; one that drops ends it. */
export function walkHook(tables: readonly RuleTable[], hook: Hook, packet: Packet): HookResult {
  const chains = tables
    .filter(({ family }) => speaksOf(family, packet))
    .flatMap((table) =>
      [...table.chains.values()].flatMap((chain) => (chain.base?.hook === hook ? [{ table, chain }] : [])),
    )
    .sort((a, b) => (a.chain.base?.priority ?? 0) - (b.chain.base?.priority ?? 0))
  let last: Decision | undefined
  let translation: Translation | undefined
  for (const { table, chain } of chains) {
    if (chain.base?.type === 'nat') {
      translation ??= translate(table, chain, packet)
      continue
    }
    const decision = decide(table, chain, packet)
    if (decision.verdict !== 'accept')
      return { decision, ...(translation === undefined ? {} : { translation }) }
    last = decision
  }
  return {
    ...(last === undefined ? {} : { decision: last }),
    ...(translation === undefined ? {} : { translation }),
  }
}

const speaksOf = (family: string, packet: Packet): boolean =>
  family === 'inet' || family === (packet.family === 4 ? 'ip' : 'ip6')

interface Walk {
  readonly table: RuleTable
  readonly packet: Packet
  unsure: boolean
}

function decide(table: RuleTable, base: RuleChain, packet: Packet): Decision {
  const walk: Walk = { table, packet, unsure: false }
  const end = through(walk, base, (rule, action, chain) =>
    action.kind === 'accept' || action.kind === 'drop' || action.kind === 'reject'
      ? { verdict: action.kind, chain, rule }
      : undefined,
  )
  const found = end ?? { verdict: base.base?.policy ?? 'accept', chain: base.name }
  return { ...found, table, unsure: walk.unsure }
}

function translate(table: RuleTable, base: RuleChain, packet: Packet): Translation | undefined {
  const walk: Walk = { table, packet, unsure: false }
  return through<Translation>(walk, base, (rule, action, chain) => {
    if (action.kind === 'dnat' || action.kind === 'snat')
      return { kind: action.kind, to: action.to, table, chain, rule }
    if (action.kind === 'masquerade') return { kind: 'masquerade', to: '', table, chain, rule }
    if (action.kind !== 'dnatMap' && action.kind !== 'snatMap') return undefined
    const entry = action.entries.find(({ key }) => meetsTuple(packet, action.fields, key))
    if (entry === undefined) return undefined
    const comment = entry.comment === undefined ? {} : { comment: entry.comment }
    const kind = action.kind === 'dnatMap' ? 'dnat' : 'snat'
    return { kind, to: entry.to, table, chain, rule, ...comment }
  })
}

/** @returns what `end` makes of the first rule it wants, undefined where the packet comes out behind the last */
function through<T>(
  walk: Walk,
  chain: RuleChain,
  end: (rule: Rule, action: Action, chain: string) => T | undefined,
  depth = 0,
): T | undefined {
  for (const rule of chain.rules) {
    if (!rule.conditions.every((condition) => meets(walk, condition))) continue
    const action = resolved(walk.packet, rule.action)
    const found = end(rule, action, chain.name)
    if (found !== undefined) return found
    if (action.kind === 'return' || action.kind === 'accept') return undefined
    if (action.kind !== 'jump' && action.kind !== 'goto') continue
    const next = walk.table.chains.get(action.chain)
    // A target of iptables that is not known, or a chain without rules.
    if (next === undefined || depth > 32) continue
    const deeper = through(walk, next, end, depth + 1)
    if (deeper !== undefined) return deeper
    if (action.kind === 'goto') return undefined
  }
  return undefined
}

function resolved(packet: Packet, action: Action): Action {
  if (action.kind !== 'vmap') return action
  return (
    action.entries.find(({ key }) => meetsTuple(packet, action.fields, key))?.action ?? { kind: 'continue' }
  )
}

function meets(walk: Walk, condition: Condition): boolean {
  if ('unknown' in condition) {
    walk.unsure = true
    return false
  }
  if ('field' in condition) {
    return (
      condition.values.some((value) => meetsField(walk.packet, condition.field, value)) !== condition.negated
    )
  }
  return (
    condition.tuples.some((tuple) => meetsTuple(walk.packet, condition.fields, tuple)) !== condition.negated
  )
}

const meetsTuple = (packet: Packet, fields: readonly Field[], tuple: readonly string[]): boolean =>
  fields.every((field, at) => meetsField(packet, field, tuple[at] ?? ''))

function meetsField(packet: Packet, field: Field, value: string): boolean {
  if (value === '*') return true
  switch (field) {
    case 'iif':
    case 'oif':
      return meetsName(packet[field], value)
    case 'saddr':
    case 'daddr':
      return meetsAddress(packet[field], value)
    case 'sport':
    case 'dport':
      return meetsPort(packet[field], value)
    case 'proto':
      return value === 'all' || value === packet.proto
    case 'ctstate':
      return value === packet.ctstate
    case 'ctstatus':
      return packet.ctstatus.some((mark) => mark === value)
    case 'daddrtype':
      return value === packet.daddrtype
    case 'family':
      return value === String(packet.family)
  }
}

/** `eth+` of iptables and `eth*` of nft mean all that begin so. */
function meetsName(name: string | undefined, value: string): boolean {
  if (name === undefined) return false
  return /[+*]$/.test(value) ? name.startsWith(value.slice(0, -1)) : name === value
}

function meetsAddress(address: string, value: string): boolean {
  const range = value.split('-')
  if (range.length === 2)
    return compare(range[0] ?? '', address) <= 0 && compare(address, range[1] ?? '') <= 0
  return isOf(value, address as Address)
}

/** As numbers, where both are of one family. */
function compare(a: string, b: string): number {
  const key = (text: string): string =>
    (parseAddress(text) ?? text)
      .split('.')
      .map((part) => part.padStart(3, '0'))
      .join('.')
  return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0
}

function meetsPort(port: number | undefined, value: string): boolean {
  if (port === undefined) return false
  const [first = '', last = first] = value.split('-')
  return Number(first) <= port && port <= Number(last)
}
