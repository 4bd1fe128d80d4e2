/**
 * The `tsnet` command: the hot verbs, and whole.ts where the line is not theirs.
 * Two programs once they are built.
 *
 * @module
 */

import { runHot } from './hot.ts'
import { runProcess } from './process.ts'

runProcess(
  async (argv, options) => {
    const code = await runHot(argv, options)
    // Runs the line by being loaded.
    if (code === undefined) await import('./whole.ts')
    return code
  },
  async () => ({}),
)
