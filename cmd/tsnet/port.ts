/**
 * `tsnet port`: the published ports of one container, as `docker port` prints them.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { requireSelector, selectorOptions } from './options.ts'
import { writeJson } from './print/json.ts'
import { portLines } from './print/ports.ts'

export const port: CommandDefinition = {
  path: ['port'],
  summary: 'the published ports of one container',
  about: 'One line for each: CONTAINERPORT/PROTOCOL -> HOSTADDRESS:HOSTPORT.',
  args: [{ syntax: '[container]', about: 'id or name' }],
  groups: [selectorOptions],
  onSignal: 'stop',
  run: async ({ args, flags, globals }, session) => {
    const selector = requireSelector(args, flags, await session.lib())
    const { attachments } = await (await session.engine()).inspect(selector)
    const { stdout } = session.io
    if (globals.json) {
      writeJson(
        stdout,
        attachments.flatMap(({ network, ifname, ports }) =>
          ports.map((binding) => ({ network, ifname, ...binding })),
        ),
      )
    } else
      stdout.write(
        attachments
          .flatMap(portLines)
          .map((line) => `${line}\n`)
          .join(''),
      )
    return 0
  },
}
