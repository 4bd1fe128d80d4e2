/**
 * Which other state folder has a unit on this host: only one that says so of
 * this boot and this namespace, whatever else lies about.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { foldersBeside } from '../../../lib/state/beside.ts'
import { statePaths } from '../../../lib/state/paths.ts'
import { damage } from './damage.ts'

const unit = 'base@nftables'
const here = { cookie: '4711', bootId: 'this boot' }

let top = ''
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'tsnet-beside-'))
})
afterEach(() => rmSync(top, { recursive: true, force: true }))

/** A folder with that unit, which others can find. @returns the path of its record */
function folderWith(netns: object | undefined, where: 'units' | 'pending' = 'units'): string {
  const paths = statePaths(`${top}/a`)
  const path = where === 'units' ? `${paths.units}/${unit}.json` : `${paths.pending}/unit.${unit}.json`
  mkdirSync(paths[where], { recursive: true })
  writeFileSync(path, JSON.stringify({ version: 1, unit, steps: [], netns }))
  foldersBeside(paths, `${top}/usual`).tell()
  return path
}

const holder = (own: string): string | undefined =>
  foldersBeside(statePaths(own), `${top}/usual`).holder(unit, here)

describe('the folder that has a unit', () => {
  it.each(['units', 'pending'] as const)(
    'is found by a record in %s, and by nobody any more afterwards',
    (where) => {
      folderWith(here, where)
      expect([holder(`${top}/b`), holder(`${top}/usual`)]).toEqual([`${top}/a`, `${top}/a`])
      foldersBeside(statePaths(`${top}/a`), `${top}/usual`).forget()
      expect([holder(`${top}/b`), holder(`${top}/usual`)]).toEqual([undefined, undefined])
    },
  )

  it('is found while its record moves, as it does when the unit is made, and when it goes', {
    timeout: 300_000,
  }, async () => {
    const pending = folderWith(here, 'pending')
    const { units } = statePaths(`${top}/a`)
    mkdirSync(units)
    const made = `${units}/${unit}.json`
    const mover = `
      require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
        for (const until = performance.now() + Math.random() * 0.5; performance.now() < until; );
        require('fs').renameSync(...line.split(' '))
      })`
    const child = spawn(process.execPath, ['-e', mover], { stdio: ['pipe', 'ignore', 'inherit'] })
    try {
      const found = new Set<string | undefined>()
      for (let round = 0; round < 200; round++) {
        const [from, to] = round % 2 === 0 ? [pending, made] : [made, pending]
        child.stdin.write(`${from} ${to}\n`)
        await new Promise((resolve) => setImmediate(resolve))
        const deadline = performance.now() + 20_000
        for (let isThere = false; !isThere; ) {
          isThere = existsSync(to)
          found.add(holder(`${top}/b`))
          if (performance.now() > deadline) throw new Error(`${from} was not moved within 20 s`)
        }
      }
      expect([...found]).toEqual([`${top}/a`])
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('is not another one where it is our own, by whichever path', () => {
    folderWith(here)
    symlinkSync(`${top}/a`, `${top}/link`)
    expect([holder(`${top}/a`), holder(`${top}/link`), holder(`${top}/a/../a`)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it.each([
    ['of another boot', { ...here, bootId: 'before' }],
    ['of another namespace', { ...here, cookie: '1' }],
    ['of a tsnet that did not write it down', undefined],
  ])('%s is nobody’s', (_, netns) => {
    folderWith(netns)
    expect(holder(`${top}/b`)).toBe(undefined)
  })

  it.each(Object.keys(damage))('damaged (%s) stops nobody', (how) => {
    const path = folderWith(here)
    damage[how]?.(path, readFileSync(path, 'utf8'))
    expect(() => holder(`${top}/b`)).not.toThrow()
  })
})
