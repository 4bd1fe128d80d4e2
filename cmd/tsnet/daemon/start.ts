/**
 * `tsnet daemon start`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { addressOf, socketOption } from './place.ts'
import { printStatus } from './status.ts'

export const daemonStart: CommandDefinition = {
  path: ['daemon', 'start'],
  summary: 'start tsnetd in the background',
  about:
    'Returns when it answers. One that runs already stays. You need not do this: whatever needs tsnetd starts it, and it ' +
    'ends by itself; one that is started here stays until tsnet daemon stop.',
  args: [],
  groups: [{ title: 'Where', options: [socketOption] }],
  onSignal: 'stop',
  run: async (invocation, session) => {
    const { askStatus, daemonPlace, reachOrStart } = await import('../../../lib/daemon.ts')
    const address = addressOf(invocation, session.io.env)
    const reach = () => askStatus(daemonPlace(address))
    const status = await session.waitFor('starting tsnetd', reachOrStart(address, reach, []), 'work')
    printStatus(status, invocation, session)
    return 0
  },
}
