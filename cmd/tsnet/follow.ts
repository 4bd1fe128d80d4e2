/**
 * Commands that go on until somebody has seen enough: Ctrl-C, a time, or their
 * own end. Ending so is no failure.
 *
 * @module
 */

import { type Flags, type OptionDefinition, type Session, textFlag } from './command.ts'
import { UsageError } from './usage.ts'

export interface Pace {
  readonly everyMs: number
  /** Absent: for ever. */
  readonly seconds?: number
}

/**
 * Calls `step` now and then, and once more at the end of the time.
 *
 * @returns the exit code, 0
 */
export async function follow(
  session: Pick<Session, 'abortSignal'>,
  { everyMs, seconds }: Pace,
  step: () => Promise<'more' | 'done'>,
): Promise<number> {
  const signal = session.abortSignal()
  const end = seconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + seconds * 1000
  for (;;) {
    if ((await step()) === 'done' || signal.aborted) return 0
    const left = end - performance.now()
    if (left <= 0) return 0
    await pause(Math.min(everyMs, Math.max(left, 1)), signal)
  }
}

/** `for 2 s or until Ctrl-C`: when it ends by itself, and how it ends before that. */
export function untilWhen({
  count,
  seconds,
}: {
  readonly count: number
  readonly seconds: number | undefined
}): string {
  const ends = [
    ...(Number.isFinite(count) ? [`until there are ${count}`] : []),
    ...(seconds === undefined ? [] : [`for ${seconds} s`]),
  ]
  return [...ends, 'until Ctrl-C'].join(' or ')
}

/**
 * What waits for others ends with Ctrl-C too. What has begun is still written before the process ends (process.ts), and a
 * second Ctrl-C does not wait for a reader that takes nothing.
 */
export function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    work.then(done, reject)
  })
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** Flags that end such a command. @param what it counts, such as packets */
export function limitOptions(what: string): readonly OptionDefinition[] {
  return [
    { flags: '-c, --count <number>', about: `stop after so many ${what}` },
    { flags: '-s, --seconds <number>', about: 'stop after that time' },
  ]
}

/** A whole number within those bounds, undefined where the flag was not given. @throws UsageError */
export function limitFlag(
  flags: Flags,
  name: string,
  { least = 1, most }: { readonly least?: number; readonly most?: number } = {},
): number | undefined {
  const text = textFlag(flags, name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^\d{1,9}$/.test(text) && value >= least && value <= (most ?? value)) return value
  const bounds = most === undefined ? `from ${least} on` : `from ${least} to ${most}`
  throw new UsageError(
    `--${name}: "${text}" is no whole number ${bounds}`,
    `such as --${name} ${Math.max(10, least)}`,
  )
}
