/**
 * The `tsnet` command: the process around run.ts.
 *
 * @module
 */

import { processIo } from './io.ts'
import { run } from './run.ts'

// `tsnet ls | head -1`: the reader has what it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

const program = {
  file: process.argv[1] as string,
  functions: async () => (await import('./daemon/programs.ts')).programs,
}

run(process.argv.slice(2), { io: processIo(), signals: process, program }).then(
  // Streams of a process are written synchronously on Linux, and a forgotten handle must not keep the command alive.
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`tsnet: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  },
)
