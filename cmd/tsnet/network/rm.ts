/**
 * `tsnet network rm`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'

export const networkRm: CommandDefinition = {
  path: ['network', 'rm'],
  summary: 'remove networks',
  about:
    'Removes networks and their bridges, one after the other. A network with containers on it is not removed.',
  args: [{ syntax: '<name...>', about: 'the networks', values: 'networks' }],
  groups: [],
  onSignal: 'finish',
  run: async ({ args, globals }, session) => {
    const { meantNetwork } = await session.lib()
    const names = args.map(meantNetwork)
    const engine = await session.engine()
    for (const name of names) {
      await session.waitFor(
        `removing network ${name}`,
        engine.removeNetwork(name, { signal: session.abortSignal() }),
      )
      if (!globals.json) session.io.stdout.write(`${name}\n`)
    }
    if (globals.json) writeJson(session.io.stdout, 'network rm', { removed: names })
    return 0
  },
}
