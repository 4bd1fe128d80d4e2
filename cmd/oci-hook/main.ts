/**
 * `tsnet-hook`: what bundles name as their createRuntime and poststop hook.
 *
 * @module
 */

import { readFileSync, writeSync } from 'node:fs'
import { runHook } from '../../lib/adapters/oci/run.ts'

runHook({
  argv: process.argv.slice(2),
  stdin: () => readFileSync(0, 'utf8'),
  stderr: (text) => void writeSync(2, text),
  openEngine: async () => {
    const stateDir = process.env['TSNET_STATE_DIR'] ?? ''
    const { openEngine } = await import('../../lib/adapters/oci/engine.ts')
    return openEngine(stateDir === '' ? {} : { stateDir })
  },
}).then(
  (code) => process.exit(code),
  (error: unknown) => {
    writeSync(2, `${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  },
)
