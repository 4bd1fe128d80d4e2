/**
 * Which route a packet of a namespace takes, as far as routes alone tell.
 *
 * @module
 */
import { expect, it } from 'vitest'
import { routeTo } from '../../../lib/inspect/trace/routes.ts'
import type { NamespaceView, RouteView } from '../../../lib/inspect/views.ts'
import type { Address } from '../../../lib/model/address.ts'

const somewhere = '203.0.113.7' as Address
const route = (to: string, dev: string, more: Partial<RouteView> = {}): RouteView => ({
  ...{ to: to as RouteView['to'], dev, metric: 0 },
  ...more,
})
const way = (...routes: RouteView[]): string | undefined =>
  routeTo({ routes } as unknown as NamespaceView, somewhere)?.dev

it('the longest prefix wins, then the lowest metric', () => {
  const wifi = route('0.0.0.0/0', 'wlan0', { metric: 600 })
  const wire = route('0.0.0.0/0', 'eth0', { metric: 100 })
  expect(way(wifi, wire)).toBe('eth0')
  expect(way(wifi, wire, route('203.0.113.0/24', 'eth1', { metric: 900 }))).toBe('eth1')
  expect(way(route('198.51.100.0/24', 'eth1'))).toBeUndefined()
})

it('tables of policy routing do not take part, but where main leads nowhere', () => {
  const uplink = route('0.0.0.0/0', 'eth1', { table: 101 })
  expect(way(uplink, route('0.0.0.0/0', 'eth0', { metric: 100 }))).toBe('eth0')
  // All of a VRF's routes are in its table.
  expect(way(uplink)).toBe('eth1')
})
