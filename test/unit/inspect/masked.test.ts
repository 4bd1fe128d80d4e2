/**
 * Addresses of rules: one, a prefix, or a mask of any bits.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { isOf } from '../../../lib/inspect/rules/masked.ts'
import type { Address } from '../../../lib/model/address.ts'

describe('an address that a rule asks for', () => {
  it.each([
    ['10.89.0.34', ['10.89.0.34']],
    ['10.89.0.32/27', ['10.89.0.34', '10.89.0.35', '10.89.0.63']],
    ['0.0.0.2/0.0.0.31', ['10.89.0.2', '10.89.0.34', '10.88.7.66']],
    ['::2/::1f', ['fd89::2', 'fd89::22']],
    ['nowhere/0.0.0.31', []],
  ])('%s is met by its own, of its own family', (value, own) => {
    const all = [
      ...['10.89.0.2', '10.89.0.34', '10.89.0.35', '10.89.0.63', '10.88.7.66'],
      ...['fd89::2', 'fd89::22', 'fd89::23'],
    ]
    expect(all.filter((address) => isOf(value, address as Address))).toEqual(own)
  })
})
