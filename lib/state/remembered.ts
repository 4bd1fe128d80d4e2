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
import { readJson } from './files.ts'
import { listFolder } from './folders.ts'

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

/** For the whole process, whichever call asks. */
const known = new Map<string, Known<unknown>>()
const mostKnown = 1000

export function rememberedFolder(path: string): Folder {
  return {
    names: () => remembered(path, listFolder) ?? [],
    // Looked at itself, because people edit files in place.
    read: <T>(name: string): T | undefined => remembered<T | undefined>(`${path}/${name}`, readJson),
  }
}

/** One JSON file, in a folder that may change often. */
export function rememberedFile<T>(path: string): () => T | undefined {
  return () => remembered<T | undefined>(path, readJson)
}

/** @returns what `read` says, undefined where there is nothing at `path` */
function remembered<T>(path: string, read: (path: string) => T): T | undefined {
  // Before it is read: a change in between shows the next time.
  const at = lookAt(path)
  const before = known.get(path) as Known<T> | undefined
  if (before !== undefined && isSame(before.at, at)) return before.value
  if (before !== undefined) known.delete(path)
  if (at === undefined) return undefined
  const value = read(path)
  if (at === 'refused') return value
  if (known.size === mostKnown) known.clear()
  if (Date.now() - at.mtimeMs > settledMs) known.set(path, { at, value })
  return value
}

/** What a look is refused (a file in the place of a folder, a folder not to be entered) whoever reads tells better. */
function lookAt(path: string): Stats | 'refused' | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return 'refused'
  }
}

function isSame(one: Stats, other: Stats | 'refused' | undefined): boolean {
  if (other === undefined || other === 'refused') return false
  return (
    one.mtimeMs === other.mtimeMs && one.ino === other.ino && one.dev === other.dev && one.size === other.size
  )
}
