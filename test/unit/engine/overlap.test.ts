/**
 * A set-up that comes while another of the same container is at work: what it
 * finds inside is what is there when its turn has come, not what the other one
 * had made by then and takes back.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { decodeSetupRequest, type Engine, engineOn } from '../../../lib/index.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const request = decodeSetupRequest({ sandbox: '/sandboxes/web', container: { id: 'web' } })

it('succeeds after one that is taken back, and its own teardown leaves the sandbox as it was', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-overlap-'))
  folders.push(folder)
  const memory = createMemoryKernel()
  memory.addSandbox('/sandboxes/web')
  let second: Promise<unknown> | undefined
  let opened = (): void => {}
  const engine: Engine = await engineOn(
    {
      ...memory,
      openSandbox: async (path) => {
        const sandbox = await memory.openSandbox(path)
        opened()
        return sandbox
      },
      apply: async (steps, sandbox) => {
        const outcome = await memory.apply(steps, sandbox)
        if (sandbox === undefined || second !== undefined) return outcome
        // All of the first is there when the second opens the sandbox. It waits for the lock then, and the first is told no.
        const isOpen = new Promise<void>((resolve) => {
          opened = resolve
        })
        second = engine.setup(request)
        await isOpen
        return { ...outcome, error: new Error('as asked') }
      },
    },
    { stateDir: folder, firewall: 'nftables' },
  )
  // Forwarding stays on.
  const plain = await engineOn(memory, { stateDir: folder, firewall: 'nftables' })
  await plain.setup(request)
  await plain.teardown({ container: 'web' })
  const before = memory.dump()
  await expect(engine.setup(request)).rejects.toMatchObject({ message: 'as asked' })
  await second
  expect((await engine.list()).map(({ attachments }) => attachments.map(({ ifname }) => ifname))).toEqual([
    ['eth0'],
  ])
  await engine.teardown({ container: 'web' })
  expect(memory.dump()).toBe(before)
})
