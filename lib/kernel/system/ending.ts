/**
 * The end of a process of ours.
 *
 * What it had to do is done and written by then. Node would wait for the threads
 * of V8 and of its pool, and at times for ever: one set-up of some ten thousand
 * stood there, all of its result printed, and its engine waited with it. Nothing
 * of us is in those threads, so the kernel ends them.
 *
 * @see _exit(2), https://github.com/nodejs/node/issues/54918
 * @module
 */

import { writeSync } from 'node:fs'
import { exitCall } from './libc.ts'

/** Node's own last step, for those who want to be called instead. */
interface Ending {
  reallyExit: (code: number) => void
}

/** Listeners of `exit` are called; unwritten output is lost, as with `process.exit`. */
export function endProcess(code: number): never {
  const atOnce = isWatched() ? undefined : exitCall()
  if (atOnce !== undefined) (process as unknown as Ending).reallyExit = atOnce
  return process.exit(code)
}

/** Ends the process with the exit code of what it was started for. */
export function endWith(main: Promise<number>): void {
  main.then(endProcess, (error: unknown) => {
    writeSync(2, `${error instanceof Error ? error.stack : String(error)}\n`)
    endProcess(1)
  })
}

/** A profile or a coverage is written by Node at its very end. */
function isWatched(): boolean {
  const { NODE_OPTIONS, NODE_V8_COVERAGE } = process.env
  return process.execArgv.length > 0 || NODE_OPTIONS !== undefined || NODE_V8_COVERAGE !== undefined
}
