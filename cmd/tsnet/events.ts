/**
 * `tsnet events`.
 *
 * @module
 */

import type { EventView } from '../../lib/index.ts'
import { type CommandDefinition, type Flags, type Lib, textFlag } from './command.ts'
import { follow, limitFlag, limitOptions, untilWhen } from './follow.ts'
import { jsonLine } from './print/json.ts'
import { localClock } from './print/packet.ts'
import type { Palette } from './print/paint.ts'
import { UsageError } from './usage.ts'

/** As the library has them. */
const kinds = ['attach', 'detach', 'names', 'network', 'link', 'address', 'route', 'rules', 'lost']

export const events: CommandDefinition = {
  path: ['events'],
  summary: "what happens to this host's network, and who changes rules",
  about:
    'Containers of tsnet that come and go, their names and published ports, networks, interfaces, addresses, routes of ' +
    'this host, and changes of packet rules with the program and pid that made them (of iptables-legacy the kernel tells ' +
    'nobody who). It goes on until Ctrl-C, --count or --seconds. --json is one document a line.',
  args: [],
  groups: [
    {
      title: 'Options',
      options: [
        {
          flags: '--only <kinds>',
          about: `a list of ${kinds.join(', ')}`,
          values: kinds,
        },
        ...limitOptions('events'),
      ],
    },
  ],
  onSignal: 'end',
  run: async ({ flags, globals }, session) => {
    const { io, palette } = session
    const lib = await session.lib()
    const kinds = kindsOf(flags, lib)
    const count = limitFlag(flags, 'count') ?? Number.POSITIVE_INFINITY
    const seconds = limitFlag(flags, 'seconds')
    const watch = await session.waitFor('looking around', lib.watchEvents(await session.engine()), 'work')
    let seen = 0
    try {
      if (!globals.quiet && io.stderr.isTTY)
        io.stderr.write(`tsnet: waiting for events, ${untilWhen({ count, seconds })}\n`)
      return await follow(
        session,
        { everyMs: 100, ...(seconds === undefined ? {} : { seconds }) },
        async () => {
          for (const event of await watch.read()) {
            if (!kinds.has(event.kind)) continue
            io.stdout.write(`${globals.json ? jsonLine('events', event) : eventLine(event, palette)}\n`)
            if (++seen >= count) return 'done'
          }
          return 'more'
        },
      )
    } finally {
      watch.close()
    }
  },
}

function eventLine({ time, kind, action, words }: EventView, palette: Palette): string {
  const paint = action === 'added' ? palette.green : action === 'removed' ? palette.red : palette.yellow
  return `${palette.dim(localClock(time))} ${paint(kind.padEnd(7))} ${words}`
}

function kindsOf(flags: Flags, { eventKinds }: Lib): ReadonlySet<string> {
  const text = textFlag(flags, 'only')
  if (text === undefined) return new Set(eventKinds)
  const kinds = text.split(',')
  const wrong = kinds.find((kind) => !eventKinds.some((known) => known === kind))
  if (wrong === undefined) return new Set(kinds)
  throw new UsageError(`--only: "${wrong}" is no kind of event`, `known are ${eventKinds.join(', ')}`)
}
