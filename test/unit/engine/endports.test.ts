/**
 * Ports of endpoints that another engine has taken, while others heal.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openRemoteEngine } from '../../../lib/engine/endpoint/remote.ts'
import type { Kernel } from '../../../lib/kernel/kernel.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import { decodeCreateNetwork } from '../../../lib/model/networkrequest.ts'

it('are not taken for those of a killed process by another command while they are being published', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'tsnet-ends-'))
  try {
    const memory = createMemoryKernel()
    let gate: Promise<void> = Promise.resolve()
    let reached = (): void => undefined
    const slow: Kernel = {
      ...memory,
      apply: async (...parts) => {
        const result = await memory.apply(...parts)
        reached()
        await gate
        return result
      },
    }
    const options = { stateDir, firewall: 'iptables' as const }
    const [docker, other] = [openRemoteEngine(slow, options), openRemoteEngine({ ...memory }, options)]
    await docker.createNetwork(decodeCreateNetwork({ name: 'shop', subnets: ['10.60.0.0/24'] }))
    const id = 'ab12'.repeat(16)
    await docker.ends.create({ id, network: 'shop', cidrs: [], peer: 'td-ab12' })

    let open = (): void => undefined
    gate = new Promise((resolve) => {
      open = resolve
    })
    const applied = new Promise<void>((resolve) => {
      reached = resolve
    })
    const port = { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' as const }
    const publishing = docker.ends.publish(id, [port])
    await applied
    // Rules are there, the record is not yet.
    await other.ends.create({ id: 'cd34'.repeat(16), network: 'shop', cidrs: [], peer: 'td-cd34' })
    open()
    expect(await publishing).toMatchObject([port])
    expect(docker.ends.get(id)?.published).toEqual([port])
    expect(await other.check()).toEqual([])
  } finally {
    rmSync(stateDir, { recursive: true, force: true })
  }
})
