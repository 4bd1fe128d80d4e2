/**
 * Every step of every whole operation fails once, before and after the kernel
 * did it: kernel and state folder are as they were.
 *
 * test/contract/undo does this to single plans; here leases, ports, names,
 * journal and networks made on the way are given back too.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { setup } from '../../../lib/engine/attach/setup.ts'
import { openContext } from '../../../lib/engine/open.ts'
import { decodeSetupRequest, engineOn } from '../../../lib/index.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import { statePaths } from '../../../lib/state/paths.ts'
import { makingOperations, type Picture, picture, unlike, type Yard, yardOf } from './operations.ts'

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

interface World extends Yard {
  readonly picture: () => Picture
  /** The nth moment of a step from now throws. */
  readonly failAt: (nth: number) => void
  readonly failed: () => boolean
  /** What it looked like then. */
  readonly between: () => Picture | undefined
}

async function world(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-undo-'))
  folders.push(folder)
  let left = Number.POSITIVE_INFINITY
  let between: Picture | undefined
  const kernel = createMemoryKernel({
    onStep: (step, phase) => {
      if (--left > 0) return
      left = Number.POSITIVE_INFINITY
      between = picture(kernel, folder)
      throw new Error(`as asked, ${phase} ${step.kind}`)
    },
  })
  const engine = await engineOn(kernel, { stateDir: folder, firewall: 'nftables' })
  return {
    ...yardOf(kernel, engine),
    picture: () => picture(kernel, folder),
    failAt: (nth) => {
      left = nth
    },
    failed: () => between !== undefined,
    between: () => between,
  }
}

describe.each(makingOperations)('$name', { timeout: 240_000 }, (operation) => {
  it('leaves nothing, whichever step fails, before or after it was done', async () => {
    let nth = 1
    for (; ; nth++) {
      const there = await world()
      await operation.before(there)
      const before = there.picture()
      there.failAt(nth)
      const end = await operation.run(there).catch((error: unknown) => error)
      if (!there.failed()) break
      expect(end, `moment ${nth}`).toMatchObject({ message: expect.stringMatching(/^as asked/), undo: [] })
      expect(unlike([before], there.picture()), `moment ${nth}`).toEqual([])
      expect(there.between()?.state, `moment ${nth}`).not.toBe(before.state)
      // And nothing keeps it from being done now.
      await operation.run(there)
    }
    expect(nth).toBeGreaterThan(4)
  })
})

it('a container whose lock the kernel refuses leaves nothing either', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'tsnet-undo-'))
  folders.push(stateDir)
  const kernel = createMemoryKernel()
  kernel.addSandbox('/sandboxes/web')
  const context = openContext(kernel, { stateDir, firewall: 'nftables' })
  const before = picture(kernel, stateDir)
  // flock(2) can end in ENOMEM: the file of the lock is there by then.
  const container = async (): Promise<never> => {
    const { locks } = statePaths(stateDir)
    mkdirSync(locks, { recursive: true })
    writeFileSync(join(locks, 'container-web'), '')
    throw new Error('as asked')
  }
  const request = decodeSetupRequest({ sandbox: '/sandboxes/web', container: { id: 'web' } })
  await expect(setup({ ...context, locks: { ...context.locks, container } }, request)).rejects.toThrow(
    'as asked',
  )
  expect(picture(kernel, stateDir)).toEqual(before)
})
