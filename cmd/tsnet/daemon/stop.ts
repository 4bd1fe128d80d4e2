/**
 * `tsnet daemon stop`.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { addressOf, socketOption } from './place.ts'

export const daemonStop: CommandDefinition = {
  path: ['daemon', 'stop'],
  summary: 'end tsnetd when its last call is answered',
  about:
    'Containers, ports and names are not touched: they need no daemon. Where none runs there is nothing to do, and that ' +
    'is a success. The next caller starts another.',
  args: [],
  groups: [{ title: 'Where', options: [socketOption] }],
  onSignal: 'stop',
  run: async (invocation, session) => {
    const { stopDaemon } = await import('../../../lib/daemon.ts')
    const pid = await session.waitFor(
      'ending tsnetd',
      stopDaemon(addressOf(invocation, session.io.env)),
      'work',
    )
    const { stdout } = session.io
    if (invocation.globals.json) writeJson(stdout, 'daemon stop', pid === undefined ? null : { pid })
    else if (invocation.globals.quiet) stdout.write(pid === undefined ? '' : `${pid}\n`)
    else stdout.write(pid === undefined ? 'tsnetd is not running\n' : `tsnetd (pid ${pid}) has ended\n`)
    return 0
  },
}
