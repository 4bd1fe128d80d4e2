/**
 * The process around a command line: streams, signals, exit.
 *
 * @module
 */

import { endProcess } from '../../lib/program.ts'
import type { ProgramSelf } from './command.ts'
import { type Io, processIo } from './io.ts'
import { failed, type RunOptions } from './perform.ts'

/** @param run returns the exit code; undefined where another one ends the process */
export function runProcess(
  run: (argv: readonly string[], options: RunOptions) => Promise<number | undefined>,
  functions: ProgramSelf['functions'],
): void {
  const { stdout, stderr } = process
  const io = processIo()
  const argv = process.argv.slice(2)
  const words = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length)
  const show = { json: words.includes('--json'), causes: false }
  stdout.on('error', (error) => endUnwritten(error, io, show))
  // Nobody is left who could be told, and what is being done must not stop half-way for it.
  stderr.on('error', () => undefined)
  // The event may come later than the end of the command, and Node forgets `errored` with it.
  const end = (code: number): void => {
    if (stdout.errored) endUnwritten(stdout.errored, io, show)
    else if (!isEnding) endProcess(code)
  }
  const program = { file: process.argv[1] as string, functions }
  run(argv, { io, signals: process, program }).then(
    (code) => {
      if (code !== undefined) whenWritten([stdout, stderr], () => end(code))
    },
    (error: unknown) => {
      stderr.write(`tsnet: ${error instanceof Error ? error.stack : String(error)}\n`)
      whenWritten([stdout, stderr], () => end(1))
    },
  )
}

let isEnding = false

/** A full disk, a terminal that is gone. `tsnet ls | head -1` is no trouble: the reader has what it wanted. */
function endUnwritten(error: NodeJS.ErrnoException, io: Io, show: Parameters<typeof failed>[2]): void {
  if (error.code === 'EPIPE') endProcess(0)
  if (isEnding) return
  isEnding = true
  void unwritten(error)
    .then((told) => failed(told, io, show))
    .then((code) => whenWritten([process.stderr], () => endProcess(code)))
}

async function unwritten(cause: Error): Promise<Error> {
  const { fail } = await import('../../lib/verbs.ts')
  const hint = 'give it room and run it again: what has been done is found done'
  return fail('TSNET_STEP_FAILED', { message: `writing the output: ${cause.message}`, hint, cause })
}

/**
 * A forgotten handle must not keep the command alive, but a pipe takes 64 KiB at once and the rest when somebody reads:
 * `exit` would drop that.
 */
function whenWritten(streams: readonly NodeJS.WriteStream[], done: () => void): void {
  const waiting = streams.filter(({ writableLength, errored }) => writableLength > 0 && !errored)
  let left = waiting.length
  if (left === 0) done()
  for (const stream of waiting) {
    stream.write('', () => {
      if (--left === 0) done()
    })
  }
}
