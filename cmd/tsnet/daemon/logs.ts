/**
 * `tsnet daemon logs`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { addressOf, socketOption } from './place.ts'

export const daemonLogs: CommandDefinition = {
  path: ['daemon', 'logs'],
  summary: 'what a tsnetd that was started on demand has written',
  about:
    'One JSON object a line, oldest first. One that systemd runs writes to the journal: journalctl -u tsnetd.',
  args: [],
  groups: [{ title: 'Where', options: [socketOption] }],
  onSignal: 'stop',
  run: async (invocation, session) => {
    const { daemonLogFiles } = await import('../../../lib/daemon.ts')
    for (const path of daemonLogFiles(addressOf(invocation, session.io.env))) {
      session.io.stdout.write(await session.io.read(path).catch(noneIfAbsent))
    }
    return 0
  },
}

/** Who may not read it is told so. */
function noneIfAbsent(error: NodeJS.ErrnoException): string {
  if (error.code === 'EACCES' || error.code === 'EPERM') throw error
  return ''
}
