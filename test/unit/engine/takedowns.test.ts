/**
 * Takedowns that fail, on the memory kernel: who is told, what is kept for the next one, and who waits for whom.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { decodeCreateNetwork } from '../../../lib/index.ts'
import type { MemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import { flocker } from '../../../lib/kernel/system/lock.ts'
import { createLocks } from '../../../lib/state/lock.ts'
import { statePaths } from '../../../lib/state/paths.ts'
import { unlike } from './operations.ts'
import { codeOf, type World, world } from './world.ts'

type Revert = Parameters<MemoryKernel['revert']>

/** Where nothing is taken back while somebody has the rules. */
const worldWhere = (isBusy: (...what: Revert) => boolean): Promise<World> =>
  world({}, (kernel) => ({
    revert: async (...what) =>
      isBusy(...what) ? [new Error('xtables lock is busy')] : await kernel.revert(...what),
  }))

describe('a teardown that fails', () => {
  it('says what is left, is found again by id and name, and is finished when the cause is gone', async () => {
    let broken = false
    const there = await worldWhere(() => broken)
    const before = there.picture()
    await there.setUp('one', { publish: ['8080:80'] })
    broken = true
    const said = 'TSNET_STEP_FAILED: taking down one: xtables lock is busy'
    expect(await codeOf(there.engine.teardown({ container: 'one' }))).toBe(said)
    expect(await codeOf(there.engine.teardown({ container: 'one' }))).toBe(said)
    expect(await codeOf(there.engine.teardown({ sandboxPath: '/run/netns/one' }))).toBe(said)
    expect(await there.engine.check()).toEqual([
      { subject: 'one', kind: 'pending', what: 'half-done work of a killed process', hint: 'tsnet gc' },
    ])
    // Nor is it called so while somebody is at it.
    const lock = await createLocks(statePaths(there.folder), flocker, { timeoutMs: 1000 }).container('one')
    expect(await there.engine.check()).toEqual([])
    lock.release()
    expect(await there.engine.check()).toHaveLength(1)
    // What it holds is not given to others, and its own setup does not forget what is to be undone.
    expect(await codeOf(there.setUp('two', { publish: ['8080:80'] }))).toContain('TSNET_PORT_IN_USE')
    expect(await codeOf(there.setUp('one', { publish: ['8080:80'] }))).toContain('xtables lock is busy')
    broken = false
    expect((await there.engine.teardown({ container: 'one' }))?.container.id).toBe(undefined)
    expect(unlike([before], there.picture())).toEqual([])
  })
})

describe('a dead container', () => {
  it('keeps its port and its address until its rules are gone', async () => {
    let busy = 0
    const there = await worldWhere(() => busy-- > 0)
    await there.setUp('two', { publish: ['8080:80'] })
    there.kernel.removeSandbox('/run/netns/two')
    busy = 3
    await there.setUp('one', { publish: ['8080:80'] })
    const published = there.kernel.dump().match(/ports4 .*/g)
    expect(published).toEqual(['ports4 { tcp . 8080 : 10.89.0.3 . 80 }'])
    expect(await there.engine.gc()).toMatchObject({ containers: [], pending: [], rules: 0 })
  })
})

describe('a dead container that cannot be taken down', () => {
  it('is named with the reason, and not tried for ten seconds', async () => {
    let broken = false
    let tries = 0
    const there = await worldWhere(() => broken && tries++ >= 0)
    await there.setUp('two', { publish: ['8080:80'] })
    there.kernel.removeSandbox('/run/netns/two')
    broken = true
    expect(await codeOf(there.setUp('one', { publish: ['8080:80'] }))).toBe(
      'TSNET_STEP_FAILED: taking down two (two), which is dead and has what was asked for: xtables lock is busy',
    )
    expect(tries).toBeLessThan(20)
    broken = false
    await there.setUp('one', { publish: ['8080:80'] })
    expect(await there.engine.gc()).toMatchObject({ containers: [], pending: [] })
  })
})

