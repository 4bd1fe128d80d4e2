/**
 * Text files of others, in a folder of this test's own.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isTsnetError } from '../../../lib/errors/codes.ts'
import { changeText, readChangeable, readText } from '../../../lib/kernel/system/textfile.ts'
import type { FileStep } from '../../../lib/plan/step.ts'
import { textTakenBack, textWith } from '../../../lib/plan/textfile.ts'

let folder = ''
const at = (name: string): string => join(folder, name)

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsnet-textfile-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const look = (path: string) => {
  const { ino, mode, uid, gid, nlink } = statSync(path)
  return { ino, mode, uid, gid, nlink }
}

describe('changing a file', () => {
  it('keeps its inode, owner, mode and other names', async () => {
    const path = at('kept')
    writeFileSync(path, 'a long text that is there\n')
    chmodSync(path, 0o640)
    linkSync(path, at('kept-too'))
    const before = look(path)
    expect(await changeText(path, () => 'short\n')).toBe(true)
    expect(readFileSync(at('kept-too'), 'utf8')).toBe('short\n')
    expect(await changeText(path, (text) => `${text}and longer than it was before\n`)).toBe(true)
    expect(readText(path)).toBe('short\nand longer than it was before\n')
    expect(await changeText(path, (text) => text)).toBe(false)
    expect(look(path)).toEqual(before)
  })

  it('makes it readable for all where there was none, and removes it again', async () => {
    const path = at('new')
    const umask = process.umask(0o077)
    try {
      expect(await changeText(path, () => undefined)).toBe(false)
      expect(readText(path)).toBeUndefined()
      expect(await changeText(path, () => 'x\n')).toBe(true)
    } finally {
      process.umask(umask)
    }
    expect([readText(path), statSync(path).mode & 0o777]).toEqual(['x\n', 0o644])
    expect(await changeText(path, () => undefined)).toBe(true)
    expect(readChangeable(path)).toBeUndefined()
  })

  it('takes turns: of many that add lines at once none loses them', async () => {
    const path = at('many')
    const steps = Array.from(
      { length: 40 },
      (_, i): FileStep => ({
        kind: 'file',
        where: 'host',
        path,
        text: `10.0.0.${i}\tc${i}\n`,
        mark: `c${i}`,
      }),
    )
    await Promise.all(steps.map((step) => changeText(path, (text) => textWith(step, text))))
    expect(readFileSync(path, 'utf8').match(/^10\./gm)).toHaveLength(steps.length)
    await Promise.all(steps.map((step) => changeText(path, (text) => textTakenBack(step, text))))
    expect(readText(path)).toBeUndefined()
  })

  it('goes on without its turn where somebody keeps the file locked', async () => {
    const path = at('locked')
    writeFileSync(path, 'a\n')
    const held = ['-c', 'exec 9<"$0"; flock -n 9; echo held; sleep 600 <&- >&- 2>&- & echo $!', path]
    const [, pid] = execFileSync('sh', held, { encoding: 'utf8', timeout: 30_000 }).split('\n')
    try {
      expect(await changeText(path, () => 'b\n')).toBe(true)
    } finally {
      process.kill(Number(pid))
    }
    expect(readText(path)).toBe('b\n')
  })

  it('that is not a text of its own is refused, with the reason', async () => {
    writeFileSync(at('target'), 'target\n')
    symlinkSync(at('target'), at('link'))
    symlinkSync(at('nowhere'), at('dangling'))
    mkdirSync(at('folder'))
    execFileSync('mkfifo', [at('fifo')], { timeout: 30_000 })
    writeFileSync(at('latin1'), Buffer.from([0x66, 0xfc, 0x72, 0x0a]))
    writeFileSync(at('binary'), Buffer.from([0x61, 0, 0x0a]))
    writeFileSync(at('huge'), 'x'.repeat(1024 * 1024 + 1))
    const names = ['link', 'dangling', 'folder', 'fifo', 'latin1', 'binary', 'huge', 'none/x', 'target/x']
    const faults = await Promise.all(
      names.map(async (name) => {
        const planned = faultOf(() => readChangeable(at(name)))
        const applied = await changeText(at(name), () => 'x\n').then(() => 'done', told)
        return name.includes('/') ? planned : [planned, applied === planned].join(' | ')
      }),
    )
    expect(faults).toMatchInlineSnapshot(`
      [
        "writing FOLDER/link: it is a symbolic link to FOLDER/target; give the path of the file itself | true",
        "writing FOLDER/dangling: it is a symbolic link to FOLDER/nowhere; give the path of the file itself | true",
        "writing FOLDER/folder: it is no regular file; give another path | true",
        "writing FOLDER/fifo: it is no regular file; give another path | true",
        "writing FOLDER/latin1: it is no UTF-8 text; give another path | true",
        "writing FOLDER/binary: it is no UTF-8 text; give another path | true",
        "writing FOLDER/huge: it has 1048577 bytes, more than 1048576; give another path | true",
        "writing FOLDER/none/x: there is no folder FOLDER/none; make the folder first",
        "writing FOLDER/target/x: there is no folder FOLDER/target; make the folder first",
      ]
    `)
    expect(readFileSync(at('target'), 'utf8')).toBe('target\n')
    expect(readText(at('nowhere'))).toBeUndefined()
  })
})

function faultOf(work: () => unknown): string {
  try {
    return String(work())
  } catch (error) {
    return told(error)
  }
}

function told(error: unknown): string {
  if (!isTsnetError(error, 'TSNET_FILE_UNUSABLE')) return String(error)
  return `${error.message}; ${error.hint}`.replaceAll(folder, 'FOLDER')
}
