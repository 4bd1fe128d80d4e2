/**
 * Whose call an adapter answers, so that the same one made twice is known from
 * two.
 *
 * @module
 */

import { readFileSync } from 'node:fs'

/**
 * The process whose call it is, told from all others of this boot. A launcher whose daemon was killed or silent makes
 * the same call again, of the next one or of the Node program it becomes: what was done for it is its answer then.
 */
export function callerOf(pid: number | 'self'): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // proc(5): the name in parentheses may have any in it; the start is the 22nd.
    const started = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .at(22 - 3)
    return `${Number.parseInt(stat, 10)} ${started}`
  } catch {
    return `gone ${process.hrtime.bigint()}`
  }
}
