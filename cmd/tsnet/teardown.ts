/**
 * `tsnet teardown`: takes a container off its networks, from the record alone.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { requireSelector, selectorOptions } from './options.ts'
import { renderTornDown } from './print/container.ts'
import { writeJson } from './print/json.ts'

export const teardown: CommandDefinition = {
  path: ['teardown'],
  summary: 'disconnect it again, also when the process is long dead',
  about:
    'Takes away everything setup made: links, addresses, rules, leases, ports; and a network made at first use with ' +
    'its last container. Works from the record, so the process may be gone. Nothing to take down is a success. ' +
    'SIGINT and SIGTERM end its waiting for other commands; what has begun is finished.',
  args: [{ syntax: '[container]', about: 'id or name' }],
  groups: [selectorOptions],
  onSignal: 'finish',
  run: async ({ args, flags, globals }, session) => {
    const selector = requireSelector(args, flags, await session.lib())
    const engine = await session.engine()
    const label = 'container' in selector ? selector.container : selector.sandboxPath
    const gone = await session.waitFor(
      `taking down ${label}`,
      engine.teardown(selector, { signal: session.abortSignal() }),
    )
    const { stdout } = session.io
    if (globals.json) writeJson(stdout, gone ?? null)
    else if (globals.quiet) stdout.write(gone === undefined ? '' : `${gone.container.id}\n`)
    else stdout.write(gone === undefined ? `nothing is set up for ${label}\n` : renderTornDown(gone))
    return 0
  },
}
