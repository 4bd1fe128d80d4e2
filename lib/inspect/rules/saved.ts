/**
 * What `iptables-save -c` prints, as rules. Pure.
 *
 * @see iptables-extensions(8)
 * @module
 */

import type { SavedRules } from '../../kernel/rules/ruletext.ts'
import type { Hook, ParsedChain, ParsedRule, ParsedRules, RuleMatch, RuleVerdict } from './rule.ts'

/** Priorities of the kernel's tables (linux/netfilter_ipv4.h), which say who comes first. */
const priorities: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  nat: -100,
  filter: 0,
  security: 50,
}
const hooks: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting']

export function parseSaved({ tool, family, text }: SavedRules): ParsedRules {
  const chains: ParsedChain[] = []
  const rules: ParsedRule[] = []
  let table = ''
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1)
    const where = { tool, family, table }
    const [, chain, policy, packets, bytes] = /^:(\S+) (\S+) \[(\d+):(\d+)\]/.exec(line) ?? []
    if (chain !== undefined) {
      const hook = hooks.find((one) => one.toUpperCase() === chain) ?? ''
      const late = table === 'nat' && (hook === 'postrouting' || hook === 'input')
      const priority = late ? 100 : (priorities[table] ?? 0)
      const head = { ...where, chain, hook, priority }
      if (policy !== 'ACCEPT' && policy !== 'DROP') chains.push(head)
      else {
        const counted = { packets: Number(packets), bytes: Number(bytes) }
        chains.push({ ...head, policy: policy === 'DROP' ? 'drop' : 'accept', ...counted })
      }
    }
    const [, count, size, rule] = /^\[(\d+):(\d+)\] (-A .*)$/.exec(line) ?? []
    if (rule !== undefined) {
      rules.push({ ...where, ...parseRule(rule), packets: Number(count), bytes: Number(size), shared: false })
    }
  }
  return { chains, rules }
}

type Told = Pick<ParsedRule, 'chain' | 'matches' | 'verdict' | 'comment' | 'text'>

/** Options with one value each, and what they are about. */
const simple: Readonly<Record<string, RuleMatch['about']>> = {
  '-i': 'in',
  '-o': 'out',
  '-s': 'source',
  '-d': 'destination',
  '-p': 'protocol',
  '--sport': 'sourcePort',
  '--sports': 'sourcePort',
  '--dport': 'port',
  '--dports': 'port',
  '--ctstate': 'state',
  '--state': 'state',
}

function parseRule(text: string): Told {
  const words = (text.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? []).map((word) =>
    word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word,
  )
  const matches: RuleMatch[] = []
  let verdict: RuleVerdict = { does: 'count', to: [] }
  let comment: string | undefined
  let not = false
  for (let at = 2; at < words.length; at++) {
    const word = words[at] ?? ''
    const value = words[at + 1] ?? ''
    const about = simple[word]
    if (word === '!') {
      not = true
      continue
    }
    if (word === '-j' || word === '-g') {
      verdict = verdictOf(word, value, words.slice(at + 2))
      break
    }
    if (word === '-m') at++
    else if (word === '--comment') {
      comment = value
      at++
    } else if (word === '--dst-type' && value === 'LOCAL') {
      matches.push({ about: 'toHost', not, values: [] })
      at++
    } else if (about !== undefined) {
      matches.push({ about, not, values: valuesOf(about, value) })
      at++
    } else {
      const end = words.findIndex((next, index) => index > at && /^(-|!$)/.test(next))
      const others = words.slice(at, end === -1 ? words.length : end)
      matches.push({ about: 'other', not, values: [others.join(' ')] })
      at += others.length - 1
    }
    not = false
  }
  return { chain: words[1] ?? '', matches, verdict, ...(comment === undefined ? {} : { comment }), text }
}

function valuesOf(about: RuleMatch['about'], value: string): readonly string[] {
  if (about === 'state') return value.toLowerCase().split(',')
  if (about === 'port' || about === 'sourcePort') return value.split(',').map((one) => one.replace(':', '-'))
  // A host address is told without its prefix.
  return value
    .split(',')
    .map((one) =>
      one.replace(/\/(32|128)$/, (whole, bits) => (one.includes(':') === (bits === '128') ? '' : whole)),
    )
}

function verdictOf(flag: string, target: string, rest: readonly string[]): RuleVerdict {
  const option = (name: string): readonly string[] => {
    const at = rest.indexOf(name)
    return at === -1 ? [] : [rest[at + 1] ?? '']
  }
  switch (target) {
    case 'ACCEPT':
    case 'DROP':
    case 'REJECT':
    case 'RETURN':
    case 'MASQUERADE':
      return { does: target.toLowerCase() as RuleVerdict['does'], to: [] }
    case 'DNAT':
      return { does: 'dnat', to: option('--to-destination') }
    case 'SNAT':
      return { does: 'snat', to: option('--to-source') }
    case 'REDIRECT':
      return { does: 'redirect', to: option('--to-ports') }
    case 'TCPMSS':
      return { does: 'clampMss', to: option('--set-mss') }
    default:
      // Targets that are no chains have names without lower-case letters too: known ones are told apart.
      if (
        /^(LOG|NFLOG|MARK|CONNMARK|CT|NOTRACK|TRACE|AUDIT|SET|CHECKSUM|TOS|DSCP|TTL|HL|NETMAP|NFQUEUE)$/.test(
          target,
        )
      )
        return { does: 'other', to: [[target, ...rest].join(' ')] }
      return { does: flag === '-g' ? 'goto' : 'jump', to: [target] }
  }
}
