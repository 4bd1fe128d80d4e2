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
import { createParts } from '../../../lib/engine/parts/parts.ts'
import type { Kernel } from '../../../lib/kernel/kernel.ts'
import { createMemoryKernel, type MemoryKernel } from '../../../lib/kernel/memory/memory.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const netns = '/run/netns/web'
const id = { network: 'shop', container: 'web', ifname: 'eth0' }

interface Yard {
  readonly context: EngineContext
}

/** @param change what this kernel does otherwise */
function yard(change: (memory: MemoryKernel) => Partial<Kernel> = () => ({})): Yard {
  const stateDir = mkdtempSync(join(tmpdir(), 'tsnet-parts-'))
  folders.push(stateDir)
  const memory = createMemoryKernel({ host: { iptables: undefined } })
  memory.addSandbox(netns)
  const context = openContext({ ...memory, ...change(memory) }, { stateDir, firewall: 'nftables' })
  return { context }
}

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
