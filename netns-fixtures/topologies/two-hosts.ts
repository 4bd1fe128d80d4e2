/**
 * Two hosts side by side, one container in each, and an outside behind both.
 *
 * ```
 *  one                        two
 *  ┌────────┐ 192.0.2.0/24 ┌────────┐
 *  │h1    .1├──────────────┤.2    h2│
 *  └─┬──────┘              └──────┬─┘
 *    │.1 198.51.100.0/24          │.1 203.0.113.0/24
 *    └───────────.2 outside .2────┘
 * ```
 *
 * Each host has its default route through the outside; both families.
 *
 * @module
 */
import type { Lab } from '../lab.ts'
import type { Topology } from './topology.ts'

/** Builds it. */
export async function twoHosts(lab: Lab): Promise<Topology> {
  const h1 = await lab.host('h1')
  const h2 = await lab.host('h2')
  const outside = await lab.host('outside')
  await lab.wire(h1, h2, '192.0.2.0/24', { v6: '2001:db8:12::/64' })
  await lab.wire(h1, outside, '198.51.100.0/24', { v6: '2001:db8:1::/64', defaultRoute: 'first' })
  await lab.wire(h2, outside, '203.0.113.0/24', { v6: '2001:db8:2::/64', defaultRoute: 'first' })
  const containers = [await lab.container(h1, { name: 'one' }), await lab.container(h2, { name: 'two' })]
  return { hosts: [h1, h2, outside], containers }
}
