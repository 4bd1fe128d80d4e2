/**
 * Faults that can be mended, one after the other on one host: each is found
 * first, and afterwards the host is healthy again.
 *
 * @module
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Ailment } from '../../lib/index.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { type Fault, faults } from '../faults.ts'
import { undocumented } from './documented.ts'
import { layShopHost, type ShopHost } from './faultyhost.ts'

export const mendable = (backend: 'iptables' | 'nftables'): readonly Fault[] =>
  faults.filter(
    (fault) =>
      fault.doctor !== undefined &&
      fault.mend !== undefined &&
      (fault.backend === 'both' || fault.backend === backend),
  )

export async function examine(host: Host, ...words: string[]): Promise<readonly Ailment[]> {
  const { stdout, exitCode } = await host.tsnet('doctor', ...words, '--json', { expectExit: 'any' })
  const found = JSON.parse(stdout) as readonly Ailment[]
  expect(undocumented('doctor', found)).toEqual([])
  const worst = found.some(({ severity }) => severity === 'error') ? 6 : 5
  expect(exitCode).toBe(found.length === 0 ? 0 : worst)
  return found
}

/** Registers a test for each. */
export function tryFaults(backend: 'iptables' | 'nftables', chosen: readonly Fault[]): void {
  let lab: Lab
  let yard: ShopHost
  beforeAll(async () => {
    lab = await createLab()
    yard = await layShopHost(lab, backend)
    expect(await examine(yard.host)).toEqual([])
  })
  afterAll(() => lab.dispose())

  it.each(chosen)('$doctor is found first where $name', async ({ break: broken, mend, doctor }) => {
    await yard.shell(broken)
    const [first] = await examine(yard.host)
    expect(first).toMatchObject({ code: doctor, evidence: expect.any(Array), fix: expect.any(String) })
    expect(first?.evidence).not.toEqual([])
    await yard.shell(mend ?? '')
    expect(await examine(yard.host)).toEqual([])
  })
}
