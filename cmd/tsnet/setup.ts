/**
 * `tsnet setup`: puts one network namespace on its networks.
 *
 * @module
 */

import type { SetupRequest } from '../../lib/index.ts'
import { type CommandDefinition, type Invocation, switchFlag, type VerbSession } from './command.ts'
import { renderContainer } from './print/container.ts'
import { writeJson } from './print/json.ts'
import { setupRequestOf } from './request.ts'
import { requestOptions } from './requestoptions.ts'

export const setup: CommandDefinition<VerbSession> = {
  path: ['setup'],
  summary: 'connect a network namespace',
  about:
    'Gives a network namespace its interfaces, addresses, routes and published ports, and prints what was done. ' +
    'Run again with the same flags it prints what is there; with others it is an error. ' +
    'When anything fails, or on SIGINT, everything is taken back.\n' +
    'Without --network it joins the default network, made at first use. ' +
    'With several networks the default route is carried by the one with the highest priority=, ' +
    'of equals by the first; --default-route NETWORK sets it above all.',
  args: [],
  groups: [
    ...requestOptions,
    {
      title: 'Only look',
      options: [
        { flags: '--dry-run', about: 'print the shell lines that would do the same, change nothing' },
      ],
    },
  ],
  onSignal: 'undo',
  run: async (invocation, session) => {
    const { io, palette } = session
    const request = await setupRequestOf(invocation, io, await session.lib())
    if (switchFlag(invocation.flags, 'dryRun')) return showPlan(request, invocation, session)
    const engine = await session.engine()
    const what = `setting up ${request.container.name ?? request.container.id ?? request.sandbox.path}`
    const done = await session.waitFor(what, engine.setup(request, { signal: session.abortSignal() }))
    if (invocation.globals.json) writeJson(io.stdout, 'setup', done)
    else if (invocation.globals.quiet) io.stdout.write(`${done.container.id}\n`)
    else io.stdout.write(renderContainer(done, palette, await session.lib()))
    return 0
  },
}

/** What `--dry-run` and `tsnet plan` print. */
export async function showPlan(
  request: SetupRequest,
  invocation: Invocation,
  session: VerbSession,
): Promise<number> {
  const engine = await session.engine()
  const planned = await session.waitFor('planning', engine.plan(request))
  if (invocation.globals.json) writeJson(session.io.stdout, 'plan', planned)
  else session.io.stdout.write(planned.script.endsWith('\n') ? planned.script : `${planned.script}\n`)
  return 0
}
