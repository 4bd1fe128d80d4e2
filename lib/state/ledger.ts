/**
 * Small documents that must survive a reboot, one file each: what an engine told
 * us once and will not tell again.
 *
 * @module
 */

import { dirname } from 'node:path'
import { setAside } from './aside.ts'
import { checked, type FaultOf } from './checked.ts'
import { readJson, removeFile, type Warn, writeJson } from './files.ts'
import { listFolder, removeEmptyFolder } from './folders.ts'

export interface Ledger<T> {
  get(key: string): T | undefined
  put(key: string, value: T): void
  /** The folder goes with the last one. */
  remove(key: string): void
  keys(): readonly string[]
}

const suffix = '.json'

/** @param folder of these documents alone; the one it is in is tsnet's too */
export function ledger<T>(folder: string, fault: FaultOf, warn: Warn): Ledger<T> {
  const file = (key: string): string => `${folder}/${key}${suffix}`
  const get = (key: string): T | undefined => {
    const { value, why } = checked(() => readJson<T>(file(key)), fault)
    if (why !== undefined) setAside(file(key), why, warn)
    return value
  }
  return {
    get,
    put: (key, value) => writeJson(file(key), value),
    remove: (key) => {
      // A folder in its place is nobody's to remove: it is kept aside.
      get(key)
      removeFile(file(key))
      if (removeEmptyFolder(folder)) removeEmptyFolder(dirname(folder))
    },
    keys: () =>
      listFolder(folder).flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : [])),
  }
}
