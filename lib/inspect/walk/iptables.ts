/**
 * Rules of iptables, as `rules` reads them, in the shape that packets are led through.
 *
 * @module
 */

import type { SavedRules } from '../../kernel/rules/ruletext.ts'
import type { ParsedChain, ParsedRule, RuleMatch, RuleVerdict } from '../rules/rule.ts'
import { parseSaved } from '../rules/saved.ts'
import type { Action, Condition, Field, Hook, Rule, RuleChain, RuleTable } from './model.ts'

export function iptablesTables(saved: readonly SavedRules[]): readonly RuleTable[] {
  return saved.flatMap((one) => {
    const { chains, rules } = parseSaved(one)
    const names = [...new Set(chains.map(({ table }) => table))]
    return names.map((name): RuleTable => {
      const own = chains.filter(({ table }) => table === name)
      return {
        tool: one.tool,
        family: one.family === 4 ? 'ip' : 'ip6',
        name,
        chains: new Map(own.map((chain) => [chain.chain, chainOf(chain, rules)])),
      }
    })
  })
}

function chainOf(
  { table, chain, hook, policy, priority }: ParsedChain,
  rules: readonly ParsedRule[],
): RuleChain {
  const base =
    hook === ''
      ? {}
      : {
          base: {
            type: table === 'nat' ? 'nat' : 'filter',
            hook: hook as Hook,
            priority,
            policy: policy ?? ('accept' as const),
          },
        }
  const own = rules.filter((rule) => rule.table === table && rule.chain === chain)
  return { name: chain, ...base, rules: own.map(ruleOf) }
}

function ruleOf({ matches, verdict, packets, bytes, comment, text }: ParsedRule): Rule {
  return {
    conditions: matches.flatMap(conditionOf),
    action: actionOf(verdict),
    ...(packets === undefined ? {} : { packets }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(comment === undefined ? {} : { comment }),
    text,
  }
}

const fields: Readonly<Record<Exclude<RuleMatch['about'], 'state' | 'toHost' | 'other'>, Field>> = {
  in: 'iif',
  out: 'oif',
  source: 'saddr',
  destination: 'daddr',
  protocol: 'proto',
  sourcePort: 'sport',
  port: 'dport',
}

function conditionOf({ about, not: negated, values }: RuleMatch): readonly Condition[] {
  switch (about) {
    case 'state':
      return [stateOf(values, negated)]
    case 'toHost':
      return [{ field: 'daddrtype', negated, values: ['local'] }]
    case 'other': {
      const [text = ''] = values
      // Which packets of a connection: the first one is led through the rules.
      if (text.startsWith('--tcp-flags ')) return []
      const [, type] = /^--dst-type (\S+)$/.exec(text) ?? []
      return [
        type === undefined
          ? { unknown: text }
          : { field: 'daddrtype', negated, values: [type.toLowerCase()] },
      ]
    }
    default:
      return [{ field: fields[about], negated, values }]
  }
}

/** iptables knows DNAT and SNAT as states, the rest of the world as marks of a flow. */
function stateOf(states: readonly string[], negated: boolean): Condition {
  const translated = states.filter((state) => state === 'dnat' || state === 'snat')
  const rest = states.filter((state) => state !== 'dnat' && state !== 'snat')
  if (translated.length === 0) return { field: 'ctstate', negated, values: rest }
  if (rest.length === 0) return { field: 'ctstatus', negated, values: translated }
  return {
    fields: ['ctstate', 'ctstatus'],
    negated,
    tuples: [...rest.map((state) => [state, '*']), ...translated.map((mark) => ['*', mark])],
  }
}

function actionOf({ does, to: [to = ''] }: RuleVerdict): Action {
  switch (does) {
    case 'accept':
    case 'drop':
    case 'reject':
    case 'return':
    case 'masquerade':
    case 'clampMss':
      return { kind: does }
    case 'jump':
    case 'goto':
      return { kind: does, chain: to }
    case 'dnat':
    case 'snat':
      return { kind: does, to }
    case 'redirect':
      return { kind: 'dnat', to: `this host:${to}` }
    case 'count':
      return { kind: 'continue' }
    case 'other':
      return { kind: 'unknown', text: to }
  }
}
