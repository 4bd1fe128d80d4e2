/**
 * `tsnet daemon status`.
 *
 * @module
 */

import type { DaemonStatus } from '../../../lib/daemon.ts'
import type { CommandDefinition, Invocation, Session } from '../command.ts'
import { renderFields } from '../print/fields.ts'
import { writeJson } from '../print/json.ts'
import type { Palette } from '../print/paint.ts'
import { addressOf, socketOption } from './place.ts'

/** As systemctl status has it. */
const notRunning = 3

export const daemonStatus: CommandDefinition = {
  path: ['daemon', 'status'],
  summary: 'is tsnetd running, and what has it done?',
  about: 'Exit code 3 where none runs: that is no trouble, the next caller starts one.',
  args: [],
  groups: [{ title: 'Where', options: [socketOption] }],
  onSignal: 'stop',
  run: async (invocation, session) => {
    const { askStatus, daemonPlace } = await import('../../../lib/daemon.ts')
    const place = daemonPlace(addressOf(invocation, session.io.env))
    const status = await session.waitFor('asking tsnetd', askStatus(place), 'work')
    if (status !== undefined) {
      printStatus(status, invocation, session)
      return 0
    }
    const { globals } = invocation
    if (globals.json) writeJson(session.io.stdout, 'daemon status', null)
    else if (!globals.quiet) session.io.stdout.write(`tsnetd is not running at ${place.socket}\n`)
    return notRunning
  },
}

/** For people, as JSON, or the pid alone. */
export function printStatus(status: DaemonStatus, { globals }: Invocation, { io, palette }: Session): void {
  if (globals.json) writeJson(io.stdout, 'daemon status', status)
  else io.stdout.write(globals.quiet ? `${status.pid}\n` : renderStatus(status, palette))
}

function renderStatus(status: DaemonStatus, palette: Palette): string {
  const calls = Object.entries(status.calls).map(([what, count]) => `${what} ${count}`)
  return renderFields(
    [
      ['tsnetd', [`pid ${status.pid}, tsnet ${status.version}, since ${status.startedAt}`]],
      ['socket', [status.socket]],
      ['memory', [`${Math.round(status.residentBytes / 1024 / 1024)} MB`]],
      [
        'ends',
        [
          status.idleExitSeconds === undefined
            ? 'when it is told to'
            : `after ${status.idleExitSeconds} s without a call or a rule to look after`,
        ],
      ],
      ['calls', calls.length === 0 ? ['none yet'] : calls],
    ],
    palette,
  )
}
