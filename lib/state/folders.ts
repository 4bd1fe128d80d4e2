/**
 * Folders: making them, what is in them, and taking empty ones away. Synchronous, as files.ts is.
 *
 * @module
 */

import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { hasCode, unwritable } from './filefaults.ts'

/** The last of all to leave takes empty folders away, perhaps more than once while we try. */
export const folderTries = 5

/**
 * Readable by root only: requests may hold what is nobody else's business. Not
 * with `recursive`, which never ends below /proc (Node 20).
 */
export function makeFolder(path: string): void {
  const parent = dirname(path)
  for (let tries = 1; ; tries++) {
    // Asked first: an exception of Node's costs more than a look.
    if (!existsSync(parent) && parent !== path) makeFolder(parent)
    try {
      mkdirSync(path, { mode: 0o700 })
      return
    } catch (error) {
      if (hasCode(error, 'EEXIST') && isFolder(path)) return
      if (!hasCode(error, 'ENOENT') || tries === folderTries) throw unwritable(path, error)
    }
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/**
 * Removes a folder that is empty; one that is not, or that something is mounted
 * on, stays as it is.
 *
 * @returns false where it stays
 */
export function removeEmptyFolder(path: string): boolean {
  try {
    rmdirSync(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST', 'EBUSY')) return false
    throw unwritable(path, error)
  }
}

/** Names in a folder without temporary and hidden files, sorted; empty where there is no folder. */
export function listFolder(path: string): readonly string[] {
  return namesIn(path)
    .filter((name) => !name.endsWith('.tmp') && !name.startsWith('.'))
    .sort()
}

/** By folder; as long as that name is there, nobody has to list a thousand to know that the folder is in use. */
const seen = new Map<string, string>()

/** Whether `listFolder` has nothing to tell. */
export function isUnusedFolder(path: string): boolean {
  const known = seen.get(path)
  if (known !== undefined && existsSync(`${path}/${known}`)) return false
  const [name] = listFolder(path)
  if (name === undefined) seen.delete(path)
  else seen.set(path, name)
  return name === undefined
}

/** Whether there is nothing at all in a folder, or no such folder. */
export function isEmptyFolder(path: string): boolean {
  return namesIn(path).length === 0
}

/** Temporary files in a folder whose writer has ended, and with it the rename. */
export function deadTemporaries(path: string): readonly string[] {
  return namesIn(path)
    .filter((name) => {
      const pid = /\.(\d+)\.tmp$/.exec(name)?.[1]
      return pid !== undefined && !existsSync(`/proc/${pid}`)
    })
    .map((name) => `${path}/${name}`)
}

export function subfolders(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [`${path}/${entry.name}`] : [],
    )
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

function namesIn(path: string): readonly string[] {
  // Many folders are made at first need, and an exception costs more than a look.
  if (!existsSync(path)) return []
  try {
    return readdirSync(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
