/**
 * Death at every effect of every operation: what the next command finds is
 * taken back or finished, whole, and nothing is left.
 *
 * test/netns/520-crash does the same with SIGKILL, at fewer points.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { fail } from '../../../lib/errors/codes.ts'
import { engineOn } from '../../../lib/index.ts'
import type { Kernel } from '../../../lib/kernel/kernel.ts'
import type { MemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import { Killed, Life, mortalFiles, mortalKernel } from './mortal.ts'
import {
  makingOperations,
  type Operation,
  type Picture,
  picture,
  removingOperations,
  unlike,
  type Yard,
  yardOf,
} from './operations.ts'

interface World extends Yard {
  readonly life: Life
  readonly picture: () => Picture
}

let restore = (): void => undefined
const folders: string[] = []

afterEach(() => {
  restore()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

async function world(change: (kernel: MemoryKernel) => Partial<Kernel> = () => ({})): Promise<World> {
  restore()
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-deaths-'))
  folders.push(folder)
  const life = new Life()
  const mortal = mortalKernel(life)
  const kernel = { ...mortal, ...change(mortal) }
  restore = mortalFiles(folder, life)
  const engine = await engineOn(kernel, { stateDir: folder, firewall: 'nftables' })
  return { ...yardOf(kernel, engine), life, picture: () => picture(kernel, folder) }
}

/** Runs the operation, dying at its nth effect. @returns false where it had fewer */
async function dies(there: World, operation: Operation, nth: number): Promise<boolean> {
  there.life.endsAt(nth)
  const end = await operation.run(there).catch((error: unknown) => error)
  if (!there.life.over) return false
  // What it throws is seen by nobody; but it must have noticed.
  expect(end, `effect ${nth}`).toBeInstanceOf(Error)
  there.life.again()
  return true
}

/** What the operation finds and what it makes, alone. */
async function bounds({ before, run }: Operation): Promise<readonly Picture[]> {
  const there = await world()
  await before(there)
  const first = there.picture()
  await run(there)
  return [first, there.picture()]
}

describe.each([...makingOperations, ...removingOperations])('$name', { timeout: 240_000 }, (operation) => {
  it('killed at any moment is taken back or finished by gc', async () => {
    const expected = await bounds(operation)
    let nth = 1
    for (; ; nth++) {
      const there = await world()
      await operation.before(there)
      if (!(await dies(there, operation, nth))) break
      await there.engine.gc()
      expect(unlike(expected, there.picture()), `killed at effect ${nth}`).toEqual([])
      expect(await there.engine.check(), `killed at effect ${nth}`).toEqual([])
    }
    expect(nth).toBeGreaterThan(5)
  })

  it('killed at any moment is taken back or finished by the next setup, which is as any other', async () => {
    const expected = await bounds(operation)
    // Every third moment: what is healed is the same as by gc, which meets them all.
    for (let nth = 1; ; nth += 3) {
      const there = await world()
      await operation.before(there)
      if (!(await dies(there, operation, nth))) break
      await there.setUp('next', { publish: ['7777:77'] })
      await there.engine.teardown({ container: 'next' })
      expect(unlike(expected, there.picture()), `killed at effect ${nth}`).toEqual([])
    }
  })
})

describe.each(makingOperations)('$name', { timeout: 240_000 }, (operation) => {
  it('killed at any moment, the same again makes what it makes alone', async () => {
    const [, made] = await bounds(operation)
    for (let nth = 1; ; nth += 2) {
      const there = await world()
      await operation.before(there)
      if (!(await dies(there, operation, nth))) break
      await operation.run(there)
      expect(unlike([made as Picture], there.picture()), `killed at effect ${nth}`).toEqual([])
    }
  })
})

it('a death that is repeated while the next command heals is healed by the one after', async () => {
  const [operation] = makingOperations as readonly [Operation, ...Operation[]]
  const expected = await bounds(operation)
  for (let nth = 5; ; nth += 7) {
    const there = await world()
    await operation.before(there)
    if (!(await dies(there, operation, nth))) break
    for (let again = 1; again < 60; again += 3) {
      there.life.endsAt(again)
      await there.engine.gc().catch(() => undefined)
      there.life.again()
    }
    await there.engine.gc()
    expect(unlike(expected, there.picture()), `killed at effect ${nth}`).toEqual([])
  }
})

it('a change that died, of a container whose bundle was deleted then, keeps nobody from anything', async () => {
  const connect = makingOperations.find(({ name }) => name === 'network connect') as Operation
  const hostsFile = '/run/bundle/hosts'
  for (let nth = 1; ; nth++) {
    let deleted = false
    const refused = (): Error =>
      fail('TSNET_FILE_UNUSABLE', { message: 'there is no folder /run/bundle', field: 'hostsFile' })
    const there = await world((kernel) => ({
      changeableText: (path) => {
        if (deleted && path === hostsFile) throw refused()
        return kernel.changeableText(path)
      },
      apply: async (steps, sandbox) =>
        deleted && steps.some((step) => step.kind === 'file')
          ? { results: [], tried: 1, error: refused() }
          : kernel.apply(steps, sandbox),
    }))
    const setUp: Yard['setUp'] = (name, rest) => there.setUp(name, { ...rest, resolver: { hostsFile } })
    await connect.before({ ...there, setUp })
    if (!(await dies(there, connect, nth))) break
    deleted = true
    await there.setUp('next')
    await there.engine.teardown({ container: 'next' })
    await there.engine.teardown({ container: 'one' })
    expect(await there.engine.check(), `killed at effect ${nth}`).toEqual([])
  }
})

it('a process that is dead changes nothing', async () => {
  const there = await world()
  const before = there.picture()
  there.life.endsAt(1)
  await expect(there.setUp('one')).rejects.toThrow()
  await expect(there.engine.gc()).rejects.toBeInstanceOf(Error)
  expect(there.picture()).toEqual(before)
  expect(() => there.life.effect()).toThrow(Killed)
})
