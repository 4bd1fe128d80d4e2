/**
 * The kernel of one call: a sandbox its caller holds open, whatever becomes of
 * its path, and of the caller.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createResident } from '../../../lib/daemon/resident.ts'
import type { Kernel, OpenSandbox } from '../../../lib/kernel/kernel.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'

const held = { path: '/run/netns/one', openPath: '/proc/77/fd/5' }
const identity = { cookie: '4242', bootId: 'this boot' }

/** The kernel of a call with that sandbox, where it can be found at these paths, and what was opened. */
function callAt(...paths: readonly string[]): {
  readonly kernel: Kernel
  readonly opened: readonly string[]
} {
  const opened: string[] = []
  const makeKernel = (): Kernel => ({
    ...createMemoryKernel(),
    isAlive: (path) => paths.includes(path),
    openSandbox: async (path) => {
      opened.push(path)
      return {} as OpenSandbox
    },
  })
  return { kernel: createResident(makeKernel).kernel({}, held), opened }
}

describe('a sandbox that a caller holds open', () => {
  it.each([
    ['there, and at its path', [held.openPath, held.path], true, held.openPath],
    ['there, where its path has gone', [held.openPath], true, held.openPath],
    ['at its path, where the caller was killed', [held.path], true, held.path],
    ['nowhere any more', [], false, held.openPath],
  ])('is looked for and opened %s', async (_where, paths, isAlive, opens) => {
    const { kernel, opened } = callAt(...paths)
    expect(kernel.isAlive(held.path, identity)).toBe(isAlive)
    await kernel.openSandbox(held.path)
    await kernel.openSandbox('/run/netns/other')
    expect(opened).toEqual([opens, '/run/netns/other'])
  })

  it('is opened as the caller holds it before anybody has looked whether it is the same', async () => {
    const { kernel, opened } = callAt(held.path)
    await kernel.openSandbox(held.path)
    expect(opened).toEqual([held.openPath])
  })
})
