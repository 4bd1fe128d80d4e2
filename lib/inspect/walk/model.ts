/**
 * Packet rules of every tool in one shape, so that they can be put into words
 * and walked through.
 *
 * A condition that is not understood is kept as text: whoever walks says that
 * it is not sure, and nothing is claimed from it.
 *
 * @module
 */

import type { Family } from '../../model/address.ts'

export type RuleTool = 'nft' | 'iptables-nft' | 'iptables-legacy'
export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'

export interface RuleTable {
  readonly tool: RuleTool
  /** Of nft: `ip`, `ip6`, `inet`, `bridge`; of iptables by its program. */
  readonly family: string
  readonly name: string
  readonly chains: ReadonlyMap<string, RuleChain>
}

export interface RuleChain {
  readonly name: string
  /** Base chains: where packets come in. */
  readonly base?: {
    readonly type: string
    readonly hook: Hook
    readonly priority: number
    readonly policy: 'accept' | 'drop'
  }
  readonly rules: readonly Rule[]
}

export interface Rule {
  readonly conditions: readonly Condition[]
  readonly action: Action
  readonly packets?: number
  readonly bytes?: number
  readonly comment?: string
  /** As its tool writes it, as far as that is known. */
  readonly text: string
}

export type Field =
  | 'iif'
  | 'oif'
  | 'saddr'
  | 'daddr'
  | 'proto'
  | 'dport'
  | 'sport'
  | 'ctstate'
  | 'ctstatus'
  | 'daddrtype'
  | 'family'

export type Condition =
  | {
      readonly field: Field
      readonly negated: boolean
      /** One of these; of addresses prefixes and ranges `A-B`, of ports `N` and `N-M`. */
      readonly values: readonly string[]
    }
  /** All of these fields at once, one of the tuples. */
  | {
      readonly fields: readonly Field[]
      readonly negated: boolean
      readonly tuples: readonly (readonly string[])[]
      /** Name of the set they are in. */
      readonly set?: string
    }
  | { readonly unknown: string }

export type Action =
  | { readonly kind: 'accept' | 'drop' | 'reject' | 'return' | 'continue' | 'masquerade' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'dnat' | 'snat'; readonly to: string }
  /** By a map: which value for which key. */
  | {
      readonly kind: 'dnatMap' | 'snatMap'
      readonly map: string
      readonly fields: readonly Field[]
      readonly entries: readonly MapEntry[]
    }
  | {
      readonly kind: 'vmap'
      readonly fields: readonly Field[]
      readonly entries: readonly { readonly key: readonly string[]; readonly action: Action }[]
    }
  | { readonly kind: 'clampMss' }
  | { readonly kind: 'unknown'; readonly text: string }

export interface MapEntry {
  readonly key: readonly string[]
  readonly to: string
  readonly comment?: string
}

/** A packet as rules see it. */
export interface Packet {
  readonly family: Family
  readonly iif?: string
  readonly oif?: string
  readonly saddr: string
  readonly daddr: string
  readonly proto: string
  readonly sport?: number
  readonly dport?: number
  readonly ctstate: 'new' | 'established'
  readonly ctstatus: readonly ('dnat' | 'snat')[]
  readonly daddrtype: 'local' | 'unicast'
}

/** Whose a table is, for people. */
export function ownerOfTable({ tool, family, name }: RuleTable, chain = ''): string {
  if (tool === 'nft' && family === 'inet' && name === 'tsnet') return 'tsnet'
  if (/^TSNET-/.test(chain)) return 'tsnet'
  const text = `${name} ${chain}`.toLowerCase()
  const known = [
    'docker',
    'netavark',
    'firewalld',
    'ufw',
    'libvirt',
    'cni',
    'kube',
    'cali',
    'cilium',
    'lxd',
    'incus',
    'podman',
  ]
  return known.find((word) => text.includes(word)) ?? (tool === 'nft' ? 'an admin' : `an admin (${tool})`)
}
