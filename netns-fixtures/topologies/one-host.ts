/**
 * One host with two containers, and an outside that stands for the world.
 *
 * ```
 *  one  two            (not connected yet: that is tsnet's work)
 *  ┌────────┐ 198.51.100.0/24 ┌─────────┐
 *  │ host .1├─────────────────┤.2outside│
 *  └────────┘  default route→ └─────────┘
 * ```
 *
 * The outside knows no way back to container addresses: an answer reaches a
 * container only when the host masquerades.
 *
 * @module
 */
import type { Lab } from '../lab.ts'
import type { WireOptions } from '../wire.ts'
import type { Topology } from './topology.ts'

/** Builds it, IPv4 only unless `wire` says more. */
export async function oneHost(lab: Lab, wire: WireOptions = {}): Promise<Topology> {
  const host = await lab.host('host')
  const outside = await lab.host('outside')
  await lab.wire(host, outside, '198.51.100.0/24', { defaultRoute: 'first', ...wire })
  const containers = [await lab.container(host, { name: 'one' }), await lab.container(host, { name: 'two' })]
  return { hosts: [host, outside], containers }
}
