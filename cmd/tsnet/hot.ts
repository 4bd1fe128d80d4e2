/**
 * The verbs that programs call for every container, in a program of their own:
 * half of the whole, which starts them 5 ms sooner.
 *
 * Not responsible for lines it cannot read: their mistakes, and the help, are
 * the whole program's to tell.
 *
 * @module
 */

import { check } from './check.ts'
import type { CommandFamily, VerbSession } from './command.ts'
import { ls } from './ls.ts'
import { type Parsed, parseArgv } from './parse.ts'
import { perform, type RunOptions } from './perform.ts'
import { port } from './port.ts'
import { setup } from './setup.ts'
import { teardown } from './teardown.ts'
import { version } from './version.ts'

/** The first word of a line decides which program is started at first (.config/build.mjs). */
export const hotFamilies: readonly CommandFamily<VerbSession>[] = [
  { title: 'Hot', commands: [setup, teardown, ls, port, check, version] },
]

/** @returns the exit code; undefined where the line is for the whole program. Never throws */
export async function runHot(argv: readonly string[], options: RunOptions): Promise<number | undefined> {
  const parsed = read(argv)
  return parsed?.kind === 'run' ? perform(parsed, options, (session) => session) : undefined
}

function read(argv: readonly string[]): Parsed<VerbSession> | undefined {
  try {
    return parseArgv(argv, hotFamilies)
  } catch {
    return undefined
  }
}
