/**
 * Whether a network still has addresses to give.
 *
 * @module
 */

import { candidates } from '../../ipam/allocator.ts'
import type { Subnet } from '../../model/address.ts'
import { type EngineContext, ownerIsAlive } from '../context.ts'

/** @returns the subnet in which every address is held by somebody who lives; undefined where there is none, or no such network */
export async function exhaustedSubnet(context: EngineContext, network: string): Promise<Subnet | undefined> {
  const { leases } = context.reservations
  for (const subnet of context.networks.get(network)?.subnets ?? []) {
    let free = false
    for (const address of candidates(subnet, undefined)) {
      const owner = leases.owner(network, address)
      free = owner === undefined || !(await ownerIsAlive(context, owner))
      if (free) break
    }
    if (!free) return subnet.subnet
  }
  return undefined
}
