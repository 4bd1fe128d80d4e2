/**
 * Starting a process that outlives us: a session of its own, no inherited
 * descriptors but its log, an environment of nothing but a path.
 *
 * @module
 */

import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { unpreferProcess } from './priority.ts'
import { countSpawn } from './run.ts'

export interface Detached {
  readonly pid: number | undefined
  /** Undefined while it runs. */
  exitCode(): number | undefined
}

/** Starts `argv` in the background; what it prints is appended to `log`. */
export function startDetached(argv: readonly [string, ...string[]], log: string): Detached {
  const [program, ...args] = argv
  const out = openSync(log, 'a', 0o600)
  let code: number | undefined
  try {
    countSpawn()
    const child = spawn(program, args, {
      detached: true,
      cwd: '/',
      stdio: ['ignore', out, out],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    })
    child.on('error', () => {
      code = 127
    })
    child.on('exit', (ended) => {
      code = ended ?? 1
    })
    if (child.pid !== undefined) unpreferProcess(child.pid)
    child.unref()
    return { pid: child.pid, exitCode: () => code }
  } finally {
    closeSync(out)
  }
}
