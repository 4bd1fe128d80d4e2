/**
 * A project of somebody else that has tsnet as a dependency: a folder outside the repository.
 *
 * @module
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { repository } from '../../../netns-fixtures/place.ts'

export interface Project extends Disposable {
  readonly folder: string
  /** Copies one of the files beside this one there. @returns the words that run it */
  add(file: string): readonly string[]
  /** Writes a file there. @returns the words that run it */
  write(name: string, text: string): readonly string[]
}

export function outsideProject(): Project {
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-outside-'))
  writeFileSync(`${folder}/package.json`, '{ "name": "outside", "type": "module", "private": true }\n')
  mkdirSync(`${folder}/node_modules`)
  symlinkSync(repository, `${folder}/node_modules/tsnet`)
  const loader = createRequire(import.meta.url).resolve('tsx')
  const run = (name: string): readonly string[] => [process.execPath, '--import', loader, `${folder}/${name}`]
  return {
    folder,
    add: (file) => {
      copyFileSync(`${repository}test/netns/outside/${file}`, `${folder}/${basename(file)}`)
      return run(basename(file))
    },
    write: (name, text) => {
      writeFileSync(`${folder}/${name}`, text)
      return run(name)
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}
