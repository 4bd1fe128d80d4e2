/**
 * A rule as a sentence: whose packets, and what becomes of them. Pure.
 *
 * @module
 */

import type { ReachedRule } from './reach.ts'
import type { RuleMatch, RuleVerdict } from './rule.ts'

/** `TCP to port 8080 of this host: goes to 10.89.0.2:80`. */
export function ruleWords({ matches, verdict }: Pick<ReachedRule, 'matches' | 'verdict'>): string {
  return `${subjectOf(matches)}: ${becomes(verdict)}`
}

function subjectOf(matches: readonly RuleMatch[]): string {
  const all = (about: RuleMatch['about']): readonly RuleMatch[] =>
    matches.filter((one) => one.about === about)
  const [states, protocols, ports] = [all('state'), all('protocol'), all('port')]
  const kinds = states.flatMap(({ not, values }) =>
    not && values.every((value) => stateWord(value) === stateWord('established'))
      ? [stateWord('new')]
      : values.map((value) => `${not ? 'not ' : ''}${stateWord(value)}`),
  )
  const protocol = protocols
    .map((one) => `${one.not ? 'not ' : ''}${one.values.join(', ').toUpperCase()}`)
    .join(' ')
  const toHost = all('toHost').some(({ not }) => !not) && all('destination').length === 0
  const destination = said('to', all('destination'))
  const port = ports.map(
    ({ not, values }) =>
      `${destination === '' ? 'to ' : ''}${not ? 'all but ' : ''}port${values.some((one) => one.includes('-')) || values.length > 1 ? 's' : ''} ${values.join(', ')}`,
  )
  const [before, behind] = destination === '' ? [port, toHost ? 'of this host' : ''] : [[], '']
  const opening = all('other').some(({ values }) => isOpening(values))
  const what = opening ? whatOf('TCP', [stateWord('new')]) : whatOf(protocol, kinds)
  const ends = [
    what === '' ? 'everything' : what,
    ...before,
    ...(toHost && port.length === 0 ? ['to this host'] : [behind]),
    destination,
    ...(destination === '' ? [] : port),
    said('from', all('source')),
    ...all('sourcePort').map(({ values }) => `from port ${values.join(', ')}`),
    ...all('other')
      .filter(({ values }) => !isNoise(values) && !isOpening(values))
      .map(({ not, values }) => `${not ? 'not ' : ''}(${values.join(' ')})`),
  ]
  const links = [said('in by', all('in')), said('out by', all('out'))]
  return [ends.filter((text) => text !== '').join(' '), ...links].filter((text) => text !== '').join(', ')
}

function whatOf(protocol: string, kinds: readonly string[]): string {
  if (kinds.length === 1 && kinds[0] === stateWord('new') && protocol !== '')
    return `new ${protocol} connections`
  return [protocol, uniqueList(kinds)].filter((text) => text !== '').join(' ')
}

function said(preposition: string, matches: readonly RuleMatch[]): string {
  return matches
    .map(({ not, values }) => `${preposition} ${not ? 'all but ' : ''}${values.join(', ')}`)
    .join(', ')
}

const uniqueList = (texts: readonly string[]): string => {
  const unique = [...new Set(texts)]
  return unique.length < 2 ? unique.join('') : `${unique.slice(0, -1).join(', ')} and ${unique.at(-1)}`
}

function stateWord(state: string): string {
  switch (state) {
    case 'established':
    case 'related':
      return 'answers'
    case 'dnat':
      return 'what came by a published port'
    case 'snat':
      return 'what was given another source'
    case 'new':
      return 'new connections'
    case 'invalid':
      return 'packets of no known connection'
    default:
      return state
  }
}

/** Conditions every packet of the rule meets, and tools must spell. */
function isNoise([text = '']: readonly string[]): boolean {
  return text === '' || text === 'ct direction original'
}

/** Only the first packet of a TCP connection has these flags. */
function isOpening([text = '']: readonly string[]): boolean {
  return /^--tcp-flags \S+ SYN$|^tcp flags .*syn.*\bsyn$/.test(text)
}

function becomes({ does, to }: RuleVerdict): string {
  switch (does) {
    case 'accept':
      return 'let through'
    case 'drop':
      return 'dropped'
    case 'reject':
      return 'refused'
    case 'return':
      return 'left to what comes behind'
    case 'dnat':
      return `goes to ${to.join(', ')}`
    case 'redirect':
      return `goes to port ${to.join(', ')} of this host`
    case 'masquerade':
      return "leaves with the host's address"
    case 'snat':
      return `leaves with the address ${to.join(', ')}`
    case 'clampMss':
      return 'segments cut to what the path takes'
    case 'count':
      return 'counted'
    default:
      return to.join(' ')
  }
}
