/**
 * Locks between processes: flock(2) on a file.
 *
 * flock would block the whole process while it waits, so it is asked again and
 * again without waiting (decision 17). The kernel frees a lock when its holder
 * ends, however it ends. Locks are advisory and belong to the open file: two
 * calls in one process exclude each other too. Who holds one is read from
 * /proc/locks, so the files stay empty and equal.
 *
 * Descriptors are close-on-exec, but a program that changes rules is given those
 * of all locks that are held (`heldLocks`): if we are killed, it goes on, and
 * nobody may take back its work before it has ended.
 *
 * @see flock(2), proc_locks(5)
 * @module
 */

import { closeSync, constants, fstatSync, openSync, readFileSync, statSync, unlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../../errors/codes.ts'
import type { Locker, LockHandle, LockOptions, LockWait } from '../../state/lock.ts'
import { errnoOf, errnoText } from './errno.ts'
import { LOCK_EX, LOCK_SH, tryFlock, unlockFile } from './libc.ts'

/** Between two tries: doubled from the first to the longest, each shortened at random by up to a half. */
const firstPauseMs = 1
const longestPauseMs = 20

export const flocker: Locker = { acquire, tryAcquire }

const held = new Set<number>()

/** Descriptors of the locks this process holds. A program that inherits them keeps them locked beyond our death. */
export function heldLocks(): readonly number[] {
  return [...held]
}

async function acquire(path: string, options: LockOptions & LockWait): Promise<LockHandle> {
  const { timeoutMs, signal, exclusive, fair = false } = options
  const since = Date.now()
  const deadline = performance.now() + timeoutMs
  let turn: LockHandle | undefined
  try {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      const mustWait = fair && !exclusive && isWaitedFor(path, since)
      const handle = mustWait ? undefined : tryAcquire(path, options)
      if (handle !== undefined) return handle
      if (signal?.aborted === true) throw interrupted(path)
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) throw timedOut(path, timeoutMs)
      if (fair && exclusive) turn ??= tryAcquire(turnOf(path), turnOptions)
      await pause(Math.min(leftMs, pauseMs * (1 - Math.random() / 2)), signal)
    }
  } finally {
    turn?.release()
  }
}

/**
 * Whoever waits for a fair lock exclusively holds the lock of this file meanwhile, and those who would share it let
 * him go first: a crowd of them always has somebody who holds it, and he would wait for ever. Not those who were there
 * before him: a crowd of such as he would keep them out.
 */
const turnOf = (path: string): string => `${path}.turn`
const turnOptions: LockOptions = { exclusive: true, transient: true }

function isWaitedFor(path: string, since: number): boolean {
  const turn = turnOf(path)
  const made = statSync(turn, { throwIfNoEntry: false })?.mtimeMs
  // Nearly always there is none.
  if (made === undefined) return false
  const dead = tryAcquire(turn, turnOptions)
  dead?.release()
  return dead === undefined && made <= since
}

/** Ends early, and without an error, when it is aborted. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) await sleep(ms)
  else await sleep(ms, undefined, { signal }).catch(() => undefined)
}

function tryAcquire(path: string, options: LockOptions): LockHandle | undefined {
  const { exclusive, transient, readOnly } = options
  const fd = open(path, readOnly === true ? constants.O_RDONLY : constants.O_CREAT | constants.O_RDWR)
  try {
    if (tryFlock(fd, exclusive ? LOCK_EX : LOCK_SH) && isStillThere(fd)) {
      return handleOf(path, fd, exclusive && transient === true)
    }
  } catch (error) {
    closeSync(fd)
    throw unusable('locking', path, error)
  }
  closeSync(fd)
  return undefined
}

/** @throws TSNET_STATE_UNREADABLE (unavailable) */
function open(path: string, flags: number): number {
  try {
    // Node opens everything with O_CLOEXEC.
    return openSync(path, flags, 0o600)
  } catch (error) {
    throw unusable('opening the lock', path, error)
  }
}

function unusable(doing: string, path: string, cause: unknown): Error {
  const message = `${doing} ${path}: ${errnoText(errnoOf(cause) ?? 0)}`
  const hint = `look what lies at ${path}, and take it away if it is no file of tsnet's`
  return fail('TSNET_STATE_UNREADABLE', { message, value: path, hint, cause })
}

/** A transient lock's last holder, or an admin, may have unlinked the file since we opened it. */
function isStillThere(fd: number): boolean {
  return fstatSync(fd).nlink > 0
}

function handleOf(path: string, fd: number, unlink: boolean): LockHandle {
  held.add(fd)
  const release = (): void => {
    if (!held.delete(fd)) return
    try {
      // While it is still locked: a file that others may have locked by now is not ours to unlink.
      if (unlink) unlinkSync(path)
    } catch (error) {
      if (errnoOf(error) === undefined) throw error
      // What was done under the lock is done. A file that stays is nobody's, and the next command takes it away.
    } finally {
      // Closing is not enough where a program that still runs has inherited it.
      unlockFile(fd)
      closeSync(fd)
    }
  }
  return { release }
}

function timedOut(path: string, timeoutMs: number): Error {
  return fail('TSNET_LOCK_TIMEOUT', {
    message: `locking ${path}: still held${byHolders(path)} after ${timeoutMs} ms`,
    value: path,
    hint: 'another tsnet command is running: try again when it is done',
  })
}

function interrupted(path: string): Error {
  return fail('TSNET_INTERRUPTED', {
    message: `locking ${path}: interrupted while it was held${byHolders(path)}`,
    value: path,
  })
}

/** Nothing where they have let go by now, or are none we may see. */
function byHolders(path: string): string {
  const holders = holdersOf(path)
  return holders.length === 0 ? '' : ` by ${holders.join(', ')}`
}

/** `PID (COMMAND)` of each holder we are allowed to see. */
function holdersOf(path: string): string[] {
  try {
    const { dev, ino } = statSync(path)
    // As the kernel prints it: major and minor in hex (makedev(3)). Every tmpfs counts its inodes from 1.
    const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)]
    const file = `${[major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':')}:${ino}`
    // 1: FLOCK  ADVISORY  WRITE 4711 00:19:1234 0 EOF; waiting ones have an arrow before FLOCK.
    const lines = [...readFileSync('/proc/locks', 'utf8').matchAll(/^\d+: FLOCK +\S+ +\S+ +(\d+) +(\S+) /gm)]
    return lines.filter(([, , one]) => one === file).map(([, pid]) => `${pid} (${commandOf(pid)})`)
  } catch {
    return []
  }
}

function commandOf(pid: string | undefined): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 120)
  } catch {
    return 'unknown'
  }
}
