/**
 * `tsnet-hook`: what bundles name as their createRuntime and poststop hook.
 *
 * @module
 */

import { readFileSync, writeSync } from 'node:fs'
import { runHook } from '../../lib/adapters/oci/run.ts'
import { endWith } from '../../lib/program.ts'

const done = runHook({
  argv: process.argv.slice(2),
  stdin: () => readFileSync(0, 'utf8'),
  stderr: (text) => void writeSync(2, text),
  openEngine: async () => {
    const stateDir = process.env['TSNET_STATE_DIR'] ?? ''
    const { openEngine } = await import('../../lib/adapters/oci/engine.ts')
    const onWarning = (text: string): void => void writeSync(2, `tsnet-hook: ${text}\n`)
    return openEngine({ onWarning, ...(stateDir === '' ? {} : { stateDir }) })
  },
})

endWith(done)
