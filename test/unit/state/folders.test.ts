/**
 * Folders as the state folder has them.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isUnusedFolder } from '../../../lib/state/folders.ts'

it('a folder is in use until the last of its names has gone, in whatever order they go', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-folders-'))
  const put = (name: string): void => writeFileSync(join(folder, name), '')
  const drop = (name: string): void => rmSync(join(folder, name))
  const looks: boolean[] = []
  const look = (): void => void looks.push(isUnusedFolder(folder))
  try {
    look()
    for (const name of ['.last4', 'half.1.tmp']) put(name)
    look()
    for (const name of ['a', 'b', 'c']) put(name)
    for (const name of ['b', 'a', 'c']) {
      look()
      drop(name)
    }
    look()
    put('a')
    look()
  } finally {
    rmSync(folder, { recursive: true })
  }
  look()
  expect(looks).toEqual([true, true, false, false, false, true, false, true])
})
