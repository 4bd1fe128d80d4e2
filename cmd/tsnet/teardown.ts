/**
 * `tsnet teardown`: takes containers off their networks, from the records alone.
 *
 * @module
 */

import type { ContainerNetwork, Selector } from '../../lib/index.ts'
import {
  type CommandDefinition,
  type Invocation,
  switchFlag,
  type VerbLib,
  type VerbSession,
} from './command.ts'
import { requireSelectors, selectorOf, selectorOptions } from './options.ts'
import { renderTornDown } from './print/container.ts'
import { writeJson } from './print/json.ts'
import { UsageError } from './usage.ts'

export const teardown: CommandDefinition<VerbSession> = {
  path: ['teardown'],
  summary: 'disconnect it again, also when the process is long dead',
  about:
    'Takes away everything setup made: links, addresses, rules, leases, ports; and a network made at first use with ' +
    'its last container. Works from the record, so the process may be gone; where the record was damaged, from what ' +
    'links and rules say. Nothing to take down is a success. ' +
    'Several containers go together; where one fails, the others go all the same. ' +
    'SIGINT and SIGTERM end its waiting for other commands; what has begun is finished.',
  args: [{ syntax: '[container...]', about: 'ids or names' }],
  groups: [
    selectorOptions,
    {
      title: 'All of them',
      options: [{ flags: '--all', about: 'whatever tsnet ls lists, and nothing else' }],
    },
  ],
  onSignal: 'finish',
  run: async (invocation, session) => {
    const { io } = session
    const meant = await meantBy(invocation, session)
    const { globals } = invocation
    const engine = await session.engine()
    // Together: links that go at the same time go in one request.
    const downs = await session.waitFor(
      `taking down ${meant.selectors.length > 3 ? `${meant.selectors.length} containers` : meant.selectors.map(labelOf).join(', ')}`,
      Promise.allSettled(
        meant.selectors.map((selector) => engine.teardown(selector, { signal: session.abortSignal() })),
      ),
    )
    const done = downs.map((down) => (down.status === 'fulfilled' ? down.value : undefined))
    const failed = downs.flatMap((down) => (down.status === 'rejected' ? [down.reason as unknown] : []))
    if (globals.json && !(meant.one && failed.length > 0))
      writeJson(io.stdout, 'teardown', meant.one ? (done[0] ?? null) : done.map((gone) => gone ?? null))
    for (const [i, down] of downs.entries()) {
      if (globals.json || down.status === 'rejected') continue
      const line = lineOf(down.value, globals.quiet)
      io.stdout.write(line ?? (await nothingLine(meant.selectors[i] as Selector, session)))
    }
    if (failed.length > 0) throw together(failed, meant.selectors.length, await session.lib())
    return 0
  },
}

interface Meant {
  readonly selectors: readonly Selector[]
  /** One container was named: the answer is about it and no list. */
  readonly one: boolean
}

/** @throws UsageError where nothing, or things that exclude each other, are named */
async function meantBy({ args, flags }: Invocation, session: VerbSession): Promise<Meant> {
  const lib = await session.lib()
  if (!switchFlag(flags, 'all')) {
    const selectors = requireSelectors(args, flags, lib)
    return { selectors, one: selectors.length === 1 }
  }
  if (args.length > 0 || selectorOf([], flags, lib) !== undefined)
    throw new UsageError(
      '--all means every container, and one is named beside it',
      'leave one of the two out',
    )
  const all = await (await session.engine()).list()
  return { selectors: all.map(({ container }) => ({ container: container.id })), one: false }
}

const labelOf = (selector: Selector): string =>
  'container' in selector ? selector.container : selector.sandboxPath

/** Undefined where people want to be told that there was nothing. */
function lineOf(gone: ContainerNetwork | undefined, quiet: boolean): string | undefined {
  if (quiet) return gone === undefined ? '' : `${gone.container.id}\n`
  return gone === undefined ? undefined : renderTornDown(gone)
}

/** No error, as there is nothing to do; a name that was mistyped shall be seen all the same. */
async function nothingLine(selector: Selector, session: VerbSession): Promise<string> {
  const label = labelOf(selector)
  // Scripts take down what may be gone, and do not read what they are told.
  if (!session.io.stdout.isTTY) return `nothing is set up for ${label}\n`
  const [lib, there] = [await session.lib(), await (await session.engine()).list()]
  const names = there.flatMap(({ container: { id, name } }) => (name === undefined ? [id] : [name, id]))
  const near = 'container' in selector ? lib.nearest(label, names) : undefined
  return `nothing is set up for ${label}${near === undefined ? '' : `; ${near}`}\n`
}

/** One error of several; each of the others is told beneath it. */
function together(failed: readonly unknown[], of: number, lib: VerbLib): unknown {
  const [first, ...others] = failed.map(lib.asTsnetError)
  if (first === undefined || others.length === 0) return first
  const error = lib.fail('TSNET_STEP_FAILED', {
    message: `taking down ${failed.length} of ${of} containers: ${first.message}`,
    hint: first.hint ?? 'run it again: what is left is tried again',
    cause: first,
  })
  error.undo.push(...first.undo, ...others.flatMap((other) => [other.message, ...other.undo]))
  return error
}
