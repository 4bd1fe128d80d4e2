/**
 * Network configuration lists as they lie in a folder.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findList, readLists } from '../../../../lib/adapters/cni/lists.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cni-lists-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function write(file: string, json: unknown): void {
  writeFileSync(join(folder, file), JSON.stringify(json))
}

describe('a folder of network configurations', () => {
  it('has lists and single plugins, in the order of their files, and nothing else', () => {
    write('20-b.conf', { cniVersion: '0.4.0', name: 'b', type: 'bridge' })
    write('10-a.conflist', { cniVersion: '1.0.0', name: 'a', plugins: [{ type: 'tsnet' }] })
    write('00-no.yaml', { name: 'no' })
    const lists = readLists(folder).map(({ name, cniVersion, plugins }) => [
      name,
      cniVersion,
      plugins.map(({ type }) => type),
    ])
    expect(lists).toEqual([
      ['a', '1.0.0', ['tsnet']],
      ['b', '0.4.0', ['bridge']],
    ])
  })

  it.each([
    [{ cniVersion: '1.0.0', cniVersions: ['0.4.0', '1.0.0', '1.1.0'] }, '1.1.0'],
    [{ cniVersion: '1.0.0', cniVersions: ['1.1.0', '9.0.0'] }, '1.1.0'],
    [{ cniVersions: ['0.3.1', '0.4.0'] }, '0.4.0'],
    [{ cniVersion: '9.0.0' }, '9.0.0'],
    [{}, '0.1.0'],
  ])('%j means version %s: the newest that we know, of both keys', (keys, version) => {
    write('10-a.conflist', { ...keys, name: 'a', plugins: [{ type: 'tsnet' }] })
    expect(findList(folder, 'a').cniVersion).toBe(version)
  })

  it('takes plugins from the folder beside the list, unless it says not to', () => {
    mkdirSync(join(folder, 'a'))
    write('a/20-last.conf', { type: 'tuning' })
    write('a/10-first.conf', { type: 'portmap' })
    write('10-a.conflist', { name: 'a', plugins: [{ type: 'bridge' }] })
    const types = () => findList(folder, 'a').plugins.map(({ type }) => type)
    expect(types()).toEqual(['bridge', 'portmap', 'tuning'])
    write('10-a.conflist', { name: 'a', loadOnlyInlinedPlugins: 'true', plugins: [{ type: 'bridge' }] })
    expect(types()).toEqual(['bridge'])
  })

  it.each([
    [{}, [false, false]],
    [{ disableCheck: true, disableGC: 'true' }, [true, true]],
  ])('%j: switches, also as texts', (keys, switches) => {
    write('10-a.conflist', { ...keys, name: 'a', plugins: [{ type: 'bridge' }] })
    const { disableCheck, disableGC } = findList(folder, 'a')
    expect([disableCheck, disableGC]).toEqual(switches)
  })

  it('refuses a list without plugins, and names the networks there are for one that is not', () => {
    write('10-a.conflist', { name: 'a', plugins: [] })
    expect(() => readLists(folder)).toThrow('it has no plugins')
    write('10-a.conflist', { name: 'a', plugins: [{ type: 'bridge' }] })
    expect(() => findList(folder, 'b')).toThrow(`no configuration in ${folder} has that name`)
  })
})
