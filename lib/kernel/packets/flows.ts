/**
 * The flows this host tracks, for people to look at.
 *
 * @module
 */

import { flowsRequest } from '../netlink/flow.ts'
import { decodeFlowFact, type FlowFact } from '../netlink/flowdetail.ts'
import { readNetfilterFlows } from './conntrack.ts'

export type { FlowCount, FlowFact } from '../netlink/flowdetail.ts'

/**
 * All there are, of both families.
 *
 * @throws TSNET_KERNEL_FEATURE_MISSING (unsupported), TSNET_NOT_PERMITTED (forbidden)
 */
export async function readFlows(): Promise<readonly FlowFact[]> {
  const received = await readNetfilterFlows(flowsRequest(undefined))
  return received.map(decodeFlowFact).filter((flow) => flow !== undefined)
}
