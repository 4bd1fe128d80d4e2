/**
 * All packet rules of a namespace, of every tool, in one shape.
 *
 * @module
 */

import { readRules } from '../../kernel/rules/ruletext.ts'
import { iptablesTables } from './iptables.ts'
import type { RuleTable } from './model.ts'
import { nftTables } from './nft.ts'

/**
 * @param netns path of the namespace; absent: this one
 * @throws TSNET_NOT_PERMITTED (forbidden), TSNET_PROGRAM_FAILED (internal)
 */
export async function readTables(netns?: string): Promise<readonly RuleTable[]> {
  const { saved, nft } = await readRules(netns)
  return [...nftTables(nft), ...iptablesTables(saved)]
}
