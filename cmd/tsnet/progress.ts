/**
 * "Still waiting": after a second a person is told what for.
 *
 * On a terminal only, in one line that disappears when the work is done; not
 * beside the steps of `--verbose`, which tell the same.
 *
 * @module
 */

import type { Output } from './io.ts'

const patienceMs = 1000
const clearLine = '\r\u001b[K'

/**
 * What may hold work up: `others` who are changing something at the same time, or nothing but the `work` itself.
 */
export type Cause = 'others' | 'work'

export async function tellWhileWaiting<T>(
  what: string,
  work: Promise<T>,
  { terminal, cause }: { readonly terminal: Output; readonly cause: Cause },
): Promise<T> {
  if (!terminal.isTTY) return work
  let seconds = 0
  const timer = setInterval(() => {
    seconds += 1
    const text = `tsnet: still ${what} (${seconds} s)${cause === 'others' ? '; another tsnet may be at work' : ''}`
    terminal.write(`${clearLine}${text.slice(0, terminal.columns - 1)}`)
  }, patienceMs)
  // A command waits for its work, never for this clock.
  timer.unref()
  try {
    return await work
  } finally {
    clearInterval(timer)
    if (seconds > 0) terminal.write(clearLine)
  }
}
