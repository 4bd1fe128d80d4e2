/**
 * Accepts in somebody else's forward chain.
 *
 * An accept of ours does not override a drop in another base chain, so where a
 * chain of the other iptables variant, or any of them beside our nft table,
 * drops what is forwarded, our bridge is accepted there as well (decisions 1).
 * That opens nothing: our own rules still drop what they drop. A policy is
 * never changed.
 *
 * @module
 */

import type { ForeignAcceptIntent } from '../../plan/intent.ts'
import type { RulesStep, RulesTool } from '../../plan/step.ts'
import { networkTag, safeIfname } from '../tag.ts'
import { type Rule, rulesStep } from './restore.ts'

export function printForeignAccept(intent: ForeignAcceptIntent): readonly RulesStep[] {
  const tag = networkTag(intent.network)
  const bridge = safeIfname(intent.bridge)
  const accept = (match: string): Rule => ({ chain: 'FORWARD', at: 'top', match, tag, target: '-j ACCEPT' })
  return [
    rulesStep(toolOf(intent), {
      filter: { chains: [], rules: [accept(`-i ${bridge}`), accept(`-o ${bridge}`)] },
    }),
  ]
}

function toolOf({ tool, family }: ForeignAcceptIntent): RulesTool {
  if (family === 4) return tool
  return tool === 'iptables-nft' ? 'ip6tables-nft' : 'ip6tables-legacy'
}
