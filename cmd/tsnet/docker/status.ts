/**
 * `tsnet docker status`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { placeOf, tell } from './place.ts'

/** As of `tsnet check`: not as it was set up. */
const notAsInstalled = 5

export const dockerStatus: CommandDefinition = {
  path: ['docker', 'status'],
  summary: 'does the driver answer dockerd?',
  about:
    'Asks the driver what dockerd asks first. Exit code 5 where it is installed and does not answer within two seconds.',
  args: [],
  groups: [],
  onSignal: 'stop',
  run: async (invocation, session) => {
    const { dockerStatus: look } = await import('../../../lib/daemon.ts')
    const status = await look(placeOf(invocation, session).stateDir)
    tell(status, invocation, session)
    return status.installed !== 'no' && status.answerMs === undefined ? notAsInstalled : 0
  },
}
