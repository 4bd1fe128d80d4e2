/**
 * Text for `iptables-restore --noflush`, with its inverse.
 *
 * A change is a set of own chains and rules per table; what takes it back
 * follows from that, so no rule can be added that is not removed. In this text
 * `:CHAIN - [0:0]` makes a chain or empties it, and is therefore used for our
 * own chains only; `-N CHAIN` and the rule that leads there mean "where it is not
 * there yet", their inverse "where nothing is in it any more", for chains that
 * several changes share (lib/kernel/rules/shared-chains.ts).
 *
 * Each table is committed for itself, in this order: with a failure in a later
 * table the earlier ones stay.
 *
 * @see iptables-restore(8)
 * @module
 */

import { type Address, type Family, familyOf } from '../../model/address.ts'
import type { RulesStep } from '../../plan/step.ts'

const tables = ['raw', 'mangle', 'nat', 'filter'] as const
export type Table = (typeof tables)[number]

export interface Rule {
  readonly chain: string
  /** `top`: before all there is now. */
  readonly at: 'top' | 'end'
  /** Matches, in the order and spelling of iptables-save. */
  readonly match: string
  readonly tag: string
  /** `-j TARGET` or `-g CHAIN`, with its options. */
  readonly target: string
}

/** A chain that others put rules into as well: made with the first of them, gone with the last. */
export interface SharedChain {
  readonly chain: string
  /** The one rule that leads there. */
  readonly from: Rule
}

export interface TableChange {
  /** Chains made by this change, which go with it, whatever is in them. */
  readonly chains: readonly string[]
  /** Absent: none. */
  readonly shared?: readonly SharedChain[]
  readonly rules: readonly Rule[]
}

export type Change = { readonly [T in Table]?: TableChange }

/** @param tool whose restore program takes the text */
export function rulesStep(tool: RulesStep['tool'], change: Change): RulesStep {
  return {
    kind: 'rules',
    where: 'host',
    tool,
    add: document(tables, change, addLines),
    remove: document([...tables].reverse(), change, removeLines),
  }
}

export function toolOf(family: Family): 'iptables' | 'ip6tables' {
  return family === 4 ? 'iptables' : 'ip6tables'
}

/** An address as iptables-save spells it. */
export function alone(address: Address): string {
  return `${address}/${familyOf(address) === 4 ? 32 : 128}`
}

function addLines({ chains, shared = [], rules }: TableChange): readonly string[] {
  const command = (rule: Rule): string =>
    rule.at === 'top' ? `-I ${rule.chain} 1 ${specOf(rule)}` : `-A ${rule.chain} ${specOf(rule)}`
  return [
    ...chains.map((chain) => `:${chain} - [0:0]`),
    ...shared.flatMap(({ chain, from }) => [`-N ${chain}`, command(from)]),
    ...rules.map(command),
  ]
}

function removeLines({ chains, shared = [], rules }: TableChange): readonly string[] {
  const inOthersChains = rules.filter(({ chain }) => !chains.includes(chain))
  return [
    ...[...inOthersChains].reverse().map((rule) => `-D ${rule.chain} ${specOf(rule)}`),
    // All are emptied before the first is deleted: they may jump to each other.
    ...chains.map((chain) => `-F ${chain}`),
    ...chains.map((chain) => `-X ${chain}`),
    ...shared.flatMap(({ chain, from }) => [`-D ${from.chain} ${specOf(from)}`, `-X ${chain}`]),
  ]
}

function specOf({ match, tag, target }: Rule): string {
  return `${match === '' ? '' : `${match} `}-m comment --comment "${tag}" ${target}`
}

function document(
  order: readonly Table[],
  change: Change,
  lines: (part: TableChange) => readonly string[],
): string {
  return order
    .flatMap((table) => {
      const part = change[table]
      return part === undefined ? [] : [`*${table}`, ...lines(part), 'COMMIT']
    })
    .map((line) => `${line}\n`)
    .join('')
}
