/**
 * Which rules a container's packets can meet. Pure.
 *
 * A rule concerns it where it carries a tag of the container or its networks, or
 * where it names its interface, bridge or address, or a prefix that has it, and
 * nothing else in it says that the packet is another's. Rules that name nobody
 * concern it where they drop what is forwarded, or what it sends to the host.
 *
 * @module
 */

import type { Address } from '../../model/address.ts'
import { isOf } from './masked.ts'
import type { ReachedRule } from './reach.ts'
import type { RuleMatch } from './rule.ts'

/** Whose packets: one container, or all of tsnet together. */
export interface Subject {
  /** Bridges, and host ends of its veth pairs. */
  readonly links: readonly string[]
  readonly addresses: readonly Address[]
  /** Beginnings of comments that are its own: `tsnet:web/`. */
  readonly tags: readonly string[]
  /** tsnet has set it up, so the base rules are for it too. */
  readonly ours: boolean
}

export function concerns(rule: ReachedRule, subject: Subject): boolean {
  const { verdict, comment, matches, table } = rule
  if (verdict.does === 'jump' || verdict.does === 'goto') return false
  if (comment?.startsWith('tsnet:') === true && comment !== 'tsnet:base')
    return subject.tags.some((tag) => comment === tag || (tag.endsWith('/') && comment.startsWith(tag)))
  const own = comment === 'tsnet:base' || table === 'inet tsnet'
  // Those only keep packets from the rules of ours behind them.
  if (own && (!subject.ours || verdict.does === 'return')) return false
  if (['dnat', 'snat'].includes(verdict.does) && verdict.to.length > 0) return leadsTo(verdict.to, subject)
  const sent = fits(matches, subject, 'sent')
  const received = fits(matches, subject, 'received')
  if (!sent && !received) return false
  if (own || names(matches, subject)) return true
  if (verdict.does !== 'drop' && verdict.does !== 'reject') return false
  const inTheWay = rule.hooks.includes('forward') || (rule.hooks.includes('input') && sent)
  return inTheWay && matches.length === 0
}

/** Only the part of a list that is about the subject: `out by tsnet0`, not by all bridges. */
export function narrowed(rule: ReachedRule, subject: Subject): ReachedRule {
  return {
    ...rule,
    matches: rule.matches.map((match) => {
      if (match.not || (match.about !== 'in' && match.about !== 'out')) return match
      const values = match.values.filter((name) => subject.links.some((link) => isLink(name, link)))
      return values.length === 0 ? match : { ...match, values }
    }),
  }
}

function fits(matches: readonly RuleMatch[], subject: Subject, way: 'sent' | 'received'): boolean {
  const [link, end] = way === 'sent' ? (['in', 'source'] as const) : (['out', 'destination'] as const)
  return matches.every(({ about, not, values }) => {
    if (about === link) {
      const hit = values.some((name) => subject.links.some((one) => isLink(name, one)))
      return not ? !hit : hit
    }
    if (about !== end) return true
    const hit = values.some((value) => subject.addresses.some((address) => isOf(value, address)))
    return not ? !hit : hit
  })
}

function names(matches: readonly RuleMatch[], subject: Subject): boolean {
  return matches.some(({ about, not, values }) => {
    if (not) return false
    if (about === 'in' || about === 'out')
      return values.some((name) => subject.links.some((one) => isLink(name, one)))
    if (about !== 'source' && about !== 'destination') return false
    return values.some((value) => subject.addresses.some((address) => isOf(value, address)))
  })
}

/** `br-+` of iptables, `br-*` of nft. */
function isLink(pattern: string, name: string): boolean {
  return /[+*]$/.test(pattern) ? name.startsWith(pattern.slice(0, -1)) : pattern === name
}

function leadsTo(targets: readonly string[], { addresses }: Subject): boolean {
  return targets.some((target) =>
    addresses.some(
      (address) => target === address || target.replace(/^\[?(.*?)\]?:[\d-]+$/, '$1') === address,
    ),
  )
}
