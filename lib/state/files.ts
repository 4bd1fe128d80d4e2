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
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { hasCode, unreadable, unwritable } from './filefaults.ts'
import { folderTries, makeFolder } from './folders.ts'

export const fileExists: (path: string) => boolean = existsSync

/** Something of that name lies there, be it a link that leads nowhere. */
export const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

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
    // Files of ours are replaced whole, so this was not us.
    throw unreadable(path, error)
  }
}

/** Marks a folder as changed; nothing where there is none. */
export function touch(path: string): void {
  const now = new Date()
  try {
    utimesSync(path, now, now)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

/** In ms since 1970; undefined where there is nothing. */
export function changedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs
}

/**
 * What is wrong with files that tsnet has to do with and goes on without: one
 * line each, to be shown to people.
 */
export type Warn = (text: string) => void

/** Makes the folder when it is missing: it is there nearly always, so it is not asked first. */
function inFolder<T>(path: string, write: () => T): T {
  for (let tries = 1; ; tries++) {
    try {
      return write()
    } catch (error) {
      if (!hasCode(error, 'ENOENT') || tries === folderTries) throw error
      makeFolder(dirname(path))
    }
  }
}

/** Replaces the file whole: a reader sees the old or the new one. */
export function writeJson(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    inFolder(path, () => {
      writeFileSync(temporary, JSON.stringify(value), { mode: 0o600 })
      renameSync(temporary, path)
    })
  } catch (error) {
    rmSync(temporary, { force: true })
    throw unwritable(path, error)
  }
}

/** So long is a text that is overwritten in place: shorter ones get blanks behind them. */
const placeBytes = 64

/**
 * Overwrites a short text with one write, in place: for what is written often
 * and may be a little wrong after a crash. A reader sees the old or the new one.
 */
export function overwriteJson(path: string, value: string): void {
  try {
    inFolder(path, () => {
      const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600)
      try {
        writeSync(fd, JSON.stringify(value).padEnd(placeBytes), 0)
      } finally {
        closeSync(fd)
      }
    })
  } catch (error) {
    throw unwritable(path, error)
  }
}

/** @returns false where the file exists already */
export function createJson(path: string, value: unknown): boolean {
  try {
    inFolder(path, () => writeFileSync(path, JSON.stringify(value), { flag: 'wx', mode: 0o600 }))
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    // Made and not filled: nobody's.
    rmSync(path, { force: true })
    throw unwritable(path, error)
  }
}

/** Whatever has taken the place of a file, with what is in it: a folder, a link. */
export function clearPlace(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) rmSync(path, { recursive: true })
}

export function isEmptyFile(path: string): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false })
  return there?.isFile() === true && there.size === 0
}

export function moveFile(from: string, to: string): boolean {
  try {
    inFolder(to, () => renameSync(from, to))
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw unwritable(to, error)
  }
}

export function removeFile(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw unwritable(path, error)
  }
}
