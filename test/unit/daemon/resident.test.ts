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

const path = '/run/netns/one'
const identity = { cookie: '4242', bootId: 'this boot' }
const living = `/proc/${process.pid}/fd/0`
const killed = `/proc/${process.pid}/fd/999999`

/** The kernel of a call whose caller holds that open, where the sandbox is found at these paths; and what was opened. */
function callAt(
  openPath: string,
  ...paths: readonly string[]
): { readonly kernel: Kernel; readonly opened: readonly string[] } {
  const opened: string[] = []
  const makeKernel = (): Kernel => ({
    ...createMemoryKernel(),
    isAlive: (one) => paths.includes(one),
    openSandbox: async (one) => {
      opened.push(one)
      return {} as OpenSandbox
    },
  })
  return { kernel: createResident(makeKernel).kernel({}, { path, openPath }), opened }
}

describe('a sandbox that a caller holds open', () => {
  it.each([
    ['there, and at its path', living, [living, path], true, living],
    ['there, where its path has gone', living, [living], true, living],
    ['there alone: at its path is another one by now', living, [path], false, living],
    ['at its path, where the caller was killed', killed, [path], true, path],
    ['nowhere any more', killed, [], false, path],
  ])('is looked for and opened %s', async (_where, openPath, paths, isAlive, opens) => {
    const { kernel, opened } = callAt(openPath, ...paths)
    expect(kernel.isAlive(path, identity)).toBe(isAlive)
    await kernel.openSandbox(path)
    await kernel.openSandbox('/run/netns/other')
    expect(opened).toEqual([opens, '/run/netns/other'])
  })

  it('is opened as the caller holds it before anybody has looked whether it is the same', async () => {
    const { kernel, opened } = callAt(killed, path)
    await kernel.openSandbox(path)
    expect(opened).toEqual([killed])
  })
})
