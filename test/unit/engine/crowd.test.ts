/**
 * What every command of a crowd looks at, and tsnetd with it: few files, and
 * nobody is kept waiting for what only seems to be wrong.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { EngineContext } from '../../../lib/engine/context.ts'
import { heal } from '../../../lib/engine/heal/heal.ts'
import { areRulesLost } from '../../../lib/engine/heal/refresh.ts'
import { openContext } from '../../../lib/engine/open.ts'
import { decodeSetupRequest, engineOn } from '../../../lib/index.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import type { FirewallBackend } from '../../../lib/model/attachment.ts'

let stateDir = ''
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'tsnet-crowd-'))
})
afterEach(() => rmSync(stateDir, { recursive: true, force: true }))

/** A host of these containers on one network, each with the backend it asked for. */
async function crowdOf(containers: Readonly<Record<string, FirewallBackend>>): Promise<EngineContext> {
  const memory = createMemoryKernel()
  const engine = await engineOn(memory, { stateDir, firewall: 'nftables' })
  for (const [id, firewall] of Object.entries(containers)) {
    memory.addSandbox(`/sandboxes/${id}`)
    await engine.setup(
      decodeSetupRequest({ sandbox: `/sandboxes/${id}`, container: { id }, publish: ['80'], firewall }),
    )
  }
  return openContext(memory, { stateDir, firewall: 'nftables' })
}

it('of a network with rules of two backends one record of each is read, once one is known', async () => {
  const names = Array.from({ length: 20 }, (_, nth) => `c${nth}`)
  const whole = await crowdOf({
    ...Object.fromEntries(names.map((name) => [name, 'nftables' as const])),
    guest: 'iptables',
  })
  const read: string[] = []
  const get = (key: string): ReturnType<typeof whole.containers.get> => {
    read.push(key)
    return whole.containers.get(key)
  }
  const context = { ...whole, containers: { ...whole.containers, get } }
  await heal(context)
  expect(read).toContain('guest')
  read.length = 0
  await heal(context)
  expect(read.sort()).toEqual(['c0', 'guest'])
})

it('rules of a container that is just going are not lost, those of one that stays are', async () => {
  const whole = await crowdOf({ web: 'nftables', db: 'nftables' })
  const looking = (flushed: 'all' | 'none'): EngineContext => ({
    ...whole,
    kernel: {
      ...whole.kernel,
      // Its record is read before it begins to go, its rules are looked for after they went.
      lostRules: async (steps) => {
        if (flushed === 'all') return steps
        const missing = steps.filter(({ add }) => add.includes('web'))
        whole.containers.reopen('web')
        return missing
      },
    },
  })
  expect(await areRulesLost(looking('all'))).toBe(true)
  expect(
    whole.containers.get('web')?.steps.some(({ step }) => step.kind === 'rules' && step.add.includes('web')),
  ).toBe(true)
  expect(await areRulesLost(looking('none'))).toBe(false)
})
