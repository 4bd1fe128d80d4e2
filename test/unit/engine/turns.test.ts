import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type AddressTurn, addressTurn } from '../../../lib/engine/attach/turns.ts'
import { takeAddress } from '../../../lib/ipam/leases.ts'
import type { Subnet } from '../../../lib/model/address.ts'
import { statePaths } from '../../../lib/state/paths.ts'
import { type LeaseFiles, type Owner, reservations } from '../../../lib/state/reservations.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsnet-turns-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const owner: Owner = { record: 'c', container: 'c', path: '/proc/1/ns/net', cookie: '1', bootId: 'b' }
const subnet = { subnet: '10.0.0.0/24' as Subnet, gateway: '10.0.0.1' as never }

/** The lease files, and how often one of them was tried. */
function counting(): { readonly leases: LeaseFiles; readonly tries: () => number } {
  const { leases } = reservations(statePaths(folder))
  let tries = 0
  const take: LeaseFiles['take'] = (...words) => {
    tries++
    return leases.take(...words)
  }
  return { leases: { ...leases, take }, tries: () => tries }
}

const next = ({ store }: AddressTurn): string =>
  takeAddress(store, { network: 'n', subnet, owner }, () => 'another')

test('a hundred set-ups on their way try one address each', () => {
  const { leases, tries } = counting()
  const turns = Array.from({ length: 100 }, () => addressTurn(leases))
  expect(turns.map(next)).toEqual(Array.from({ length: 100 }, (_, i) => `10.0.0.${i + 2}`))
  expect(tries()).toBe(100)
})

test('one that fails leaves no gap, one that is up does', () => {
  const { leases } = counting()
  const failing = addressTurn(leases)
  expect(next(failing)).toBe('10.0.0.2')
  leases.release('n', '10.0.0.2')
  failing.over()
  const working = addressTurn(leases)
  expect(next(working)).toBe('10.0.0.2')
  working.used()
  working.over()
  leases.release('n', '10.0.0.2')
  expect(next(addressTurn(leases))).toBe('10.0.0.3')
})

test('one that ends first leaves those behind it where they are', () => {
  const { leases, tries } = counting()
  const [first, second, third] = [addressTurn(leases), addressTurn(leases), addressTurn(leases)]
  expect([next(first), next(second)]).toEqual(['10.0.0.2', '10.0.0.3'])
  first.used()
  first.over()
  expect(next(third)).toBe('10.0.0.4')
  expect(tries()).toBe(3)
})
