/**
 * Rules in words.
 *
 * @module
 */

import type { Action, Condition, Field, Packet, Rule, RuleTable } from './model.ts'
import type { Decision } from './walk.ts'

const fieldWords: Readonly<Record<Field, string>> = {
  iif: 'in by',
  oif: 'out by',
  saddr: 'from',
  daddr: 'to',
  proto: 'protocol',
  dport: 'to port',
  sport: 'from port',
  ctstate: 'of flows that are',
  ctstatus: 'of flows that are',
  daddrtype: 'to an address that is',
  family: 'IPv',
}

const valueWords: Readonly<Record<string, string>> = {
  dnat: 'published',
  snat: 'translated',
  local: "the host's own",
}

/** `policy drop of chain inet admin forwarded` */
export function placeOf({ table, chain, rule }: Decision): string {
  const where = `chain ${table.tool === 'nft' ? `${table.family} ${table.name} ${chain}` : `${chain} (${toolOf(table)} -t ${table.name})`}`
  return rule === undefined ? `policy drop of ${where}` : `${where}: ${ruleWords(rule)}`
}

/** The program that speaks of a table of iptables. */
export const toolOf = ({ tool, family }: RuleTable): string =>
  family === 'ip6' ? tool.replace('ip', 'ip6') : tool

/** The command that lets this packet pass where it was decided against. */
export function acceptOf({ table, chain }: Decision, { family, saddr, daddr }: Packet): string {
  if (table.tool === 'nft') {
    const word = family === 4 ? 'ip' : 'ip6'
    return `nft insert rule ${table.family} ${table.name} ${chain} ${word} saddr ${saddr} ${word} daddr ${daddr} accept`
  }
  return `${toolOf(table)} -I ${chain} -s ${saddr} -d ${daddr} -j ACCEPT`
}

/** `drop what goes in by eth0 to 10.90.0.0/24` */
function ruleWords({ conditions, action }: Rule): string {
  const about = conditions.map(conditionWords).filter((text) => text !== '')
  return [actionWords(action), ...about].join(' ')
}

function conditionWords(condition: Condition): string {
  if ('unknown' in condition) return `if ${condition.unknown.length > 40 ? '…' : condition.unknown}`
  const not = condition.negated ? 'not ' : ''
  if ('field' in condition) return `${not}${fieldText(condition.field, condition.values)}`
  const { fields, tuples, set } = condition
  if (set !== undefined && tuples.length !== 1) {
    return `${not}${fields.map((field) => fieldWords[field]).join(', ')} one of the ${tuples.length} in ${set}`
  }
  return `${not}${tuples.map((tuple) => fields.flatMap((field, at) => (tuple[at] === '*' ? [] : [fieldText(field, [tuple[at] ?? ''])])).join(' ')).join(' or ')}`
}

function fieldText(field: Field, values: readonly string[]): string {
  if (field === 'family') return `IPv${values.join(' or ')}`
  if (field === 'proto') return values.join(' or ')
  return `${fieldWords[field]} ${values.map((value) => valueWords[value] ?? value).join(' or ')}`
}

function actionWords(action: Action): string {
  switch (action.kind) {
    case 'accept':
      return 'accept'
    case 'drop':
      return 'drop'
    case 'reject':
      return 'reject'
    case 'return':
      return 'leave it to the chain before'
    case 'continue':
      return 'count'
    case 'masquerade':
      return "give the host's address to"
    case 'jump':
    case 'goto':
      return `look into ${action.chain}`
    case 'dnat':
      return `send to ${action.to}`
    case 'snat':
      return `give the address ${action.to} to`
    case 'dnatMap':
      return `send where ${action.map} says`
    case 'snatMap':
      return `give the address ${action.map} says to`
    case 'vmap':
      return 'decide by'
    case 'clampMss':
      return 'tell TCP of the smaller path'
    case 'unknown':
      return action.text
  }
}
