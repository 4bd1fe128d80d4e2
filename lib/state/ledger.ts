/**
 * Small documents that must survive a reboot, one file each: what an engine told
 * us once and will not tell again.
 *
 * @module
 */

import { dirname } from 'node:path'
import { listFolder, readJson, removeEmptyFolder, removeFile, writeJson } from './files.ts'

export interface Ledger<T> {
  get(key: string): T | undefined
  put(key: string, value: T): void
  /** The folder goes with the last one. */
  remove(key: string): void
  keys(): readonly string[]
}

const suffix = '.json'

/** @param folder of these documents alone; the one it is in is tsnet's too */
export function ledger<T>(folder: string): Ledger<T> {
  const file = (key: string): string => `${folder}/${key}${suffix}`
  return {
    get: (key) => readJson<T>(file(key)),
    put: (key, value) => writeJson(file(key), value),
    remove: (key) => {
      removeFile(file(key))
      if (removeEmptyFolder(folder)) removeEmptyFolder(dirname(folder))
    },
    keys: () =>
      listFolder(folder).flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : [])),
  }
}
