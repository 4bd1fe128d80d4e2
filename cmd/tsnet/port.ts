/**
 * `tsnet port`: the published ports of one container, as `docker port` prints them.
 *
 * @module
 */

import type { Attachment, ContainerNetwork, PortBinding } from '../../lib/index.ts'
import type { CommandDefinition, Flags, VerbLib, VerbSession } from './command.ts'
import { requireSelector, selectorOf, selectorOptions } from './options.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'
import { portLine } from './print/ports.ts'

export const port: CommandDefinition<VerbSession> = {
  path: ['port'],
  summary: 'the published ports of one container',
  about:
    'One line for each: CONTAINERPORT/PROTOCOL -> HOSTADDRESS:HOSTPORT. With a port of the container only where that ' +
    'one is published: HOSTADDRESS:HOSTPORT, exit code 3 where it is not.',
  args: [
    { syntax: '[container]', about: 'id or name; left out where a flag says which' },
    { syntax: '[port]', about: 'PORT[/PROTO] of the container, PROTO being tcp, udp or sctp (default: tcp)' },
  ],
  groups: [selectorOptions],
  onSignal: 'stop',
  run: async ({ args, flags, globals }, session) => {
    const lib = await session.lib()
    const { words, portWord } = split(args, flags, lib)
    const selector = requireSelector(words, flags, lib)
    const wanted = portWord === undefined ? undefined : onePort(portWord, lib)
    const record = await (await session.engine()).inspect(selector)
    const { stdout } = session.io
    const shown = wanted === undefined ? record.attachments : only(wanted, record, lib)
    if (globals.json) {
      writeJson(
        stdout,
        'port',
        shown.flatMap(({ network, ifname, ports }) =>
          ports.map((binding) => ({ network, ifname, ...binding })),
        ),
      )
      return 0
    }
    const open = shown.flatMap(lib.openPorts)
    stdout.write(asLines(open.map(wanted === undefined ? portLine : ({ at }) => at)))
    return 0
  },
}

type WantedPort = Pick<PortBinding, 'containerPort' | 'protocol'>

/** Where a flag names the container, the first word is the port. */
function split(
  args: readonly string[],
  flags: Flags,
  lib: VerbLib,
): { readonly words: readonly string[]; readonly portWord: string | undefined } {
  if (args.length < 2 && selectorOf([], flags, lib) !== undefined) return { words: [], portWord: args[0] }
  return { words: args.slice(0, 1), portWord: args[1] }
}

/** @throws TSNET_BAD_VALUE (invalid) */
function onePort(text: string, lib: VerbLib): WantedPort {
  const { port, count, protocol } = lib.parseExpose(text, 'PORT')
  if (count === 1) return { containerPort: port, protocol }
  throw lib.fail('TSNET_BAD_VALUE', {
    field: 'PORT',
    value: text,
    message: `reading PORT: "${text}" is a range, and one port is asked for`,
    hint: 'name one port of it, or none to see all',
  })
}

/**
 * The bindings of one container port, each cut down to it.
 *
 * @throws TSNET_NO_SUCH_PORT (notFound) where there is none
 */
function only(wanted: WantedPort, record: ContainerNetwork, lib: VerbLib): readonly Attachment[] {
  const found = record.attachments.map((attachment) => ({
    ...attachment,
    ports: attachment.ports.flatMap((binding) => cut(binding, wanted)),
  }))
  if (found.some(({ ports }) => ports.length > 0)) return found
  const name = record.container.name ?? record.container.id
  const value = `${wanted.containerPort}/${wanted.protocol}`
  const all = record.attachments.flatMap(lib.openPorts).map(portLine)
  throw lib.fail('TSNET_NO_SUCH_PORT', {
    field: 'PORT',
    value,
    message: `finding port ${value} of ${name}: it is not published`,
    hint: all.length === 0 ? `${name} publishes no ports` : `published are ${all.join(', ')}`,
  })
}

function cut(binding: PortBinding, { containerPort, protocol }: WantedPort): readonly PortBinding[] {
  const at = containerPort - binding.containerPort
  if (binding.protocol !== protocol || at < 0 || at >= binding.count) return []
  return [{ ...binding, containerPort, hostPort: binding.hostPort + at, count: 1 }]
}