describe('several dead containers that cannot be taken down', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g']

  /** Seven on a network with room for no more, and dead. */
  async function graveyard(isStuck: (link: string) => boolean): Promise<World> {
    let links: readonly string[] = []
    const there = await worldWhere((steps) =>
      links.filter(isStuck).some((link) => JSON.stringify(steps).includes(`"${link}"`)),
    )
    const subnet = { subnet: '10.90.0.0/28', range: '10.90.0.8/29' }
    await there.engine.createNetwork(decodeCreateNetwork({ name: 'small', subnets: [subnet] }))
    for (const id of ids) there.kernel.addSandbox(`/run/netns/${id}`)
    for (const id of ids) await there.setUp(id, { networks: ['small'] })
    expect(await codeOf(there.setUp('one', { networks: ['small'] }))).toMatch(/^TSNET_POOL_EXHAUSTED/)
    links = (await there.engine.list()).map(({ attachments }) => attachments[0]?.hostIfname ?? '')
    for (const id of ids) there.kernel.removeSandbox(`/run/netns/${id}`)
    return there
  }

  it('are in nobody’s way where one more can be', async () => {
    let seen: string[] = []
    const there = await graveyard((link) => {
      if (!seen.includes(link)) seen = [...seen, link]
      return link !== seen[6]
    })
    const { attachments } = await there.setUp('one', { networks: ['small'] })
    expect(attachments[0]?.addresses).toHaveLength(1)
    expect((await there.engine.list()).map(({ container }) => container.id)).toEqual(['one'])
  })

  it('are told by gc, which has done all else, and gone with the next one', async () => {
    let broken = true
    const there = await graveyard(() => broken)
    const error = await there.engine.gc().catch((caught: unknown) => caught)
    expect([(error as Error).message, (error as { undo: readonly unknown[] }).undo]).toEqual([
      'taking down a (a): xtables lock is busy',
      ids.slice(1).map((id) => `taking down ${id} (${id}): xtables lock is busy`),
    ])
    broken = false
    await there.engine.gc()
    expect((await there.engine.inspectNetwork('small')).leases).toEqual([])
    expect(await there.engine.check()).toEqual([])
  })
})

describe('a change that could not be taken back', () => {
  it('is finished before the next one begins, or that says why not', async () => {
    let broken = false
    const there = await world({}, (kernel) => ({
      revert: async (steps, sandbox) =>
        broken ? [new Error('xtables lock is busy')] : await kernel.revert(steps, sandbox),
      apply: async (steps, sandbox) => {
        const done = await kernel.apply(steps, sandbox)
        return broken ? { ...done, error: new Error('no room') } : done
      },
    }))
    for (const name of ['b', 'd']) await there.engine.createNetwork(decodeCreateNetwork({ name }))
    await there.setUp('one')
    broken = true
    await codeOf(there.engine.connect({ container: 'one' }, { network: 'b', aliases: [] }))
    const next = (): Promise<string> =>
      codeOf(there.engine.connect({ container: 'one' }, { network: 'd', aliases: [] }))
    expect(await next()).toBe('TSNET_INTERNAL: xtables lock is busy')
    broken = false
    expect(await next()).toBe('done')
    expect(await there.engine.check()).toEqual([])
    expect((await there.engine.inspectNetwork('b')).leases).toEqual([])
    await there.engine.teardown({ container: 'one' })
    expect((await there.engine.gc()).leases).toEqual([])
  })
})

describe('a takedown that waits for the host', () => {
  it('holds nothing meanwhile, so that a set-up which has the host can take the dead one down itself', async () => {
    const there = await world()
    await there.setUp('two', { publish: ['8080:80'] })
    const locks = createLocks(statePaths(there.folder), flocker, { timeoutMs: 5000 })
    const host = await locks.hostExclusive()
    const down = there.engine.teardown({ container: 'two' })
    for (let looks = 0; looks < 20; looks++) {
      const lock = await locks.tryContainer('two')
      expect(lock, `look ${looks}`).toBeDefined()
      lock?.release()
      await sleep(5)
    }
    host.release()
    expect((await down)?.container.id).toBe('two')
  })

  it('waits for whoever has the container, and gives the host back where that takes too long', async () => {
    const there = await world()
    const locks = createLocks(statePaths(there.folder), flocker, { timeoutMs: 50 })
    const held = await locks.container('two')
    expect(await codeOf(locks.takedown('two'))).toMatch(/^TSNET_LOCK_TIMEOUT: .*container-two/)
    ;(await locks.hostExclusive()).release()
    held.release()
    const { container, host } = await locks.takedown('two')
    expect(await locks.tryContainer('two')).toBeUndefined()
    expect(await codeOf(locks.hostExclusive())).toMatch(/^TSNET_LOCK_TIMEOUT: .*locks\/host/)
    container.release()
    host.release()
  })
})
