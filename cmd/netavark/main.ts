/**
 * What podman finds in its folder of helpers: one bundle that is `netavark` or
 * `aardvark-dns`, as it is called, and `tsnet` in another netavark's folder of plugins.
 *
 * @module
 */

import { readFileSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import { runAardvark } from '../../lib/adapters/netavark/aardvark.ts'
import { runNetavark, runNetavarkPlugin } from '../../lib/adapters/netavark/run.ts'

const argv: readonly string[] = process.argv.slice(2)
const io = {
  argv,
  stdout: (text: string): void => void writeSync(1, text),
  stderr: (text: string): void => void writeSync(2, text),
}

async function main(name: string): Promise<number> {
  if (name === 'aardvark-dns') return runAardvark(io)
  const run = name === 'tsnet' ? runNetavarkPlugin : runNetavark
  return run({
    ...io,
    env: process.env,
    cwd: process.cwd(),
    stdin: () => readFileSync(0, 'utf8'),
    openEngine: async () => (await import('../../lib/adapters/netavark/engine.ts')).openPluginEngine(),
  })
}

main(basename(process.argv[1] ?? '')).then(
  (code) => process.exit(code),
  (error: unknown) => {
    writeSync(2, `${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  },
)
