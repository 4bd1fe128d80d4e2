/**
 * Questions of one container to the name server of its network: let past an
 * input chain that would drop them, and led to the server's port where that is
 * not the one everybody asks at.
 *
 * Only what this container asks this server; a policy is never changed.
 *
 * @module
 */

import { type Address, addressOf, bracketed, type Cidr, familyOf } from '../../model/address.ts'
import { sha512Hex } from '../../model/hash.ts'
import { DNS_PORT } from '../../model/network.ts'
import type { RulesStep, RulesTool } from '../../plan/step.ts'
import { type ChainRule, hostMask, quoted, restoreStep, rulesIn } from './chains.ts'
import { ownerComment } from './masquerade.ts'
import type { PartFacts, PartId } from './part.ts'

export interface Questions {
  readonly id: PartId
  /** Where the name server listens. */
  readonly listen: readonly Address[]
  readonly port: number
  /** The container's. */
  readonly cidrs: readonly Cidr[]
}

type InputDrop = NonNullable<PartFacts['inputDrops']>[number]

/** Over both transports (RFC 7766). */
const protocols = ['udp', 'tcp'] as const
const families = [4, 6] as const

export function questionSteps(questions: Questions, facts: PartFacts): readonly RulesStep[] {
  return [
    ...(facts.inputDrops ?? []).flatMap((drop) => {
      const rules = acceptRules(questions, drop)
      return rules.length === 0
        ? []
        : [{ ...restoreStep(drop.family, { chains: [], rules }), tool: toolOf(drop) }]
    }),
    ...(questions.port === DNS_PORT
      ? []
      : facts.hasIptables
        ? iptablesLeads(questions)
        : nftLeads(questions)),
  ]
}

/** What of it is not there. */
export function missingQuestions(questions: Questions, facts: PartFacts): readonly string[] {
  const dropped = (facts.inputDrops ?? [])
    .filter((drop) => acceptRules(questions, drop).some(({ rule }) => !drop.rules.includes(rule)))
    .map((drop) => `${toolOf(drop)} drops questions for names, and the container has no accept there`)
  if (questions.port === DNS_PORT) return dropped
  const led = facts.hasIptables
    ? families.every((family) =>
        leadRules(questions, family).every(({ table, chain, rule }) =>
          rulesIn(facts.iptables[family], table, chain).includes(rule),
        ),
      )
    : facts.nft.has(leadTable(questions.id))
  return led ? dropped : [...dropped, `nothing leads questions for names to port ${questions.port}`]
}

/** The table that nftables has of it. */
export function leadTable({ network, container, ifname }: PartId): string {
  return `inet cni_names_${sha512Hex(`${network} ${container} ${ifname}`).slice(0, 16)}`
}

function toolOf({ tool, family }: InputDrop): RulesTool {
  if (family === 4) return tool
  return tool === 'iptables-nft' ? 'ip6tables-nft' : 'ip6tables-legacy'
}

/** Who asks whom, in one family. */
function pairs(
  { cidrs, listen }: Questions,
  family: 4 | 6,
): readonly (readonly [from: Address, to: Address])[] {
  const own = cidrs.map(addressOf).filter((address) => familyOf(address) === family)
  const servers = listen.filter((address) => familyOf(address) === family)
  return own.flatMap((from) => servers.map((to) => [from, to] as const))
}

/** In the order in which iptables-save prints them. */
function matches(
  questions: Questions,
  family: 4 | 6,
  port: number,
): readonly (readonly [to: Address, match: string])[] {
  const comment = `-m comment --comment ${quoted(`dns ${ownerComment(questions.id)}`)}`
  return pairs(questions, family).flatMap(([from, to]) =>
    protocols.map(
      (protocol) =>
        [
          to,
          `-s ${hostMask(from)} -d ${hostMask(to)} -p ${protocol} -m ${protocol} --dport ${port} ${comment}`,
        ] as const,
    ),
  )
}

function acceptRules(questions: Questions, { family }: InputDrop): readonly ChainRule[] {
  return matches(questions, family, questions.port).map(([, match]) => ({
    table: 'filter',
    chain: 'INPUT',
    rule: `${match} -j ACCEPT`,
    at: 'top',
  }))
}

/** Before a port 53 that some container publishes. */
function leadRules(questions: Questions, family: 4 | 6): readonly ChainRule[] {
  return matches(questions, family, DNS_PORT).map(([to, match]) => ({
    table: 'nat',
    chain: 'PREROUTING',
    rule: `${match} -j DNAT --to-destination ${bracketed(to)}:${questions.port}`,
    at: 'top',
  }))
}

function iptablesLeads(questions: Questions): readonly RulesStep[] {
  return families.flatMap((family) => {
    const rules = leadRules(questions, family)
    return rules.length === 0 ? [] : [restoreStep(family, { chains: [], rules })]
  })
}

/** A table for each container: rules go by handles, which nobody knows yet, and a table by its name. */
function nftLeads(questions: Questions): readonly RulesStep[] {
  const table = leadTable(questions.id)
  const rules = families.flatMap((family) => {
    const word = family === 4 ? 'ip' : 'ip6'
    return pairs(questions, family).flatMap(([from, to]) =>
      protocols.map(
        (protocol) =>
          `add rule ${table} prerouting ${word} saddr ${from} ${word} daddr ${to} ${protocol} dport ${DNS_PORT} dnat ${word} to ${bracketed(to)}:${questions.port}`,
      ),
    )
  })
  if (rules.length === 0) return []
  const add = [
    `add table ${table}`,
    `add chain ${table} prerouting { type nat hook prerouting priority dstnat - 1; }`,
    ...rules,
    '',
  ]
  return [
    {
      kind: 'rules',
      where: 'host',
      tool: 'nft',
      add: add.join('\n'),
      remove: `add table ${table}\ndelete table ${table}\n`,
    },
  ]
}
