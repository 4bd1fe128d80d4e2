/**
 * What is kept in memory of folders that seldom change, and when it is read again.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rememberedFile, rememberedFolder } from '../../../lib/state/remembered.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/tsnet-remembered-`)
})
afterEach(() => rmSync(folder, { recursive: true }))

/** As if the last change were long ago. */
function age(path: string, seconds: number): void {
  const then = Date.now() / 1000 - seconds
  utimesSync(path, then, then)
}

/** As state files are written. */
function replace(path: string, value: unknown): void {
  writeFileSync(`${path}.1.tmp`, JSON.stringify(value))
  renameSync(`${path}.1.tmp`, path)
}

describe('a remembered folder', () => {
  test('names what is there now, however soon one change follows another', () => {
    const units = rememberedFolder(folder)
    const seen: (readonly string[])[] = [units.names()]
    for (const name of ['a.json', 'b.json', 'c.json']) {
      replace(`${folder}/${name}`, {})
      seen.push(units.names())
    }
    rmSync(`${folder}/b.json`)
    seen.push(units.names())
    expect(seen).toEqual([
      [],
      ['a.json'],
      ['a.json', 'b.json'],
      ['a.json', 'b.json', 'c.json'],
      ['a.json', 'c.json'],
    ])
  })

  test('is read once as long as its time is the same, and again when somebody has changed it', () => {
    replace(`${folder}/a.json`, {})
    age(folder, 10)
    const units = rememberedFolder(folder)
    const first = units.names()
    expect([units.names() === first, first]).toEqual([true, ['a.json']])
    replace(`${folder}/b.json`, {})
    expect(units.names()).toEqual(['a.json', 'b.json'])
  })

  test('is empty where there is none, and noticed when it comes, goes and comes again', () => {
    const path = `${folder}/later`
    const units = rememberedFolder(path)
    const seen: (readonly string[])[] = [units.names()]
    for (const name of ['a.json', 'b.json']) {
      mkdirSync(path)
      replace(`${path}/${name}`, {})
      seen.push(units.names())
      rmSync(path, { recursive: true })
      seen.push(units.names())
    }
    expect(seen).toEqual([[], ['a.json'], [], ['b.json'], []])
  })

  test('a file in it that is edited in place is read again', () => {
    writeFileSync(`${folder}/a.json`, '{"mtu":1500}')
    age(`${folder}/a.json`, 10)
    const networks = rememberedFolder(folder)
    const before = networks.read('a.json')
    writeFileSync(`${folder}/a.json`, '{"mtu":9000}')
    expect([before, networks.read('a.json')]).toEqual([{ mtu: 1500 }, { mtu: 9000 }])
  })

  test('a file that has gone is gone', () => {
    writeFileSync(`${folder}/a.json`, '{"mtu":1500}')
    age(`${folder}/a.json`, 10)
    const networks = rememberedFolder(folder)
    const before = [networks.read('a.json'), networks.read('b.json')]
    rmSync(`${folder}/a.json`)
    expect([...before, networks.read('a.json')]).toEqual([{ mtu: 1500 }, undefined, undefined])
  })
})

test('a remembered file is read again when it was replaced by one of the same age and length', () => {
  const path = `${folder}/boot`
  replace(path, 'one')
  age(path, 10)
  const boot = rememberedFile<string>(path)
  const before = boot()
  writeFileSync(`${path}.1.tmp`, '"two"')
  age(`${path}.1.tmp`, 10)
  renameSync(`${path}.1.tmp`, path)
  expect([before, boot()]).toEqual(['one', 'two'])
})

test('what is in the way of a state folder is left to whoever reads, or writes there', () => {
  writeFileSync(`${folder}/file`, '"not a folder"')
  expect(rememberedFile(`${folder}/file/boot`)()).toBeUndefined()
  expect(rememberedFolder(`${folder}/file/networks`).read('a.json')).toBeUndefined()
})
