/**
 * Removing links where no socket can be had; test/netns/720-folding removes real ones.
 *
 * @module
 */
import { expect, it } from 'vitest'
import { createLinkRemover } from '../../../lib/kernel/executor/link-remover.ts'
import type { Link } from '../../../lib/kernel/netlink/link.ts'
import type { RouteSocket } from '../../../lib/kernel/netlink/socket.ts'

it('says so for each link where no socket can be opened, and tries again for the next', async () => {
  let isFull = true
  const deleted: number[] = []
  const own = {
    batchAside: async (messages: readonly unknown[]) => {
      deleted.push(messages.length)
      return messages.map(() => ({ errno: 0 }))
    },
  } as unknown as RouteSocket
  const remover = createLinkRemover({} as RouteSocket, () => {
    if (isFull) throw new Error('EMFILE (too many open files)')
    return own
  })
  const link = { index: 7, name: 'web' } as Link
  expect(await remover.remove([link])).toEqual([new Error('EMFILE (too many open files)')])
  isFull = false
  expect(await remover.remove([link])).toEqual([])
  expect(deleted).toEqual([1])
})
