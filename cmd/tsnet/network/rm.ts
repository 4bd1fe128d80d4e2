/**
 * `tsnet network rm`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { knownNetwork } from './known.ts'

export const networkRm: CommandDefinition = {
  path: ['network', 'rm'],
  summary: 'remove networks',
  about:
    'Removes networks and their bridges, one after the other. A network with containers on it is not removed.',
  args: [{ syntax: '<name...>', about: 'the networks', values: 'networks' }],
  groups: [],
  onSignal: 'finish',
  run: async ({ args, globals }, session) => {
    const engine = await session.engine()
    const removed: string[] = []
    for (const word of args) {
      const name = await knownNetwork(word, session)
      await session.waitFor(
        `removing network ${name}`,
        engine.removeNetwork(name, { signal: session.abortSignal() }),
      )
      removed.push(name)
      if (!globals.json) session.io.stdout.write(`${name}\n`)
    }
    if (globals.json) writeJson(session.io.stdout, 'network rm', { removed })
    return 0
  },
}
