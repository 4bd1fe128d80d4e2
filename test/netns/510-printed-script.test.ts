/**
 * What `tsnet plan` prints is what tsnet does: the script in one throwaway
 * host, the plan in another, and both look the same.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { goldenPlans } from '../golden/plans.ts'
import { differences, type Pictures } from './agents/pictures.ts'

interface Report {
  readonly between: Pictures
  readonly left: readonly string[]
}

async function report(lab: Lab, ...[plan, backend, by]: readonly [string, string, string]): Promise<Report> {
  const host = await lab.host(by)
  const { stdout } = await host.node('test/netns/agents/printed.ts', plan, backend, by, { timeoutMs: 50_000 })
  return JSON.parse(stdout) as Report
}

describe.each(['nftables', 'iptables'])('with firewall %s', (backend) => {
  it.concurrent.each(goldenPlans)('$name: the script does what tsnet does', async ({ name }) => {
    await using lab = await createLab()
    const [kernel, script] = await Promise.all([
      report(lab, name, backend, 'kernel'),
      report(lab, name, backend, 'script'),
    ])
    expect(differences(kernel.between, script.between)).toEqual([])
    expect({ kernel: kernel.left, script: script.left }).toEqual({ kernel: [], script: [] })
  })
})
