/**
 * SIGKILL before each system call of a set-up and a teardown: the next command,
 * or `tsnet gc`, leaves nothing of it, and touches nothing of the living.
 *
 * Here some, in `npm run test:chaos` all of them. The same at every effect of the
 * engine, on the memory kernel: test/unit/engine/deaths.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { figure, size, spread, whole } from './chaos.ts'
import { type Case, cases, layChaosYard } from './chaosyard.ts'

needs('root', 'ip', 'nft', 'iptables', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6', 'strace')

async function trial(one: Case, count: number): Promise<number> {
  await using lab = await createLab()
  const { chances, setup, teardown, tsnet, spoil, check, changed } = await layChaosYard(lab, one)
  const chosen = spread(await chances(), count)
  expect(await changed()).toEqual([])
  let kills = 0
  for (const [i, chance] of chosen.entries()) {
    const next = i % 2 === 0 ? ['gc'] : setup
    const told = `${chance.task[0]} killed before ${chance.point.nth}. ${chance.point.line}, then ${next[0]}`
    if (chance.task === teardown) await tsnet(...setup)
    const { exitCode } = await spoil(chance, 'signal=KILL')
    expect([0, 137], told).toContain(exitCode)
    if (exitCode === 137) kills++
    await tsnet(...next)
    expect(await check(), told).toEqual([])
    // Committed, or set up again; if not, there is nothing to do.
    await tsnet(...teardown)
    expect(await changed(), told).toEqual([])
  }
  expect(kills).toBeGreaterThan(chosen.length / 2)
  return kills
}

describe('a set-up or teardown killed before a system call leaves nothing', () => {
  it.concurrent.each(cases)('$what', { timeout: whole ? 3_600_000 : 240_000 }, async (one) => {
    const kills = await trial(one, size(7, Number.POSITIVE_INFINITY))
    figure(`killed before a system call, ${one.what}: ${kills} times`)
  })
})
