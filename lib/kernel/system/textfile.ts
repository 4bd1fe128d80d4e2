/**
 * Text files of others: read, made, and changed without being replaced.
 *
 * A file that exists is overwritten through its open inode, never renamed over:
 * engines mount resolv.conf and hosts into containers file by file, and a
 * container would keep the old inode for ever. Nobody can tell whether a file
 * is the source of such a mount in another namespace, so this holds for all.
 * The new text goes in with one write, blank lines where the old one was longer
 * (both formats allow them), and is cut then: a reader meets the old text or
 * the new one. Owner and mode stay.
 *
 * Whatever is in the file may come from inside a container: links are not
 * followed at the end of the path, and only regular UTF-8 files of at most
 * 1 MiB are touched. Changes of one file by several processes take turns
 * (flock); who finds it locked for half a second, perhaps from inside the
 * container, goes on without.
 *
 * @module
 */

import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../../errors/codes.ts'
import { TsnetError } from '../../errors/error.ts'
import { type FileText, overwriting } from '../../plan/textfile.ts'
import { EBUSY, EEXIST, ENOENT, ENOTDIR, errnoOf, errnoText } from './errno.ts'
import { LOCK_EX, tryFlock } from './libc.ts'

const maxBytes = 1024 * 1024
/** Two seconds: one of us lets go within milliseconds, unless it gets no processor. */
const lockTries = 200
const lockPauseMs = 10
/** The file may be made or removed by another between two looks. */
const openTries = 5

/** As any program reads it: links followed. @returns undefined where it cannot be read */
export function readText(path: string): FileText {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/**
 * Reads a file that is to be changed, and makes sure that it can be.
 *
 * @returns undefined where there is none, and one can be made
 * @throws TSNET_FILE_UNUSABLE (invalid); with a cause where the file system refused, which may pass (no space left)
 */
export function readChangeable(path: string): FileText {
  return orRefuse(path, () => {
    const fd = open(path)
    if (fd !== undefined) {
      try {
        return read(path, fd)
      } finally {
        closeSync(fd)
      }
    }
    const folder = statSync(dirname(path), { throwIfNoEntry: false })
    if (folder === undefined || !folder.isDirectory()) {
      throw refused(path, `there is no folder ${dirname(path)}`, 'make the folder first')
    }
    accessSync(dirname(path), constants.W_OK)
    return undefined
  })
}

/**
 * Changes a file to what `change` makes of its text; undefined there: none.
 *
 * @returns false where it was as it should be
 * @throws TSNET_FILE_UNUSABLE (invalid), and what `change` throws
 */
export async function changeText(path: string, change: (current: FileText) => FileText): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const fd = orRefuse(path, () => open(path))
    if (fd === undefined && change(undefined) === undefined) return false
    const made = fd === undefined ? orRefuse(path, () => create(path)) : undefined
    const opened = fd ?? made
    if (opened !== undefined) {
      try {
        await lockBriefly(opened)
        if (isStillAt(path, opened)) return orRefuse(path, () => changeOpen(path, opened, change, made))
      } finally {
        closeSync(opened)
      }
    }
    if (tries === openTries) {
      throw refused(path, 'it is made and removed by others all the time', 'find out by whom')
    }
  }
}

/** @param made is set where the file is a new one of ours, empty until now */
function changeOpen(
  path: string,
  fd: number,
  change: (current: FileText) => FileText,
  made: number | undefined,
): boolean {
  const text = read(path, fd)
  const current = made !== undefined && text === '' ? undefined : text
  const wanted = change(current)
  if (wanted === current) return false
  if (wanted === undefined) remove(path, fd)
  else overwrite(fd, text, wanted)
  return true
}

function remove(path: string, fd: number): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (errnoOf(error) !== EBUSY) throw error
    // Something is mounted on it: what can be taken back is what it says.
    ftruncateSync(fd, 0)
  }
}

function overwrite(fd: number, before: string, text: string): void {
  const bytes = Buffer.from(overwriting(before, text))
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at)
  const length = Buffer.byteLength(text)
  if (length < bytes.length) ftruncateSync(fd, length)
}

/** @returns undefined where there is no file */
function open(path: string): number | undefined {
  const found = look(path)
  if (found === undefined) return undefined
  if (found.isSymbolicLink()) {
    const hint = 'give the path of the file itself'
    throw refused(path, `it is a symbolic link to ${readlinkSync(path)}`, hint)
  }
  requireUsable(path, found)
  let fd: number
  try {
    // Looked at first because opening a device can have effects; looked at again because it may be another by now.
    fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (errnoOf(error) === ENOENT) return undefined
    throw error
  }
  try {
    requireUsable(path, fstatSync(fd))
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** @returns undefined where there is nothing, or not even a folder */
function look(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch (error) {
    if (errnoOf(error) === ENOENT || errnoOf(error) === ENOTDIR) return undefined
    throw error
  }
}

/** @returns undefined where somebody was quicker */
function create(path: string): number | undefined {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants
  try {
    const fd = openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, 0o644)
    // Containers read it, whatever the umask of who started us.
    fchmodSync(fd, 0o644)
    return fd
  } catch (error) {
    if (errnoOf(error) === EEXIST) return undefined
    throw error
  }
}

function requireUsable(path: string, found: Stats): void {
  if (!found.isFile()) throw refused(path, 'it is no regular file', 'give another path')
  if (found.size <= maxBytes) return
  throw refused(path, `it has ${found.size} bytes, more than ${maxBytes}`, 'give another path')
}

function read(path: string, fd: number): string {
  const { size } = fstatSync(fd)
  const bytes = Buffer.alloc(Math.min(size, maxBytes))
  const length = readSync(fd, bytes, 0, bytes.length, 0)
  const text = bytes.subarray(0, length)
  const decoded = text.toString('utf8')
  if (!decoded.includes('\0') && Buffer.from(decoded).equals(text)) return decoded
  throw refused(path, 'it is no UTF-8 text', 'give another path')
}

async function lockBriefly(fd: number): Promise<void> {
  for (let tries = 0; tries < lockTries; tries++) {
    try {
      if (tryFlock(fd, LOCK_EX)) return
    } catch {
      // A file system without locks.
      return
    }
    await sleep(lockPauseMs)
  }
}

function isStillAt(path: string, fd: number): boolean {
  const [there, ours] = [look(path), fstatSync(fd)]
  return there !== undefined && there.ino === ours.ino && there.dev === ours.dev
}

function orRefuse<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const errno = errnoOf(error)
    if (error instanceof TsnetError || errno === undefined) throw error
    const hint =
      'tsnet writes it as root: look at its mount (read-only?), its attributes (lsattr) and the space left'
    throw refused(path, errnoText(errno), hint, error)
  }
}

function refused(path: string, why: string, hint: string, cause?: unknown): TsnetError {
  return fail('TSNET_FILE_UNUSABLE', {
    message: `writing ${path}: ${why}`,
    value: path,
    hint,
    ...(cause === undefined ? {} : { cause }),
  })
}
