/**
 * Source translation for the addresses of one attachment, as the reference
 * plugins `bridge` and `ptp` do it: a chain for each attachment, or rules in one
 * nftables table.
 *
 * @module
 */

import { addressOf, type Cidr, type Family, familyOf, subnetOf } from '../../model/address.ts'
import { sha512Hex } from '../../model/hash.ts'
import type { RulesStep } from '../../plan/step.ts'
import { type Chain, type ChainRule, hasChain, hostMask, quoted, restoreStep, rulesIn } from './chains.ts'
import type { Obstacle, PartFacts, PartId } from './part.ts'

export type MasqueradeBackend = 'iptables' | 'nftables'

/** Names hold 28 characters. */
export function chainName(prefix: string, { network, container }: PartId): string {
  return `${prefix}${sha512Hex(network + container)}`.slice(0, 28)
}

export function ownerComment({ network, container }: PartId): string {
  return `name: ${JSON.stringify(network)} id: ${JSON.stringify(container)}`
}

const multicast: Readonly<Record<Family, string>> = { 4: '224.0.0.0/4', 6: 'ff00::/8' }
const families = [4, 6] as const

export function planMasquerade(
  id: PartId,
  cidrs: readonly Cidr[],
  backend: MasqueradeBackend,
): readonly RulesStep[] {
  if (backend === 'nftables') return [nftMasquerade(id, cidrs)]
  return families.flatMap((family) => {
    const own = cidrs.filter((cidr) => familyOf(cidr) === family)
    if (own.length === 0) return []
    return [restoreStep(family, iptablesParts(id, own, family))]
  })
}

function iptablesParts(
  id: PartId,
  cidrs: readonly Cidr[],
  family: Family,
): { readonly chains: readonly Chain[]; readonly rules: readonly ChainRule[] } {
  const chain = chainName('CNI-', id)
  const comment = `-m comment --comment ${quoted(ownerComment(id))}`
  const subnets = [...new Set(cidrs.map(subnetOf))]
  return {
    chains: [{ table: 'nat', chain }],
    rules: [
      ...subnets.map((subnet) => ({ table: 'nat', chain, rule: `-d ${subnet} ${comment} -j ACCEPT` })),
      { table: 'nat', chain, rule: `! -d ${multicast[family]} ${comment} -j MASQUERADE` },
      ...cidrs.map((cidr) => ({
        table: 'nat',
        chain: 'POSTROUTING',
        rule: `-s ${hostMask(addressOf(cidr))} ${comment} -j ${chain}`,
      })),
    ],
  }
}

/** Whatever chain and jumps carry this attachment's name: the addresses need not be known. */
export function leftMasquerade(id: PartId, facts: PartFacts): readonly RulesStep[] {
  const chain = chainName('CNI-', id)
  return [
    ...families.flatMap((family): readonly RulesStep[] => {
      const text = facts.iptables[family]
      const jumps = rulesIn(text, 'nat', 'POSTROUTING').filter((rule) => rule.endsWith(`-j ${chain}`))
      const chains = hasChain(text, { table: 'nat', chain }) ? [{ table: 'nat', chain }] : []
      if (jumps.length === 0 && chains.length === 0) return []
      const rules = jumps.map((rule) => ({ table: 'nat', chain: 'POSTROUTING', rule }))
      return [{ ...restoreStep(family, { chains, rules }), add: '' }]
    }),
    ...leftNftRules(facts, masqueradeTable, `${instanceHash(id)}`),
  ]
}

/** @returns why rules cannot be made */
export function withoutIptables(
  backend: MasqueradeBackend | undefined,
  { hasIptables }: PartFacts,
): Obstacle | undefined {
  return backend === 'iptables' && !hasIptables
    ? { reason: 'iptables is asked for, and not installed', cutsOff: false }
    : undefined
}

/** Containers of a network that rules of a chain name in their comments. */
export function namedContainers(facts: PartFacts, chain: string, network: string): readonly string[] {
  const named = `name: ${JSON.stringify(network)} id: `.replaceAll('"', '\\"')
  return families.flatMap((family) =>
    rulesIn(facts.iptables[family], 'nat', chain).flatMap((rule) => {
      const at = rule.indexOf(named)
      const id = at < 0 ? undefined : /^\\"([^"\\]+)/.exec(rule.slice(at + named.length))?.[1]
      return id === undefined ? [] : [id]
    }),
  )
}

export function missingMasquerade(
  id: PartId,
  cidrs: readonly Cidr[],
  facts: PartFacts,
  backend: MasqueradeBackend,
): readonly string[] {
  if (backend === 'nftables') {
    return (facts.nft.get(masqueradeTable) ?? '').includes(instanceHash(id))
      ? []
      : ['the masquerade rules are missing']
  }
  return families.flatMap((family) => {
    const own = cidrs.filter((cidr) => familyOf(cidr) === family)
    if (own.length === 0) return []
    return iptablesParts(id, own, family)
      .rules.filter(({ table, chain, rule }) => !rulesIn(facts.iptables[family], table, chain).includes(rule))
      .map(({ chain, rule }) => `masquerade rule is missing: ${chain} ${rule}`)
  })
}

export const masqueradeTable = 'inet cni_plugins_masquerade'

function instanceHash({ network, container, ifname }: PartId): string {
  return `${sha512Hex(network).slice(0, 16)}-${sha512Hex(`${ifname}:${container}`).slice(0, 16)}`
}

function nftMasquerade(id: PartId, cidrs: readonly Cidr[]): RulesStep {
  const comment = `${instanceHash(id)}, net: ${id.network}, if: ${id.ifname}, id: ${id.container}`.slice(
    0,
    127,
  )
  return {
    kind: 'rules',
    where: 'host',
    tool: 'nft',
    add: [
      `add table ${masqueradeTable}`,
      `add chain ${masqueradeTable} masq_checks { type nat hook postrouting priority srcnat; }`,
      ...cidrs.map((cidr) => {
        const family = familyOf(cidr) === 4 ? 'ip' : 'ip6'
        const wide = multicast[familyOf(cidr)]
        return `add rule ${masqueradeTable} masq_checks ${family} saddr ${addressOf(cidr)} ${family} daddr != { ${subnetOf(cidr)}, ${wide} } masquerade comment "${comment}"`
      }),
      '',
    ].join('\n'),
    // Rules go by handle, which is not known yet: they are found by their comment.
    remove: '',
  }
}

/** Rules of a table whose comment begins like that, by handle; from `nft --handle list table`. */
export function leftNftRules(facts: PartFacts, table: string, commentStart: string): readonly RulesStep[] {
  const listing = facts.nft.get(table)
  if (listing === undefined) return []
  let chain = ''
  const lines = listing.split('\n').flatMap((raw) => {
    const line = raw.trim()
    chain = /^chain (\S+) \{/.exec(line)?.[1] ?? chain
    const handle = /# handle (\d+)$/.exec(line)?.[1]
    if (handle === undefined || !line.includes(`comment "${commentStart}`)) return []
    return [`delete rule ${table} ${chain} handle ${handle}`]
  })
  return lines.length === 0
    ? []
    : [{ kind: 'rules', where: 'host', tool: 'nft', add: '', remove: `${lines.join('\n')}\n` }]
}
