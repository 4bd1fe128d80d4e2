/**
 * Locks between the parts of one process; test/netns/030 has those between processes.
 *
 * @module
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { flocker } from '../../../lib/kernel/lock.ts'

describe('locks within one process', () => {
  let folder = ''
  let path = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tsnet-lock-'))
    path = join(folder, 'lock')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('exclude each other, and name this process as the holder', async () => {
    const held = await flocker.acquire(path, { exclusive: true, timeoutMs: 0 })
    await expect(flocker.acquire(path, { exclusive: false, timeoutMs: 5 })).rejects.toMatchObject({
      code: 'TSNET_LOCK_TIMEOUT',
      message: expect.stringContaining(`locking ${path}: still held by ${process.pid} (`),
    })
    held.release()
    held.release()
    const again = await flocker.acquire(path, { exclusive: true, timeoutMs: 0 })
    again.release()
    expect(readFileSync(path, 'utf8')).toBe('')
  })

  it('hand over one after the other, never to two at once', async () => {
    let inside = 0
    const most: number[] = []
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const options = { exclusive: true, timeoutMs: 10_000, transient: index % 2 === 0 }
        const held = await flocker.acquire(path, options)
        most.push(++inside)
        await new Promise((resolve) => setImmediate(resolve))
        inside--
        held.release()
      }),
    )
    expect(most).toEqual(Array.from({ length: 20 }, () => 1))
  })

  it('follow a file that was deleted and made again', async () => {
    const first = await flocker.acquire(path, { exclusive: true, timeoutMs: 0 })
    rmSync(path)
    const second = await flocker.acquire(path, { exclusive: true, timeoutMs: 0, transient: true })
    first.release()
    expect(existsSync(path)).toBe(true)
    second.release()
    expect(existsSync(path)).toBe(false)
  })

  it('cannot be taken in a folder that is not there', async () => {
    await expect(
      flocker.acquire(join(folder, 'none', 'lock'), { exclusive: true, timeoutMs: 0 }),
    ).rejects.toMatchObject({ code: 'TSNET_STATE_UNREADABLE' })
  })
})
