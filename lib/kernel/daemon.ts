/**
 * Starting a process that outlives us: a session of its own, no inherited
 * descriptors but its log, an environment of nothing but a path.
 *
 * @module
 */

import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail } from '../errors/codes.ts'
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
    child.unref()
    return { pid: child.pid, exitCode: () => code }
  } finally {
    closeSync(out)
  }
}

/**
 * The built `tsnet` that belongs to this library: beside the bundle we run from, else where the build puts it.
 *
 * @throws TSNET_PROGRAM_MISSING (unavailable)
 */
export function tsnetProgram(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  const found = ['../tsnet', '../../bin/tsnet', '../../dist/bin/tsnet']
    .map((place) => join(here, place))
    .find((path) => existsSync(path))
  if (found !== undefined) return found
  throw fail('TSNET_PROGRAM_MISSING', {
    message: `starting tsnetd: there is no tsnet beside ${here}`,
    hint: 'npm run build, or install tsnet anew',
  })
}
