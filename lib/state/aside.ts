/**
 * Files that cannot be used, kept under another name beside where they were.
 *
 * @module
 */

import { hasCode } from './filefaults.ts'
import { clearPlace, isThere, moveFile, removeFile, type Warn } from './files.ts'
import { listFolder } from './folders.ts'

const suffix = '.unreadable'

/** Keeps a file of ours that cannot be used under another name, and says so: whatever reads next finds none. */
export function setAside(path: string, why: string, warn: Warn): void {
  const kept = `${path}${suffix}`
  if (replaceKept(path, kept)) warn(`reading ${path}: ${why}; it is kept as ${kept}`)
}

/** rename(2) puts no folder over a file, and nothing over a folder that is not empty: what was kept before goes. */
function replaceKept(path: string, kept: string): boolean {
  try {
    return moveFile(path, kept)
  } catch (error) {
    if (!hasCode((error as Error).cause, 'EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST')) throw error
    dropAside(path)
    return moveFile(path, kept)
  }
}

/** Something that lay at that path was set aside. */
export function isAside(path: string): boolean {
  return isThere(`${path}${suffix}`)
}

/** What was set aside of that path goes, whatever it is. */
export function dropAside(path: string): void {
  if (!isAside(path)) return
  clearPlace(`${path}${suffix}`)
  removeFile(`${path}${suffix}`)
}

/** Names of files that were set aside in a folder, as they were. */
export function asideIn(folder: string): readonly string[] {
  return listFolder(folder)
    .filter((name) => name.endsWith(suffix))
    .map((name) => name.slice(0, -suffix.length))
}
