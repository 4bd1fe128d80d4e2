/**
 * `tsnet version`. Must not load the library: it is what shows how fast tsnet
 * starts.
 *
 * @module
 */

import { release } from 'node:os'
import type { CommandDefinition, VerbSession } from './command.ts'
import { writeJson } from './print/json.ts'

/** The same as in package.json, which a test compares: reading that file would cost a start half a millisecond. */
export const tsnetVersion = '0.1.0'

export const version: CommandDefinition<VerbSession> = {
  path: ['version'],
  summary: 'the versions of tsnet, node and the kernel',
  about: 'Prints the versions that belong in a report of a fault.',
  args: [],
  groups: [],
  onSignal: 'stop',
  run: async ({ globals }, { io }) => {
    const versions = { tsnet: tsnetVersion, node: process.versions.node, kernel: release() }
    if (globals.json) writeJson(io.stdout, 'version', versions)
    else if (globals.quiet) io.stdout.write(`${tsnetVersion}\n`)
    else io.stdout.write(`tsnet ${versions.tsnet} (node ${versions.node}, Linux ${versions.kernel})\n`)
    return 0
  },
}
