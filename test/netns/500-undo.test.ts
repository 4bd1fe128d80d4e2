/**
 * The undo loop on real hosts: every step of every golden plan fails once,
 * before and after the kernel has done it, and the host must be as before.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { goldenPlans } from '../golden/plans.ts'

interface Report {
  readonly failures: number
  readonly faults: readonly string[]
}

const plans = goldenPlans.filter(({ plan }) => plan.steps.length > 0)

const withRules = plans.filter(({ plan }) => plan.steps.some(({ kind }) => kind === 'firewall'))
const settings = [
  { backend: 'nftables', iptables: 'nft', plans },
  { backend: 'iptables', iptables: 'nft', plans },
  // What makes no rules is the same here as there.
  { backend: 'iptables', iptables: 'legacy', plans: withRules },
] as const

describe.each(settings)(
  'with firewall $backend where iptables is $iptables',
  ({ backend, iptables, plans }) => {
    it.concurrent.each(plans)(
      '$name: nothing is left, whichever step fails',
      { timeout: 240_000 },
      async ({ name, plan }) => {
        await using lab = await createLab()
        const host = await lab.host('h1', { iptables })
        const { stdout } = await host.node('test/netns/agents/undo.ts', name, backend, { timeoutMs: 220_000 })
        const { failures, faults } = JSON.parse(stdout) as Report
        expect(faults).toEqual([])
        // Some steps turn into several rule scripts, and settings that are so already drop out.
        expect(failures).toBeGreaterThanOrEqual(plan.steps.length)
      },
    )
  },
)
