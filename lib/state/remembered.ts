/**
 * Folders and files that seldom change, kept in memory as long as they have not.
 *
 * One look at the time of its last change says whether what was read is still
 * so, whichever process wrote it (statx takes 3 µs, reading a file 25). The time is
 * as coarse as the kernel's tick, so what was read right after a change is not
 * kept: another change could follow within the same tick. Not for folders that
 * change with every attach (records, journal, locks, reservations).
 *
 * @module
 */

import { type Stats, statSync } from 'node:fs'
import { listFolder, readJson } from './files.ts'

/** A folder of JSON files. */
export interface Folder {
  /** Sorted, without temporary and hidden files. */
  names(): readonly string[]
  /** Never to be changed by whoever gets it. */
  read<T>(name: string): T | undefined
}

/** Longer than a tick of any kernel (10 ms), and than what clocks of two processors differ by. */
const settledMs = 50

interface Known<T> {
  readonly at: Stats
  readonly value: T
}

export function rememberedFolder(path: string): Folder {
  const names = remembered(path, () => listFolder(path))
  const files = new Map<string, () => unknown>()
  return {
    names: () => names() ?? [],
    // Looked at itself, because people edit files in place.
    read: <T>(name: string): T | undefined => {
      const file = files.get(name) ?? rememberedFile(`${path}/${name}`)
      const value = file() as T | undefined
      if (value === undefined) files.delete(name)
      else files.set(name, file)
      return value
    },
  }
}

/** One JSON file, in a folder that may change often. */
export function rememberedFile<T>(path: string): () => T | undefined {
  return remembered(path, () => readJson<T>(path))
}

/** @returns what `read` says, undefined where there is nothing at `path` */
function remembered<T>(path: string, read: () => T): () => T | undefined {
  let known: Known<T> | undefined
  return () => {
    // Before it is read: a change in between shows the next time.
    const at = statSync(path, { throwIfNoEntry: false })
    if (at === undefined) known = undefined
    else if (known === undefined || !isSame(known.at, at)) {
      const fresh = { at, value: read() }
      known = Date.now() - at.mtimeMs > settledMs ? fresh : undefined
      return fresh.value
    }
    return known?.value
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return (
    one.mtimeMs === other.mtimeMs && one.ino === other.ino && one.dev === other.dev && one.size === other.size
  )
}
