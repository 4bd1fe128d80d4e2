/**
 * Generated input for every parser: only its own errors come out, nothing hangs
 * or grows. `npm run test:fuzz` tries a million cases, `TSNET_FUZZ_SEED` others;
 * packets for the name server are in test/unit/dns/fuzz.test.ts.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { randomFrom } from '../model/fuzz/random.ts'
import { type Door, doors } from './doors.ts'
import { bytesInUse, littleBytes } from './memory.ts'

const cases = Number(process.env['TSNET_FUZZ_CASES'] ?? 1500)
const seed = Number(process.env['TSNET_FUZZ_SEED'] ?? 1)

interface Count {
  readonly past: number
  readonly faults: readonly unknown[]
}

async function tryMany({ tryOne, may }: Door): Promise<Count> {
  const random = randomFrom(seed)
  const faults: unknown[] = []
  let past = 0
  for (let i = 0; i < cases && faults.length < 5; i++) {
    try {
      const found = tryOne(random)
      // Waiting for what is there already costs more than the parser.
      if (typeof found === 'boolean' ? found : await found) past++
    } catch (error) {
      if (!may(error)) faults.push(error)
    }
  }
  return { past, faults }
}

describe(`of ${cases} inputs each`, () => {
  const counts: Record<string, number> = {}

  it.each(doors.map((door) => ({ ...door })))(
    '$name: a third gets past the decoder, the rest is refused properly',
    {
      timeout: 600_000,
    },
    async (door: Door) => {
      const before = await bytesInUse()
      const { past, faults } = await tryMany(door)
      counts[door.name] = past
      expect(faults).toEqual([])
      expect(past / cases).toBeGreaterThan(1 / 3)
      // What was read is not kept.
      expect((await bytesInUse()) - before).toBeLessThan(littleBytes)
    },
  )

  it('nothing has reached the prototype of all objects', () => {
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    const past = Object.values(counts).reduce((sum, count) => sum + count, 0)
    if (cases >= 10_000) console.info(`${cases * doors.length} cases, ${past} past the decoder:`, counts)
  })
})
