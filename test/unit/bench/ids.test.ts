/**
 * @module
 */
import { expect, it } from 'vitest'
import { containerId } from '../../bench/contenders/library.ts'

it('every sandbox of a benchmark has an id of its own, as long as those of engines', () => {
  const ids = Array.from({ length: 5000 }, (_, number) => containerId({ number, pid: 1 }))
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.every((id) => id.length === 64)).toBe(true)
})
