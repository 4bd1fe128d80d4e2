/**
 * The `tsnet` command with everything it can do. dist/bin/tsnet starts with it
 * where the first word is no hot verb, and main.ts goes on with it where it
 * cannot read a line.
 *
 * @module
 */

import { runProcess } from './process.ts'
import { run } from './run.ts'

runProcess(run, async () => (await import('./daemon/programs.ts')).programs)
