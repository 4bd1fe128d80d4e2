/**
 * Which processes come before others when there is not enough processor for all.
 *
 * tsnetd and tsnet-dns have little to do, and everybody waits for it: where two hundred programs run at once, a two
 * hundredth is not enough for who serves them. Where the kernel groups processes by session (autogroup, the default of
 * most distributions outside of cgroups), a process's own nice value counts within its session only, so its group gets
 * one too.
 *
 * @see sched(7), "The autogroup feature"
 * @module
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'

/** Nine times the share of an ordinary process (sched_prio_to_weight in the kernel: three times for each five). */
const niceness = -10

/** Puts a process, and its session where it leads one, before ordinary ones. Where that is not allowed: nothing. */
export function preferProcess(pid: number = process.pid): void {
  try {
    setPriority(pid, niceness)
    // The group is that of the whole session: a user's shell is not ours to prefer.
    if (sessionOf(pid) === pid) writeFileSync(`/proc/${pid}/autogroup`, `${niceness}`)
  } catch {
    // Not allowed in this container, no autogroups in this kernel, or gone already.
  }
}

/** A program of somebody else that we start is an ordinary process. */
export function unpreferProcess(pid: number): void {
  try {
    setPriority(pid, 0)
  } catch {
    // Gone already.
  }
}

/** @see proc_pid_stat(5): the sixth word; the second, the command, may hold anything, and ends with the last bracket */
function sessionOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3])
}
