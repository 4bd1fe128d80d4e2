/**
 * Locks between the parts of one process; test/netns/030 has those between processes.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inTurn } from '../../../lib/kernel/rules/turns.ts'
import { flocker, heldLocks } from '../../../lib/kernel/system/lock.ts'

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

  it('are taken of a namespace too, which is no file to make or write', async () => {
    const namespace = '/proc/self/ns/uts'
    const options = { exclusive: true, readOnly: true }
    const held = await flocker.acquire(namespace, { ...options, timeoutMs: 60_000 })
    await expect(flocker.acquire(namespace, { ...options, timeoutMs: 5 })).rejects.toMatchObject({
      code: 'TSNET_LOCK_TIMEOUT',
      message: expect.stringContaining(`locking ${namespace}: still held by ${process.pid} (`),
    })
    held.release()
  })

  it('are waited for by who makes chains of iptables-nft, and not for ever: everybody may lock a namespace', async () => {
    const done: string[] = []
    const held = await flocker.acquire('/proc/self/ns/net', {
      ...{ exclusive: true, readOnly: true },
      timeoutMs: 60_000,
    })
    const patient = inTurn(async () => done.push('in turn'), 60_000)
    await inTurn(async () => done.push('out of turn'), 5)
    held.release()
    await patient
    expect(done).toEqual(['out of turn', 'in turn'])
  })

  it('hand over one after the other, never to two at once', async () => {
    let inside = 0
    const most: number[] = []
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const options = { exclusive: true, timeoutMs: 20_000, transient: index % 2 === 0 }
        const held = await flocker.acquire(path, options)
        most.push(++inside)
        await new Promise((resolve) => setImmediate(resolve))
        inside--
        held.release()
      }),
    )
    expect(most).toEqual(Array.from({ length: 20 }, () => 1))
  })

  it('are let go when they are released, also where a program that still runs has inherited them', async () => {
    const held = await flocker.acquire(path, { exclusive: true, timeoutMs: 0 })
    const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', ...heldLocks()] })
    try {
      expect(heldLocks()).toHaveLength(1)
      held.release()
      expect(heldLocks()).toEqual([])
      const again = await flocker.acquire(path, { exclusive: true, timeoutMs: 0 })
      again.release()
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('let one in who waits for it alone, though a crowd that shares it never lets go of it', async () => {
    let isOver = false
    const crowd = Array.from({ length: 8 }, async (_, nth) => {
      await sleep(5 * nth)
      while (!isOver) {
        const held = await flocker.acquire(path, { exclusive: false, fair: true, timeoutMs: 20_000 })
        await sleep(40)
        held.release()
      }
    })
    await sleep(50)
    const alone = await flocker
      .acquire(path, { exclusive: true, fair: true, timeoutMs: 20_000 })
      .finally(() => {
        isOver = true
      })
    alone.release()
    await Promise.all(crowd)
    expect(readdirSync(folder)).toEqual(['lock'])
  })

  it('are not kept from a crowd by one who died while it waited', async () => {
    writeFileSync(`${path}.turn`, '')
    const held = await flocker.acquire(path, { exclusive: false, fair: true, timeoutMs: 0 })
    held.release()
    expect(readdirSync(folder)).toEqual(['lock'])
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
