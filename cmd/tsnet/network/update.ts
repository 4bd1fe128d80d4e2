/**
 * `tsnet network update`.
 *
 * @module
 */

import type { NetworkUpdate } from '../../../lib/index.ts'
import { type CommandDefinition, type Flags, type Lib, listFlag, textFlag } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { renderNetwork } from '../print/network.ts'
import { UsageError } from '../usage.ts'
import { readKnownNetwork } from './known.ts'

export const networkUpdate: CommandDefinition = {
  path: ['network', 'update'],
  summary: 'change a network while containers are on it',
  about:
    'Changes whom its name server asks, its labels, and whether other networks that are not isolated may talk to it. ' +
    'Everything else stays as it is, and containers go on undisturbed.',
  args: [{ syntax: '<name>', about: 'the network', values: 'networks' }],
  groups: [
    {
      title: 'What to change',
      options: [
        {
          flags: '--dns <address>',
          about: 'ask this server for names of the outside; "" asks those of the host again',
          repeatable: true,
          empty: 'meant',
        },
        { flags: '--label <key=value>', about: 'set a label', repeatable: true },
        { flags: '--label-rm <key>', about: 'take a label away', repeatable: true },
        {
          flags: '--isolate <bool>',
          about: 'true: closed to other networks; false: open to others that are open',
          values: ['true', 'false'],
        },
      ],
    },
  ],
  onSignal: 'finish',
  run: async ({ args, flags, globals }, session) => {
    const lib = await session.lib()
    const name = await readKnownNetwork(args[0] ?? '', 'NAME', session)
    const update = updateOf(flags, lib)
    if (Object.keys(update).length === 0) {
      throw new UsageError('nothing to change', 'give --dns, --label, --label-rm or --isolate')
    }
    const engine = await session.engine()
    const now = await session.waitFor(
      `changing network ${name}`,
      engine.updateNetwork(name, update, { signal: session.abortSignal() }),
    )
    const { stdout } = session.io
    if (globals.json) writeJson(stdout, 'network update', now)
    else if (globals.quiet) stdout.write(`${now.name}\n`)
    else stdout.write(renderNetwork(now, session.palette))
    return 0
  },
}

/** @throws TSNET_BAD_VALUE (invalid) */
function updateOf(flags: Flags, lib: Lib): NetworkUpdate {
  const servers = listFlag(flags, 'dns')
  const forwarders = servers.filter((text) => text !== '').map((text) => lib.readAddress(text, '--dns'))
  const labels: Record<string, string | null> = {
    ...lib.parseKeyValues(listFlag(flags, 'label'), { field: '--label', bare: 'empty' }),
    ...Object.fromEntries(listFlag(flags, 'labelRm').map((key) => [key, null])),
  }
  const isolate = textFlag(flags, 'isolate')
  const options = isolate === undefined ? {} : lib.decodeBridgeOptions({ isolate }, '--isolate')
  return {
    ...(servers.length === 0 ? {} : { forwarders }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(options.isolate === undefined ? {} : { isolate: options.isolate }),
  }
}
