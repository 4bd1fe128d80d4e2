/**
 * iptables-save's text as rules of our shape.
 *
 * @module
 */

import type { SavedRule, SavedTable } from '../../kernel/ruleset.ts'
import type { Action, Condition, Field, Hook, Rule, RuleChain, RuleTable } from './model.ts'

const hooks: Readonly<Record<string, Hook>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  FORWARD: 'forward',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
}

/** linux/netfilter_ipv4.h */
const priorities: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0, security: 50 }

export function iptablesTables(saved: readonly SavedTable[]): readonly RuleTable[] {
  return saved.map((table) => ({
    tool: table.tool,
    family: table.family === 4 ? 'ip' : 'ip6',
    name: table.table,
    chains: chainsOf(table),
  }))
}

function chainsOf({ table, policies, rules, family }: SavedTable): ReadonlyMap<string, RuleChain> {
  const names = new Set([...Object.keys(policies), ...rules.map(({ chain }) => chain)])
  return new Map(
    [...names].map((name) => {
      const hook = hooks[name]
      const nat = hook === 'prerouting' || hook === 'output' ? -100 : 100
      const base =
        hook === undefined
          ? {}
          : {
              base: {
                type: table === 'nat' ? 'nat' : 'filter',
                hook,
                priority: table === 'nat' ? nat : (priorities[table] ?? 0),
                policy: policies[name] === 'DROP' ? ('drop' as const) : ('accept' as const),
              },
            }
      const own = rules.filter(({ chain }) => chain === name)
      return [name, { name, ...base, rules: own.map((rule) => ruleOf(rule, family)) }]
    }),
  )
}

function ruleOf({ text, packets, bytes }: SavedRule, family: 4 | 6): Rule {
  const words = wordsOf(text)
  const conditions: Condition[] = []
  let action: Action = { kind: 'continue' }
  let comment: string | undefined
  let negated = false
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    if (word === '!') {
      negated = true
      continue
    }
    const value = words[i + 1] ?? ''
    const field = plain[word]
    if (field !== undefined) {
      conditions.push({ field, negated, values: value.split(',').map((one) => plainValue(field, one)) })
      i++
    } else if (word === '-m') i++
    else if (word === '--comment') {
      comment = value
      i++
    } else if (word === '--ctstate' || word === '--state') {
      conditions.push(stateOf(value, negated))
      i++
    } else if (word === '--tcp-flags') i += 2
    else if (word === '-j' || word === '-g') {
      action = targetOf(word, value, words.slice(i + 2), family)
      break
    } else {
      const takes = value !== '' && !value.startsWith('-')
      conditions.push({ unknown: takes ? `${word} ${value}` : word })
      if (takes) i++
    }
    negated = false
  }
  return { conditions, action, packets, bytes, ...(comment === undefined ? {} : { comment }), text }
}

const plain: Readonly<Record<string, Field>> = {
  '-i': 'iif',
  '-o': 'oif',
  '-s': 'saddr',
  '-d': 'daddr',
  '-p': 'proto',
  '--dport': 'dport',
  '--sport': 'sport',
  '--dports': 'dport',
  '--sports': 'sport',
  '--dst-type': 'daddrtype',
}

function plainValue(field: Field, value: string): string {
  if (field === 'dport' || field === 'sport') return value.replace(':', '-')
  return field === 'daddrtype' ? value.toLowerCase() : value
}

/** iptables knows DNAT and SNAT as states, the rest of the world as marks of a flow. */
function stateOf(value: string, negated: boolean): Condition {
  const states = value.toLowerCase().split(',')
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

function targetOf(flag: string, target: string, options: readonly string[], family: 4 | 6): Action {
  const option = (name: string): string => options[options.indexOf(name) + 1] ?? ''
  switch (target) {
    case 'ACCEPT':
      return { kind: 'accept' }
    case 'DROP':
      return { kind: 'drop' }
    case 'REJECT':
      return { kind: 'reject' }
    case 'RETURN':
      return { kind: 'return' }
    case 'MASQUERADE':
      return { kind: 'masquerade' }
    case 'DNAT':
      return { kind: 'dnat', to: option('--to-destination') }
    case 'REDIRECT':
      return { kind: 'dnat', to: `this host:${option('--to-ports')}` }
    case 'SNAT':
      return { kind: 'snat', to: option('--to-source') }
    case 'TCPMSS':
      return { kind: 'clampMss' }
    case 'LOG':
    case 'NFLOG':
      return { kind: 'continue' }
    case 'MARK':
    case 'CONNMARK':
    case 'CHECKSUM':
      return { kind: 'continue' }
    default:
      // iptables' own targets are in capitals too; a chain we do not find is taken for one by the walker.
      return { kind: flag === '-g' ? 'goto' : 'jump', chain: target === '' ? `ipv${family}` : target }
  }
}

/** Words as a shell would take them: comments are in double quotes. */
function wordsOf(text: string): readonly string[] {
  return (text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []).map((word) =>
    word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word,
  )
}
