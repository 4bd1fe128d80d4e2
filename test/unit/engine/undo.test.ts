/**
 * Every step of every whole operation fails once, before and after the kernel
 * did it: kernel and state folder are as they were.
 *
 * test/contract/undo does this to single plans; here leases, ports, names,
 * journal and networks made on the way are given back too.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { engineOn } from '../../../lib/index.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'
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

describe.each(makingOperations)('$name', { timeout: 60_000 }, (operation) => {
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
