/**
 * What `tsnet plan` prints is what tsnet does: the script in one throwaway
 * host, the plan in another, and both look the same.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Step } from '../../lib/plan/step.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { goldenPlans } from '../golden/plans.ts'
import { differences, type Pictures } from './agents/pictures.ts'

interface Report {
  readonly between: Pictures
  readonly left: readonly string[]
}

interface Way {
  readonly plan: string
  readonly backend: string
  readonly iptables: 'nft' | 'legacy'
  readonly by: 'kernel' | 'script'
}

async function report(lab: Lab, { plan, backend, iptables, by }: Way): Promise<Report> {
  const host = await lab.host(by, { iptables })
  const { stdout } = await host.node('test/netns/agents/printed.ts', plan, backend, by, {
    timeoutMs: 120_000,
  })
  return JSON.parse(stdout) as Report
}

const isFirewall = ({ kind }: Step): boolean => kind === 'firewall'

const settings = [
  { backend: 'nftables', iptables: 'nft', tables: 'nft' },
  { backend: 'iptables', iptables: 'nft', tables: 'iptables-nft' },
  { backend: 'iptables', iptables: 'legacy', tables: 'iptables-legacy' },
] as const

describe.each(settings)(
  'with firewall $backend where iptables is $iptables',
  ({ backend, iptables, tables }) => {
    it.concurrent.each(goldenPlans)('$name: the script does what tsnet does', async ({ name }) => {
      await using lab = await createLab()
      const [kernel, script] = await Promise.all([
        report(lab, { plan: name, backend, iptables, by: 'kernel' }),
        report(lab, { plan: name, backend, iptables, by: 'script' }),
      ])
      // A plan with rules has them in the tables this is about.
      const rules = goldenPlans.find((one) => one.name === name)?.plan.steps.some(isFirewall)
      if (rules) expect(kernel.between.host[tables]).toContainEqual(expect.stringMatching(/tsnet/))
      expect(differences(kernel.between, script.between)).toEqual([])
      expect({ kernel: kernel.left, script: script.left }).toEqual({ kernel: [], script: [] })
    })
  },
)
