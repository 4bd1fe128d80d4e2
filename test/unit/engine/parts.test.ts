/**
 * Parts of attachments that fail half-way: what is left, and what comes next.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import type { EngineContext } from '../../../lib/engine/context.ts'
import { openContext } from '../../../lib/engine/open.ts'
import { createParts, type Parts } from '../../../lib/engine/parts/parts.ts'
import type { Kernel } from '../../../lib/kernel/kernel.ts'
import { createMemoryKernel, type MemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import type { Address, Cidr, Subnet } from '../../../lib/model/address.ts'
import { picture } from './operations.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const netns = '/run/netns/web'
const id = { network: 'shop', container: 'web', ifname: 'eth0' }

interface Yard {
  readonly memory: MemoryKernel
  readonly context: EngineContext
  readonly parts: Parts
  readonly stateDir: string
}

/** @param change what this kernel does otherwise */
function yard(change: (memory: MemoryKernel) => Partial<Kernel> = () => ({})): Yard {
  const stateDir = mkdtempSync(join(tmpdir(), 'tsnet-parts-'))
  folders.push(stateDir)
  const memory = createMemoryKernel({ host: { iptables: undefined } })
  memory.addSandbox(netns)
  const context = openContext({ ...memory, ...change(memory) }, { stateDir, firewall: 'nftables' })
  return { memory, context, parts: createParts(context), stateDir }
}

it('names that are switched off are refused before a rule is made for them', async () => {
  const { memory, parts, stateDir } = yard()
  const before = picture(memory, stateDir)
  const add = parts.add({
    type: 'dns',
    id,
    options: {
      ...{ names: ['web'], aliases: [], domain: 'shop.example', forwarders: [], servers: [] },
      ...{ listen: ['10.22.0.1' as Address], port: 5353, cidrs: ['10.22.0.2/24' as Cidr] },
    },
    netns,
  })
  await expect(add).rejects.toMatchObject({ code: 'TSNET_NOT_SUPPORTED', undo: [] })
  expect(picture(memory, stateDir)).toEqual(before)
})

it('what a DEL could not take back is not forgotten by the next ADD', async () => {
  const reverted: string[] = []
  let busy = true
  const { context, parts } = yard((memory) => ({
    revert: async (steps, sandbox) => {
      if (busy) return [new Error('another program is at it')]
      reverted.push(...steps.flatMap((step) => (step.kind === 'batch' ? step.remove : [])))
      return memory.revert(steps, sandbox)
    },
  }))
  const part = (to: string) => ({
    type: 'netavark' as const,
    id,
    options: {
      bridge: 'podman1',
      routes: [{ type: 'blackhole', to: to as Subnet, metric: 100 }],
      seen: { subnets: [], gateways: [], cidrs: [], networkId: 'ab12', unmanaged: true },
    },
    netns,
  })
  await parts.add(part('192.0.2.0/25'))
  await expect(parts.remove(part('192.0.2.0/25'))).rejects.toThrow('another program is at it')
  await expect(parts.add(part('192.0.2.128/25'))).rejects.toThrow('another program is at it')
  busy = false
  // Nobody has healed it yet when it is wanted.
  const locks = { ...context.locks, tryContainer: async () => undefined }
  await createParts({ ...context, locks }).add(part('192.0.2.128/25'))
  expect(reverted).toEqual(['route del blackhole 192.0.2.0/25 metric 100'])
})

it('an address for a part whose lock is not given leaves no sandbox open', async () => {
  const open = new Set<object>()
  const { context } = yard((memory) => ({
    openSandbox: async (path) => {
      const sandbox = await memory.openSandbox(path)
      open.add(sandbox)
      return { ...sandbox, close: () => void open.delete(sandbox) }
    },
  }))
  const container = async (): Promise<never> => {
    throw new Error('as asked')
  }
  const parts = createParts({ ...context, locks: { ...context.locks, container } })
  const options = { linkInContainer: false, addresses: [], routes: [] }
  await expect(parts.address({ type: 'macvlan', id, options, netns })).rejects.toThrow('as asked')
  expect(open.size).toBe(0)
})
