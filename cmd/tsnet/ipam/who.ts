/**
 * `tsnet ipam who`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'
import { renderHolders } from '../print/look.ts'

export const ipamWho: CommandDefinition = {
  path: ['ipam', 'who'],
  summary: 'who holds an address',
  about:
    'Owner, engine, since when, alive or dead, and what frees it: from leases and records of tsnet, and from the ' +
    'interfaces of every namespace. Exit code 3 where nobody holds it.',
  args: [{ syntax: '<address>', about: 'IPv4 or IPv6, without prefix length' }],
  groups: [],
  onSignal: 'stop',
  run: async ({ args, globals }, session) => {
    const { io, palette } = session
    const { readAddress, whoHolds } = await session.lib()
    const address = readAddress(args[0] ?? '', 'ADDRESS')
    const engine = await session.engine()
    const report = whoHolds(address, await session.inventory(), await engine.listNetworks())
    if (globals.json) writeJson(io.stdout, 'ipam who', report)
    else if (globals.quiet) io.stdout.write(asLines(report.holders.map(({ owner }) => owner)))
    else io.stdout.write(renderHolders(report, palette))
    return report.holders.length === 0 ? 3 : 0
  },
}
