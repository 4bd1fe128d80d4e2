/**
 * Ports of endpoints that another engine has taken, while others heal.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openRemoteEngine } from '../../../lib/engine/endpoint/remote.ts'
import { engineOn } from '../../../lib/index.ts'
import type { Kernel } from '../../../lib/kernel/kernel.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import { decodeCreateNetwork } from '../../../lib/model/networkrequest.ts'
import type { PortMapping } from '../../../lib/model/portmapping.ts'
import { stateText } from './state.ts'

/** The endpoint in it. */
const id = 'ab12'.repeat(16)

/** dockerd's engine, with network `shop` (10.60.0.0/24) and an endpoint in it. */
async function endpointOn(kernel: Kernel, firewall: 'iptables' | 'nftables') {
  const stateDir = mkdtempSync(join(tmpdir(), 'tsnet-ends-'))
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }))
  const options = { stateDir, firewall }
  const docker = openRemoteEngine(kernel, options)
  await docker.createNetwork(decodeCreateNetwork({ name: 'shop', subnets: ['10.60.0.0/24'] }))
  await docker.ends.create({ id, network: 'shop', cidrs: [], peer: 'td-ab12' })
  return { docker, options, stateDir }
}

const port = (hostPort: number, containerPort = 80) =>
  ({ hostPort, containerPort, count: 1, protocol: 'tcp' }) as const satisfies PortMapping

it('are not taken for those of a killed process by another command while they are being published', async () => {
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
  const { docker, options } = await endpointOn(slow, 'iptables')
  const other = openRemoteEngine({ ...memory }, options)

  let open = (): void => undefined
  gate = new Promise((resolve) => {
    open = resolve
  })
  const applied = new Promise<void>((resolve) => {
    reached = resolve
  })
  const publishing = docker.ends.publish(id, [port(8080)])
  await applied
  // Rules are there, the record is not yet.
  await other.ends.create({ id: 'cd34'.repeat(16), network: 'shop', cidrs: [], peer: 'td-cd34' })
  open()
  expect(await publishing).toMatchObject([port(8080)])
  expect(docker.ends.get(id)?.published).toEqual([port(8080)])
  expect(await other.check()).toEqual([])
})

it.each(['unknown', 'known'])(
  'that dockerd has published are taken away one by one by who is not dockerd, its container %s',
  async (whose) => {
    const kernel = createMemoryKernel()
    const { docker, options, stateDir } = await endpointOn(kernel, 'nftables')
    const cli = await engineOn(kernel, options)
    const without = kernel.dump()
    await docker.ends.publish(id, [port(8080, 80), port(9090, 90)])
    const container = { id: 'cafe'.repeat(16), name: 'dk' }
    if (whose === 'known') await docker.ends.identify(id, { container, aliases: [] })
    const named = { container: whose === 'known' ? 'dk' : id }
    const elements = (): readonly string[] => kernel.dump().match(/ports4 .*/g) ?? []

    expect(await cli.unpublish(named, [port(8080, 80)])).toEqual([port(8080, 80)])
    expect(elements()).toEqual(['ports4 { tcp . 9090 : 10.60.0.2 . 90 }'])
    expect(await cli.check()).toEqual([])
    expect(await cli.unpublish(named, [port(9090, 90)])).toEqual([port(9090, 90)])
    expect(kernel.dump()).toBe(without)

    await expect(cli.disconnect(named, 'shop')).rejects.toMatchObject({
      code: 'TSNET_MODE_MISMATCH',
      hint: '"docker network disconnect" takes it off',
    })
    await docker.ends.remove(id)
    await docker.removeNetwork('shop')
    expect(stateText(stateDir)).toBe('')
  },
)

it('that could not be taken back keep what they hold until they are, whatever is published next', async () => {
  const memory = createMemoryKernel()
  let busy = false
  const kernel: Kernel = {
    ...memory,
    revert: async (...parts) => (busy ? [new Error('another program is at it')] : memory.revert(...parts)),
  }
  const { docker, stateDir } = await endpointOn(kernel, 'iptables')
  await docker.ends.publish(id, [port(8080)])

  busy = true
  const refused = { message: expect.stringContaining('another program is at it') }
  await expect(docker.ends.publish(id, [port(8081)])).rejects.toMatchObject(refused)
  await expect(docker.ends.unpublish(id)).rejects.toMatchObject(refused)
  await expect(docker.ends.publish(id, [port(8081)])).rejects.toMatchObject(refused)
  expect(memory.dump()).toContain('8080')

  busy = false
  expect(await docker.ends.publish(id, [port(8081)])).toMatchObject([port(8081)])
  expect(memory.dump()).not.toContain('8080')
  expect(readdirSync(join(stateDir, 'ports')).filter((name) => name.includes('8080'))).toEqual([])
})
