/**
 * JSON files: read, replaced whole, created only once.
 *
 * Synchronous on purpose: the files are small and mostly on a tmpfs (about
 * 10 µs a call), and asynchronous calls would run on pool threads, which must
 * not be started while the main thread is inside a sandbox.
 *
 * @module
 */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { fail } from '../errors/codes.ts'

const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '')

export const fileExists: (path: string) => boolean = existsSync

/** @returns undefined where there is no such file */
export function readJson<T>(path: string): T | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw unreadable(path, error)
  }
  try {
    return JSON.parse(text) as T
  } catch (error) {
    // Files of ours are replaced whole, so this was not us. Empty: a reservation whose maker was killed in between.
    if (text === '') return undefined
    throw unreadable(path, error)
  }
}

function unreadable(path: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause)
  return fail('TSNET_STATE_UNREADABLE', {
    message: `reading ${path}: ${why}`,
    hint: `mend or remove ${path}, then run "tsnet gc"`,
    cause,
  })
}

/** Makes the folder when it is missing: it is there nearly always, so it is not asked first. */
function inFolder<T>(path: string, write: () => T): T {
  try {
    return write()
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
    makeFolder(dirname(path))
    return write()
  }
}

/** Readable by root only: requests may hold what is nobody else's business. */
export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}

/** Replaces the file whole: a reader sees the old or the new one. */
export function writeJson(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}.tmp`
  inFolder(path, () => writeFileSync(temporary, JSON.stringify(value), { mode: 0o600 }))
  renameSync(temporary, path)
}

/** @returns false where the file exists already */
export function createJson(path: string, value: unknown): boolean {
  try {
    inFolder(path, () => writeFileSync(path, JSON.stringify(value), { flag: 'wx', mode: 0o600 }))
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

export function moveFile(from: string, to: string): boolean {
  try {
    inFolder(to, () => renameSync(from, to))
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

export function removeFile(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}

/** Removes a folder that is empty; one that is not, or is gone, stays as it is. */
export function removeEmptyFolder(path: string): void {
  try {
    rmdirSync(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error
  }
}

/** Names in a folder without temporary files, sorted; empty where there is no folder. */
export function listFolder(path: string): readonly string[] {
  try {
    return readdirSync(path)
      .filter((name) => !name.endsWith('.tmp') && !name.startsWith('.'))
      .sort()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
