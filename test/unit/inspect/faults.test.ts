/** The list of prepared faults itself: what `test/netns/82*` works through. */
import { expect, it } from 'vitest'
import { faults } from '../../faults.ts'

it('at least thirty faults are prepared, each with a name of its own and a finding expected of doctor or trace', () => {
  expect(faults.length).toBeGreaterThanOrEqual(30)
  expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length)
  expect(faults.filter(({ doctor, trace }) => doctor === undefined && trace === undefined)).toEqual([])
})
