/**
 * The CNI plugin `firewall`: the container's addresses are let through FORWARD
 * by iptables, or are sources of a zone of firewalld's; with an ingress policy
 * bridges are kept apart, always by iptables.
 *
 * Isolation rules belong to bridges and stay, as with the reference plugin.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { addressOf, type Cidr, type Family, familyOf } from '../../model/address.ts'
import type { BatchStep } from '../../plan/step.ts'
import { type ChainRule, hostMask, missingParts, restoreStep, rulesIn } from './chains.ts'
import { withoutIptables } from './masquerade.ts'
import type { PartFacts, PartInput, PartPlan, PartPlanner } from './part.ts'
import { noPlan } from './part.ts'

export interface FirewallPartOptions {
  /** Absent: firewalld where it runs. */
  readonly backend?: 'iptables' | 'firewalld'
  readonly zone: string
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
  looks: ({ addresses, backend, zone }) =>
    addresses.length === 0
      ? []
      : [
          { what: 'iptables', tables: ['filter'] },
          ...(backend === 'iptables' ? [] : ([{ what: 'firewalld', zone }] as const)),
        ],
  add: planAdd,
  obstacle: ({ backend }, facts) =>
    backend === 'firewalld' && facts.firewalld === undefined
      ? { reason: 'firewalld is asked for, and does not answer', cutsOff: false }
      : withoutIptables(facts.firewalld === undefined ? 'iptables' : undefined, facts),
  // Whichever was used: it may have been started or stopped since.
  remove: ({ options, facts }) => [
    ...zoneSteps(
      options,
      sourcesOf(options).filter((source) => facts.firewalld?.includes(source)),
    ),
    ...families.flatMap((family) => {
      const there = rulesIn(facts.iptables[family], 'filter', forward)
      const rules = addressRules(options, family).filter(({ rule }) => there.includes(rule))
      return rules.length === 0 ? [] : [{ ...restoreStep(family, { chains: [], rules }), add: '' }]
    }),
  ],
  check: ({ options, facts }) =>
    usesZone(options, facts)
      ? sourcesOf(options)
          .filter((source) => facts.firewalld?.includes(source) !== true)
          .map((source) => `source ${source} is missing in firewalld's zone ${options.zone}`)
      : families.flatMap((family) => faults(options, facts, family)),
}

function planAdd({ options, facts }: Input): PartPlan {
  if (options.addresses.length === 0) return noPlan
  const used = families.filter((family) => addressesOf(options, family).length > 0)
  if (usesZone(options, facts)) {
    return {
      shared: used.flatMap((family) => missingParts(family, facts.iptables[family], isolationParts(options))),
      steps: zoneSteps(options, sourcesOf(options)),
      interfaces: [],
    }
  }
  return {
    shared: used.flatMap((family) => missingParts(family, facts.iptables[family], sharedParts(options))),
    // Also where the rules are there: of a container that had this address and was not taken down. Each DEL takes one.
    steps: used.map((family) => restoreStep(family, { chains: [], rules: addressRules(options, family) })),
    interfaces: [],
  }
}

/** @throws TSNET_PROGRAM_MISSING (unavailable) where firewalld is asked for and does not run */
function usesZone({ backend }: FirewallPartOptions, { firewalld }: PartFacts): boolean {
  if (backend !== 'firewalld') return backend === undefined && firewalld !== undefined
  if (firewalld !== undefined) return true
  throw fail('TSNET_PROGRAM_MISSING', {
    message: 'letting traffic through firewalld: it does not answer',
    field: 'backend',
    value: backend,
    hint: 'start firewalld, or leave backend out',
  })
}

function sourcesOf({ addresses }: FirewallPartOptions): readonly string[] {
  return addresses.map((cidr) => hostMask(addressOf(cidr)))
}

/** Runtime settings, as the reference plugin makes them: a reload of firewalld forgets them. */
function zoneSteps({ zone }: FirewallPartOptions, sources: readonly string[]): readonly BatchStep[] {
  if (sources.length === 0) return []
  const lines = (verb: 'add' | 'remove'): readonly string[] => [
    `--zone=${zone}`,
    ...sources.map((source) => `--${verb}-source=${source}`),
  ]
  return [{ kind: 'batch', where: 'host', tool: 'firewall-cmd', add: lines('add'), remove: lines('remove') }]
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

type Parts = Parameters<typeof missingParts>[2]

const comment = (text: string): string => `-m comment --comment "${text}"`
const filterChains = (...names: readonly string[]): Parts['chains'] =>
  names.map((chain) => ({ table: 'filter', chain }))

function isolationParts({ ingressPolicy, bridge }: FirewallPartOptions): Parts {
  if (ingressPolicy === 'open' || bridge === undefined) return { chains: [], rules: [] }
  return { chains: filterChains(stage1, stage2), rules: isolation(bridge, ingressPolicy === 'isolated') }
}

function sharedParts(options: FirewallPartOptions): Parts {
  const { adminChain } = options
  const apart = isolationParts(options)
  return {
    chains: [...filterChains(forward, adminChain), ...apart.chains],
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
      ...apart.rules,
    ],
  }
}

function isolation(bridge: string, alone: boolean): readonly ChainRule[] {
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
