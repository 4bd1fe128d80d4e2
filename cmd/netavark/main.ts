/**
 * What podman finds in its folder of helpers: one bundle that is `netavark` or
 * `aardvark-dns`, as it is called, and `tsnet` in another netavark's folder of plugins.
 *
 * @module
 */

import { readFileSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import { callerOf, runNetavark, runNetavarkPlugin } from '../../lib/adapters/netavark/run.ts'
import { endWith } from '../../lib/program.ts'

const argv: readonly string[] = process.argv.slice(2)
const io = {
  argv,
  stdout: (text: string): void => void writeSync(1, text),
  stderr: (text: string): void => void writeSync(2, text),
}

async function main(name: string): Promise<number> {
  if (name === 'aardvark-dns') {
    // Its server is worth loading for `run` alone.
    const { runAardvark } = await import('../../lib/adapters/netavark/aardvark.ts')
    return runAardvark({ ...io, env: process.env, cwd: process.cwd() })
  }
  const run = name === 'tsnet' ? runNetavarkPlugin : runNetavark
  return run({
    ...io,
    env: process.env,
    cwd: process.cwd(),
    caller: callerOf('self'),
    stdin: () => readFileSync(0, 'utf8'),
    signals: process,
    openEngine: async () =>
      (await import('../../lib/adapters/netavark/engine.ts')).openPluginEngine({
        onWarning: (text) => void writeSync(2, `tsnet: ${text}\n`),
      }),
  })
}

endWith(main(basename(process.argv[1] ?? '')))
