/**
 * One packet rule in words that all tools share.
 *
 * What is not understood stays in its tool's spelling (`other`), so that nothing
 * a rule asks for is lost in the telling.
 *
 * @module
 */

import type { Family } from '../../model/address.ts'

/** Which tool's rules they are. */
export type RuleTool = 'nftables' | 'iptables-nft' | 'iptables-legacy'

/** Where packets meet it; `` for a chain that nothing leads to. */
export type Hook = 'ingress' | 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | ''

export interface RuleMatch {
  readonly about:
    | 'in'
    | 'out'
    | 'source'
    | 'destination'
    | 'protocol'
    | 'sourcePort'
    | 'port'
    /** new, established, related, invalid, dnat (published ports). */
    | 'state'
    /** The destination is an address of this host. */
    | 'toHost'
    | 'other'
  readonly not: boolean
  /** Names, addresses, prefixes or `80`, `80-90`; of `other` the tool's own text. */
  readonly values: readonly string[]
}

export interface RuleVerdict {
  readonly does:
    | 'accept'
    | 'drop'
    | 'reject'
    | 'return'
    | 'jump'
    | 'goto'
    | 'dnat'
    | 'snat'
    | 'masquerade'
    | 'redirect'
    | 'clampMss'
    | 'count'
    | 'other'
  /** Chains of jump and goto, address and port of dnat and snat, the tool's text of `other`. */
  readonly to: readonly string[]
}

export interface ParsedRule {
  readonly tool: RuleTool
  /** Undefined: both. */
  readonly family: Family | undefined
  readonly table: string
  readonly chain: string
  readonly matches: readonly RuleMatch[]
  readonly verdict: RuleVerdict
  readonly comment?: string
  readonly packets?: number
  readonly bytes?: number
  /** The counter is that of the whole rule, which serves other networks too. */
  readonly shared: boolean
  /** As the tool spells it. */
  readonly text: string
}

export interface ParsedChain {
  readonly tool: RuleTool
  readonly family: Family | undefined
  readonly table: string
  readonly chain: string
  readonly hook: Hook
  /** Of base chains. */
  readonly policy?: 'accept' | 'drop'
  readonly priority: number
  readonly packets?: number
  readonly bytes?: number
}

export interface ParsedRules {
  readonly chains: readonly ParsedChain[]
  readonly rules: readonly ParsedRule[]
}
