/**
 * Starting and ending a daemon from outside.
 *
 * Any client may start one. All that find none at the same time agree by a lock
 * on the folder (flock, so that a starter that is killed stands in nobody's
 * way); the others wait until it answers.
 *
 * @module
 */

import { closeSync, constants, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../errors/codes.ts'
import { builtProgram } from '../kernel/system/builtprogram.ts'
import { type Detached, startDetached } from '../kernel/system/daemon.ts'
import { LOCK_EX, tryFlock } from '../kernel/system/libc.ts'
import { makeFolder } from '../state/folders.ts'
import { type DaemonPlace, daemonPlace, runningDaemon } from './place.ts'

/** From the start of the process to its first answer; 150 ms on an idle machine, seconds where many come at once. */
const startLimitMs = 30_000
/** A little more than a daemon takes itself to finish its calls. */
const endLimitMs = 35_000
const pauseMs = 5

export interface DaemonAddress {
  readonly stateDir?: string
  readonly socket?: string
}

/**
 * Returns what `reach` returns once it returns something, starting a daemon if need be.
 *
 * @throws TSNET_DAEMON_UNREACHABLE (unavailable)
 */
export async function reachOrStart<T>(
  address: DaemonAddress,
  reach: () => Promise<T | undefined>,
  argv: readonly string[] = ['--on-demand'],
): Promise<T> {
  const place = daemonPlace(address)
  const deadline = performance.now() + startLimitMs
  let lock: number | undefined
  let started: Detached | undefined
  try {
    for (;;) {
      const reached = await reach()
      if (reached !== undefined) return reached
      if (lock === undefined) {
        lock = tryLock(place)
        // Whoever had it may have started one in between: look again first.
        if (lock !== undefined) continue
      }
      if (lock !== undefined && started === undefined) started = start(place, address, argv)
      const ended = started?.exitCode()
      if (ended !== undefined && ended !== 0) throw unreachable(place, `it ended with exit code ${ended}`)
      if (performance.now() > deadline) throw unreachable(place, `no answer after ${startLimitMs} ms`)
      await sleep(pauseMs)
    }
  } finally {
    if (lock !== undefined) closeSync(lock)
  }
}

function start(place: DaemonPlace, { stateDir, socket }: DaemonAddress, argv: readonly string[]): Detached {
  const where = [
    ...(stateDir === undefined ? [] : ['--state-dir', stateDir]),
    ...(socket === undefined ? [] : ['--socket', socket]),
  ]
  return startDetached(
    [process.execPath, builtProgram('tsnet'), 'daemon', 'run', ...argv, ...where],
    place.log,
  )
}

function tryLock({ folder }: DaemonPlace): number | undefined {
  makeFolder(folder)
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  if (tryFlock(fd, LOCK_EX)) return fd
  closeSync(fd)
  return undefined
}

function unreachable({ socket, log }: DaemonPlace, why: string): Error {
  return fail('TSNET_DAEMON_UNREACHABLE', {
    message: `starting tsnetd for ${socket}: ${why}`,
    value: socket,
    hint: `"tsnet daemon logs" shows ${log}; "tsnet daemon run" starts one in the foreground`,
  })
}

/**
 * Ends the daemon and waits until the last call it was at is done.
 *
 * @returns its pid, undefined where there was none
 * @throws TSNET_LOCK_TIMEOUT (busy) where it does not end
 */
export async function stopDaemon(address: DaemonAddress): Promise<number | undefined> {
  const place = daemonPlace(address)
  const pid = runningDaemon(place)
  if (pid === undefined) return undefined
  const deadline = performance.now() + endLimitMs
  signal(pid, 'SIGTERM')
  while (signal(pid, 0)) {
    if (performance.now() > deadline) {
      throw fail('TSNET_LOCK_TIMEOUT', {
        message: `ending tsnetd (pid ${pid}): it is still there after ${endLimitMs} ms`,
        value: pid,
        hint: `kill -9 ${pid}: nothing is lost by it`,
      })
    }
    await sleep(pauseMs)
  }
  return pid
}

/** @returns whether there is such a process */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
