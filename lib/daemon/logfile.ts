/**
 * The log of a daemon that was started on demand: a file on a tmpfs, so it is kept short.
 *
 * Whoever started the daemon opened the file for appending, and the daemon writes
 * to that descriptor: to take its name away would take the file along. What was
 * written is copied aside, and the file begins anew.
 *
 * @module
 */

import { copyFileSync, statSync, truncateSync } from 'node:fs'
import { daemonPlace } from './place.ts'

const longestBytes = 1024 * 1024
const before = (path: string): string => `${path}.1`

/** @returns `print`, after which the log is never longer than a mebibyte and a line */
export function shortening(path: string, print: (line: string) => void): (line: string) => void {
  let bytes = Number.POSITIVE_INFINITY
  return (line) => {
    print(line)
    bytes += Buffer.byteLength(line)
    if (bytes > longestBytes) bytes = shorten(path)
  }
}

/** @returns how long it is then; 0 where the daemon writes elsewhere, or it cannot be shortened: no call ends by that */
function shorten(path: string): number {
  try {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size <= longestBytes) return size
    copyAside(path)
    truncateSync(path)
  } catch {
    // Tried again after as many bytes more.
  }
  return 0
}

function copyAside(path: string): void {
  try {
    copyFileSync(path, before(path))
  } catch {
    // No room for both: the next lines are worth more than those before.
  }
}

/** Newest last. */
export function daemonLogFiles(options: {
  readonly stateDir?: string
  readonly socket?: string
}): readonly string[] {
  const { log } = daemonPlace(options)
  return [before(log), log]
}
