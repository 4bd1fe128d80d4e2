/**
 * Chains and rules in the words of `iptables-save`: what is there, what has to
 * be added, and restore text that adds or removes it.
 *
 * Rules are compared as text, so everything here is printed the way the program
 * prints it.
 *
 * @module
 */

import type { Family } from '../../model/address.ts'
import type { RulesStep } from '../../plan/step.ts'
import type { RuleText } from './part.ts'

export interface ChainRule {
  readonly table: string
  readonly chain: string
  readonly rule: string
  readonly at?: 'top' | 'end'
}

export interface Chain {
  readonly table: string
  readonly chain: string
}

const toolFor = (family: Family): 'iptables' | 'ip6tables' => (family === 4 ? 'iptables' : 'ip6tables')

export function rulesIn(text: RuleText, table: string, chain: string): readonly string[] {
  return text.get(table)?.get(chain) ?? []
}

export function hasChain(text: RuleText, { table, chain }: Chain): boolean {
  return text.get(table)?.has(chain) ?? false
}

/**
 * Only what is missing; nothing where all is there. Chains are made by a step of their own, and neither emptied nor taken
 * away with anything in them: the reference plugins know them by the same names, and may fill one since we looked.
 */
export function missingParts(
  family: Family,
  text: RuleText,
  wanted: { readonly chains: readonly Chain[]; readonly rules: readonly ChainRule[] },
): readonly RulesStep[] {
  const chains = wanted.chains.filter((chain) => !hasChain(text, chain))
  const rules = wanted.rules.filter(({ table, chain, rule }) => !rulesIn(text, table, chain).includes(rule))
  return [
    ...(chains.length === 0 ? [] : [chainStep(family, chains)]),
    ...(rules.length === 0 ? [] : [restoreStep(family, { chains: [], rules })]),
  ]
}

function chainStep(family: Family, chains: readonly Chain[]): RulesStep {
  const each = (verb: string): string =>
    byTable(chains.map(({ table, chain }) => [table, `${verb} ${chain}`]))
  return { kind: 'rules', where: 'host', tool: toolFor(family), add: each('-N'), remove: each('-X') }
}

/** Adds chains and rules; removes exactly these. */
export function restoreStep(
  family: Family,
  { chains, rules }: { readonly chains: readonly Chain[]; readonly rules: readonly ChainRule[] },
): RulesStep {
  return {
    kind: 'rules',
    where: 'host',
    tool: toolFor(family),
    add: byTable([
      ...chains.map(({ table, chain }) => [table, `:${chain} - [0:0]`] as const),
      ...rules.map(
        ({ table, chain, rule, at }) => [table, `${at === 'top' ? '-I' : '-A'} ${chain} ${rule}`] as const,
      ),
    ]),
    remove: removalText({ chains, rules }),
  }
}

/** Rules by their text, then chains: emptied and deleted. */
function removalText({
  chains,
  rules,
}: {
  readonly chains: readonly Chain[]
  readonly rules: readonly ChainRule[]
}): string {
  const own = (rule: ChainRule): boolean =>
    chains.some(({ table, chain }) => table === rule.table && chain === rule.chain)
  return byTable([
    ...rules
      .filter((rule) => !own(rule))
      .map(({ table, chain, rule }) => [table, `-D ${chain} ${rule}`] as const),
    ...chains.map(({ table, chain }) => [table, `-F ${chain}`] as const),
    ...chains.map(({ table, chain }) => [table, `-X ${chain}`] as const),
  ])
}

function byTable(commands: readonly (readonly [table: string, command: string])[]): string {
  const tables = [...new Set(commands.map(([table]) => table))]
  return tables
    .flatMap((table) => [
      `*${table}`,
      ...commands.filter(([own]) => own === table).map(([, command]) => command),
      'COMMIT',
    ])
    .map((line) => `${line}\n`)
    .join('')
}

/** Text in a rule as iptables-save prints it: quoted where it has blanks or quotes. */
export function quoted(text: string): string {
  const plain = /^[A-Za-z0-9_./:@=+,!-]+$/.test(text)
  return plain ? text : `"${text.replaceAll(/(["\\'])/g, '\\$1')}"`
}

/** An address with its full length, as rules name single hosts. */
export function hostMask(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`
}
