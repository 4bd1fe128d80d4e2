/**
 * {@link oneHost} with IPv6 beside IPv4: 2001:db8:1::/64 on the same wire.
 *
 * @module
 */
import type { Lab } from '../lab.ts'
import { oneHost } from './one-host.ts'
import type { Topology } from './topology.ts'

/** Builds it. */
export async function dualStack(lab: Lab): Promise<Topology> {
  return await oneHost(lab, { v6: '2001:db8:1::/64' })
}
