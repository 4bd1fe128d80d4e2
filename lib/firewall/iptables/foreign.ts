/**
 * Accepts in somebody else's forward or input chain.
 *
 * An accept of ours does not override a drop in another base chain, so where a
 * chain of the other iptables variant, or any of them beside our nft table,
 * drops what is forwarded, our bridge is accepted there as well (decisions 1).
 * That opens nothing: our own rules still drop what they drop. In INPUT, where
 * we have no rules at all, questions of containers to their name server are
 * accepted and nothing else. A policy is never changed.
 *
 * @module
 */

import type { ForeignAcceptIntent } from '../../plan/intent.ts'
import type { RulesStep, RulesTool } from '../../plan/step.ts'
import { questionProtocols } from '../ports.ts'
import { networkTag, safeIfname } from '../tag.ts'
import { alone, type Rule, rulesStep } from './restore.ts'

export function printForeignAccept(intent: ForeignAcceptIntent): readonly RulesStep[] {
  const tag = networkTag(intent.network)
  const bridge = safeIfname(intent.bridge)
  const { names } = intent
  const accept = (chain: string, match: string): Rule => ({
    chain,
    at: 'top',
    match,
    tag,
    target: '-j ACCEPT',
  })
  const rules =
    names === undefined
      ? [`-i ${bridge}`, `-o ${bridge}`].map((match) => accept('FORWARD', match))
      : names.gateways.flatMap((gateway) =>
          questionProtocols.map((protocol) =>
            accept(
              'INPUT',
              `-d ${alone(gateway)} -i ${bridge} -p ${protocol} -m ${protocol} --dport ${names.port}`,
            ),
          ),
        )
  return [rulesStep(toolOf(intent), { filter: { chains: [], rules } })]
}

function toolOf({ tool, family }: ForeignAcceptIntent): RulesTool {
  if (family === 4) return tool
  return tool === 'iptables-nft' ? 'ip6tables-nft' : 'ip6tables-legacy'
}
