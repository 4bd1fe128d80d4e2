/**
 * The log file of a daemon, which others have opened.
 *
 * @module
 */
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { shortening } from '../../../lib/daemon/logfile.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsnet-log-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const line = `${'x'.repeat(1023)}\n`
const sizes = (): readonly number[] => ['log.1', 'log'].map((name) => lengthOf(join(folder, name)))

function lengthOf(path: string): number {
  try {
    return readFileSync(path).length
  } catch {
    return -1
  }
}

it('is never longer than a mebibyte and a line, and what was before is kept once', () => {
  const path = join(folder, 'log')
  const fd = openSync(path, 'a')
  const print = shortening(path, (text) => appendFileSync(fd, text))
  for (let written = 0; written < 1024; written++) print(line)
  expect(sizes()).toEqual([-1, 1024 * 1024])
  print('the last of them\n')
  expect(sizes()).toEqual([1024 * 1024 + 17, 0])
  print(line)
  expect(sizes()).toEqual([1024 * 1024 + 17, 1024])
  closeSync(fd)
})

it('is shortened by the first line where the one before left it long', () => {
  const path = join(folder, 'log')
  writeFileSync(path, 'y'.repeat(2 * 1024 * 1024))
  shortening(path, (text) => appendFileSync(path, text))(line)
  expect(sizes()).toEqual([2 * 1024 * 1024 + 1024, 0])
})

it('does not matter where the daemon writes elsewhere', () => {
  const seen: string[] = []
  const print = shortening(join(folder, 'log'), (text) => seen.push(text))
  for (let written = 0; written < 3; written++) print('a line\n')
  expect(seen).toHaveLength(3)
  expect(sizes()).toEqual([-1, -1])
})
