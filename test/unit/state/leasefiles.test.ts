/**
 * The files of CNI's host-local, damaged: who asks for an address gets one, and
 * nobody's is given a second time.
 *
 * @module
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type LeaseFolder, leaseFolder } from '../../../lib/state/leasefiles.ts'
import { damage } from './damage.ts'

let dataDir = ''
let leases: LeaseFolder
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'tsnet-leases-'))
  leases = leaseFolder(dataDir, 'pods', true)
  leases.forgetOtherBoots('this boot')
  leases.take('10.1.0.2', 'web', 'eth0')
  leases.setLast(0, '10.1.0.2')
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const ways = Object.keys(damage)
const hurt = (name: string, how: string): void => {
  const path = join(leases.path, name)
  damage[how]?.(path, readFileSync(path, 'utf8'))
}

it.each(ways)('the boot mark %s: leases of this boot stay, and it is written anew', (how) => {
  hurt('.tsnet_boot_id', how)
  leases.forgetOtherBoots('this boot')
  expect(leases.take('10.1.0.3', 'db', 'eth0')).toBe(true)
  leases.forgetOtherBoots('this boot')
  expect(leases.list()).toContainEqual({ address: '10.1.0.3', container: 'db', ifname: 'eth0' })
})

it.each(ways)('the address that was given last %s: it is forgotten, and the next one is noted', (how) => {
  hurt('last_reserved_ip.0', how)
  expect(leases.last(0)).toBeUndefined()
  leases.setLast(0, '10.1.0.9')
  expect(leases.last(0)).toBe('10.1.0.9')
})

it.each(ways)('a lease %s: it is not given to anybody else', (how) => {
  hurt('10.1.0.2', how)
  expect(leases.take('10.1.0.2', 'db', 'eth0')).toBe(false)
  expect(readdirSync(leases.path)).toContain('10.1.0.2')
})
