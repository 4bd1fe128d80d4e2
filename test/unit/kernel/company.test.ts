/**
 * Sharing a turn: who is in it, who waits for whom, and whose answer is whose.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createCompany } from '../../../lib/kernel/system/company.ts'

/** Notes who shared a turn; the answer to `x` is `X`. */
function noted(durationMs = 0) {
  const turns: string[][] = []
  const company = createCompany<string, string>(async (orders) => {
    turns.push([...orders])
    await sleep(durationMs)
    return orders.map((order) => order.toUpperCase())
  })
  return { turns, company }
}

describe('a company', () => {
  it('gives each who joins at the same time its own answer out of one turn', async () => {
    const { turns, company } = noted()
    expect(await Promise.all(['a', 'b', 'c'].map(company.join))).toEqual(['A', 'B', 'C'])
    expect(turns).toEqual([['a', 'b', 'c']])
  })

  it('takes who comes while a turn is carried out into the next one', async () => {
    const { turns, company } = noted(20)
    const first = company.join('a')
    while (turns.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await Promise.all([first, company.join('b'), company.join('c')])).toEqual(['A', 'B', 'C'])
    expect(turns).toEqual([['a'], ['b', 'c']])
  })

  it('waits for one who is on the way', async () => {
    // It waits five milliseconds, which a busy machine takes for less.
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const { turns, company } = noted()
    const arrived = company.approach()
    const first = company.join('a')
    await new Promise((resolve) => setImmediate(resolve))
    const second = company.join('b')
    arrived()
    expect([await first, await second]).toEqual(['A', 'B'])
    expect(turns).toEqual([['a', 'b']])
  })

  it('does not wait for one who has given up, said twice, nor for ever for one who never comes', async () => {
    const { turns, company } = noted()
    const given = company.approach()
    given()
    given()
    expect(await company.join('a')).toBe('A')
    company.approach()
    expect(await company.join('b')).toBe('B')
    expect(turns).toEqual([['a'], ['b']])
  })

  it('waits five milliseconds for one who is on the way, and not one more', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const rounds = async (): Promise<void> => {
      for (let nth = 0; nth < 20; nth++) await new Promise((resolve) => setImmediate(resolve))
    }
    const { turns, company } = noted()
    company.approach()
    const answer = company.join('a')
    vi.advanceTimersByTime(4)
    await rounds()
    expect(turns).toEqual([])
    vi.advanceTimersByTime(1)
    expect(await answer).toBe('A')
    expect(turns).toEqual([['a']])
  })
})
