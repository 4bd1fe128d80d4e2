/**
 * `tsnet top`.
 *
 * @module
 */

import { type CommandDefinition, switchFlag } from './command.ts'
import { follow, limitFlag } from './follow.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'
import { renderTop, topLeast } from './print/top.ts'
import { UsageError } from './usage.ts'

/** Alternate screen and no cursor, and back. */
const enter = '\u001b[?1049h\u001b[?25l'
const leave = '\u001b[?25h\u001b[?1049l'
const home = '\u001b[H'
const clearBelow = '\u001b[J'
const clearLine = '\u001b[K'

export const top: CommandDefinition = {
  path: ['top'],
  summary: 'live traffic per container and per peer, with drops',
  about:
    'Bytes and packets a second of containers of every engine, busiest first, with whom they talk, and how many packets ' +
    'were dropped at their interfaces meanwhile. Peers are known of 64 containers at most. On a terminal it goes on ' +
    'until Ctrl-C; in a pipe, with --once and with --json it looks once. A tilde before a peer: there were too many ' +
    'packets to look at each, so it is a share of those that were.',
  args: [
    { syntax: '[container]', about: 'name, id or pid, of any engine: all its peers; none: all containers' },
  ],
  groups: [
    {
      title: 'Options',
      options: [
        { flags: '--once', about: 'look once and end' },
        { flags: '-s, --seconds <number>', about: 'how long each look takes (default: 2, at most 60)' },
      ],
    },
  ],
  onSignal: 'end',
  run: async ({ args, flags, globals }, session) => {
    const { io, palette } = session
    const seconds = limitFlag(flags, 'seconds', { most: 60 }) ?? 2
    const live = io.stdout.isTTY && !switchFlag(flags, 'once') && !globals.json
    const detail = args[0] === undefined ? 'some' : 'all'
    const room = (): { readonly columns: number; readonly rows: number } => {
      const { columns, rows = 24 } = io.stdout
      if (columns >= topLeast.columns && rows >= topLeast.rows) return { columns, rows }
      throw new UsageError(
        `the terminal has ${columns} columns and ${rows} rows, top needs ${topLeast.columns} and ${topLeast.rows}`,
        'make it larger, or use --once or --json',
      )
    }
    if (live) room()
    const lib = await session.lib()
    const running = await session.waitFor(
      'looking around',
      lib.openTop(await session.engine(), args[0]),
      'work',
    )
    try {
      if (!live) {
        await follow(session, { everyMs: 50, seconds }, async () => {
          running.tick()
          return 'more'
        })
        const view = await running.view()
        if (globals.json) writeJson(io.stdout, 'top', view)
        else if (globals.quiet) io.stdout.write(asLines(view.containers.map(({ name }) => name)))
        else io.stdout.write(renderTop(view, { detail, output: io.stdout }, palette))
        return 0
      }
      io.stdout.write(enter)
      try {
        let next = 0
        return await follow(session, { everyMs: 50 }, async () => {
          running.tick()
          if (performance.now() < next) return 'more'
          next = performance.now() + seconds * 1000
          const { rows } = room()
          const lines = renderTop(await running.view(), { detail, output: io.stdout }, palette)
            .trimEnd()
            .split('\n')
          const shown = lines.slice(0, rows - 1).map((line) => `${line}${clearLine}`)
          io.stdout.write(`${home}${shown.join('\n')}\n${clearBelow}`)
          return 'more'
        })
      } finally {
        io.stdout.write(leave)
      }
    } finally {
      running.close()
    }
  },
}
