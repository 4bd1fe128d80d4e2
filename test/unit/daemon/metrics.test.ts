/**
 * What Prometheus is told: the text itself.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { DaemonStatus } from '../../../lib/daemon/api.ts'
import { createMetrics } from '../../../lib/daemon/metrics.ts'
import type { Census } from '../../../lib/engine/look/census.ts'

const status: DaemonStatus = {
  pid: 7,
  version: '1.2.3',
  protocol: 1,
  socket: '/run/tsnet/tsnetd.sock',
  startedAt: '2026-11-21T00:00:00.000Z',
  calls: {},
  active: 2,
  residentBytes: 50_000_000,
}
const census: Census = {
  containers: 2,
  attachments: 3,
  ports: 12,
  networks: [
    { name: 'we"b', family: 4, leased: 2, free: 251 },
    { name: 'we"b', family: 6, leased: 2 },
  ],
  rules: { nft: 12, iptables: 3 },
  names: { queries: 100, fast: 90, outstanding: 1, cached: { entries: 5, bytes: 700 } },
}

describe('metrics', () => {
  it('are text that Prometheus reads', async () => {
    const metrics = createMetrics()
    metrics.count('tsnet setup', 'ok', 0.8)
    metrics.count('tsnet setup', 'ok', 30)
    metrics.count('tsnet setup', 'error', 60_000)
    await expect(metrics.render(status, census)).toMatchFileSnapshot('../../golden/daemon/metrics.txt')
  })

  it('say nothing of what is not there', () => {
    const nothing = { containers: 0, attachments: 0, ports: 0, networks: [], rules: {} }
    expect(createMetrics().render(status, nothing)).not.toMatch(/operations_total|leases|rules|dns/)
  })
})
