/**
 * `tsnet network inspect`: definition, containers and leases of one network, as JSON.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { knownNetwork } from './known.ts'

export const networkInspect: CommandDefinition = {
  path: ['network', 'inspect'],
  summary: 'all about one network, as JSON',
  about: 'Prints its definition, whether its bridge is there, its containers, and who holds which address.',
  args: [{ syntax: '<name>', about: 'the network', values: 'networks' }],
  groups: [],
  onSignal: 'stop',
  run: async ({ args, globals }, session) => {
    const name = await knownNetwork(args[0] ?? '', session)
    const found = await (await session.engine()).inspectNetwork(name)
    if (globals.quiet && !globals.json) session.io.stdout.write(`${found.config.name}\n`)
    else writeJson(session.io.stdout, 'network inspect', found)
    return 0
  },
}
