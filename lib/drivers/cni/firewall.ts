/**
 * The CNI plugin `firewall` with iptables: the container's addresses are let
 * through FORWARD, and with an ingress policy bridges are kept apart.
 *
 * Isolation rules belong to bridges and stay, as with the reference plugin.
 *
 * @module
 */

import { addressOf, type Cidr, type Family, familyOf } from '../../model/address.ts'
import { type ChainRule, hostMask, missingParts, restoreStep, rulesIn } from './chains.ts'
import type { PartFacts, PartInput, PartPlan, PartPlanner } from './part.ts'
import { noPlan } from './part.ts'

export interface FirewallPartOptions {
  readonly adminChain: string
  readonly ingressPolicy: 'open' | 'same-bridge' | 'isolated'
  /** All addresses of the previous result. */
  readonly addresses: readonly Cidr[]
  /** The first interface of the previous result, where a policy needs one. */
  readonly bridge?: string
}

type Input = PartInput<FirewallPartOptions>

const forward = 'CNI-FORWARD'
const stage1 = 'CNI-ISOLATION-STAGE-1'
const stage2 = 'CNI-ISOLATION-STAGE-2'
const families = [4, 6] as const

export const firewallPart: PartPlanner<FirewallPartOptions> = {
  looks: ({ addresses }) => (addresses.length === 0 ? [] : [{ what: 'iptables', tables: ['filter'] }]),
  add: planAdd,
  remove: ({ options, facts }) =>
    families.flatMap((family) => {
      const there = rulesIn(facts.iptables[family], 'filter', forward)
      const rules = addressRules(options, family).filter(({ rule }) => there.includes(rule))
      return rules.length === 0 ? [] : [{ ...restoreStep(family, { chains: [], rules }), add: '' }]
    }),
  check: ({ options, facts }) => families.flatMap((family) => faults(options, facts, family)),
}

function planAdd({ options, facts }: Input): PartPlan {
  if (options.addresses.length === 0) return noPlan
  const used = families.filter((family) => addressesOf(options, family).length > 0)
  return {
    shared: used.flatMap((family) => missingParts(family, facts.iptables[family], sharedParts(options))),
    // Also where the rules are there: of a container that had this address and was not taken down. Each DEL takes one.
    steps: used.map((family) => restoreStep(family, { chains: [], rules: addressRules(options, family) })),
    interfaces: [],
  }
}

function addressesOf({ addresses }: FirewallPartOptions, family: Family): readonly Cidr[] {
  return addresses.filter((cidr) => familyOf(cidr) === family)
}

function addressRules(options: FirewallPartOptions, family: Family): readonly ChainRule[] {
  return addressesOf(options, family).flatMap((cidr) => {
    const host = hostMask(addressOf(cidr))
    return [`-d ${host} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`, `-s ${host} -j ACCEPT`].map(
      (rule) => ({ table: 'filter', chain: forward, rule }),
    )
  })
}

function sharedParts({
  adminChain,
  ingressPolicy,
  bridge,
}: FirewallPartOptions): Parameters<typeof missingParts>[2] {
  const comment = (text: string): string => `-m comment --comment "${text}"`
  const isolating = ingressPolicy !== 'open' && bridge !== undefined
  return {
    chains: [forward, adminChain, ...(isolating ? [stage1, stage2] : [])].map((chain) => ({
      table: 'filter',
      chain,
    })),
    rules: [
      {
        table: 'filter',
        chain: 'FORWARD',
        at: 'top',
        rule: `${comment('CNI firewall plugin rules')} -j ${forward}`,
      },
      {
        table: 'filter',
        chain: forward,
        at: 'top',
        rule: `${comment('CNI firewall plugin admin overrides')} -j ${adminChain}`,
      },
      ...(isolating ? isolation(bridge, ingressPolicy === 'isolated', comment) : []),
    ],
  }
}

function isolation(bridge: string, alone: boolean, comment: (text: string) => string): readonly ChainRule[] {
  const rule = (chain: string, text: string, at: 'top' | 'end' = 'end'): ChainRule => ({
    table: 'filter',
    chain,
    rule: text,
    at,
  })
  return [
    rule(
      stage1,
      alone
        ? `-i ${bridge} ${comment('CNI firewall plugin rules (ingressPolicy: isolated)')} -j ${stage2}`
        : `-i ${bridge} ! -o ${bridge} ${comment('CNI firewall plugin rules (ingressPolicy: same-bridge)')} -j ${stage2}`,
      'top',
    ),
    rule(
      stage2,
      `-o ${bridge} ${comment(`CNI firewall plugin rules (ingressPolicy: ${alone ? 'isolated' : 'same-bridge'})`)} -j DROP`,
      'top',
    ),
    rule(
      'FORWARD',
      `${comment('CNI firewall plugin rules (ingressPolicy: same-bridge)')} -j ${stage1}`,
      'top',
    ),
    ...[stage1, stage2].map((chain) =>
      rule(chain, `${comment('CNI firewall plugin rules (ingressPolicy: same-bridge)')} -j RETURN`),
    ),
  ]
}

function faults(options: FirewallPartOptions, facts: PartFacts, family: Family): readonly string[] {
  if (addressesOf(options, family).length === 0) return []
  const { rules } = sharedParts(options)
  return [...rules, ...addressRules(options, family)]
    .filter(({ table, chain, rule }) => !rulesIn(facts.iptables[family], table, chain).includes(rule))
    .map(({ chain, rule }) => `rule is missing: ${chain} ${rule}`)
}
