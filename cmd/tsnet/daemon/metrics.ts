/**
 * `tsnet daemon metrics`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { addressOf, socketOption } from './place.ts'

/** As systemctl status has it. */
const notRunning = 3

export const daemonMetrics: CommandDefinition = {
  path: ['daemon', 'metrics'],
  summary: 'counts, durations and what is left, for Prometheus',
  about:
    'Also at the socket itself: curl --unix-socket /run/tsnet/tsnetd.sock http://tsnetd/metrics; and on a port of ' +
    '127.0.0.1 with tsnet daemon run --metrics-port. Exit code 3 where no tsnetd runs.',
  args: [],
  groups: [{ title: 'Where', options: [socketOption] }],
  onSignal: 'stop',
  run: async (invocation, session) => {
    const { askMetrics, daemonPlace } = await import('../../../lib/daemon.ts')
    const place = daemonPlace(addressOf(invocation, session.io.env))
    const text = await session.waitFor('asking tsnetd', askMetrics(place), 'work')
    if (text === undefined) {
      session.io.stderr.write(`tsnetd is not running at ${place.socket}\n`)
      return notRunning
    }
    session.io.stdout.write(text)
    return 0
  },
}
