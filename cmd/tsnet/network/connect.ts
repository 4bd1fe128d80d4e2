/**
 * `tsnet network connect` and `disconnect`, on running containers.
 *
 * @module
 */

import type { EndpointRequest, Engine, Selector } from '../../../lib/index.ts'
import {
  type CommandDefinition,
  type Flags,
  type Invocation,
  type Lib,
  listFlag,
  type Session,
  textFlag,
} from '../command.ts'
import { requireSelector, selectorOptions } from '../options.ts'
import { renderContainer } from '../print/container.ts'
import { writeJson } from '../print/json.ts'
import { UsageError } from '../usage.ts'

export const networkConnect: CommandDefinition = {
  path: ['network', 'connect'],
  summary: 'put a running container on one more network',
  about:
    'Gives it one more interface, with names that answer at once. The default route stays where it is, unless --priority ' +
    'is higher than that of the network that carries it now, or nothing carries it; published ports stay where they are. ' +
    'The same again does nothing.\n' +
    'A container of another engine (docker0, podman0) keeps what it has, its default route too; it is found by its name, ' +
    'and replies to what reaches it by this network leave by it too.',
  args: [
    { syntax: '<network>', about: 'its name, also with keys as --network of setup takes them' },
    { syntax: '[container]', about: 'id or name; of other engines also a pid' },
  ],
  groups: [
    {
      title: 'The interface',
      options: [
        { flags: '--alias <name>', about: 'another name of it on that network', repeatable: true },
        { flags: '--ip <address>', about: 'its IPv4 address' },
        { flags: '--ip6 <address>', about: 'its IPv6 address' },
        { flags: '--mac <mac>', about: 'its MAC address' },
        { flags: '--ifname <name>', about: 'inside the container (default: the first free ethN)' },
        { flags: '--priority <number>', about: 'of the default route; also --gw-priority (default: 0)' },
        { flags: '--gw-priority <number>', about: "Docker's name of --priority" },
      ],
    },
    selectorOptions,
  ],
  onSignal: 'finish',
  run: async (invocation, session) => {
    const lib = await session.lib()
    const [network = '', ...words] = invocation.args
    const endpoint = endpointOf(network, invocation.flags, lib)
    const selector = requireSelector(words, invocation.flags, lib)
    const engine = await session.engine()
    const now = await session.waitFor(
      `connecting to ${endpoint.network}`,
      lib.connectAny(engine, selector, endpoint, { signal: session.abortSignal() }),
    )
    const { stdout } = session.io
    if (invocation.globals.json) writeJson(stdout, 'network connect', now)
    else if (invocation.globals.quiet) stdout.write(`${now.container.id}\n`)
    else {
      const attachments = now.attachments.filter((one) => one.network === endpoint.network)
      stdout.write(renderContainer({ ...now, attachments }, session.palette, lib))
    }
    return 0
  },
}

/** @throws TSNET_BAD_VALUE (invalid) */
function endpointOf(network: string, flags: Flags, lib: Lib): EndpointRequest {
  const ip = textFlag(flags, 'ip')
  const ip6 = textFlag(flags, 'ip6')
  const mac = textFlag(flags, 'mac')
  const keys = [
    ...(ip === undefined ? [] : [`ip=${lib.readUnicast(ip, '--ip', 4)}`]),
    ...(ip6 === undefined ? [] : [`ip6=${lib.readUnicast(ip6, '--ip6', 6)}`]),
    ...(mac === undefined ? [] : [`mac=${lib.readMac(mac, '--mac')}`]),
    ...keyOf('ifname', textFlag(flags, 'ifname')),
    ...keyOf('priority', textFlag(flags, 'priority') ?? textFlag(flags, 'gwPriority')),
    ...listFlag(flags, 'alias').map((alias) => `alias=${lib.readHostname(alias, '--alias')}`),
  ]
  const spec = keys.length === 0 ? network : `${network}${network.includes(':') ? ',' : ':'}${keys.join(',')}`
  const parsed = lib.parseNetworkFlag(spec, 'NETWORK')
  if (parsed.kind === 'endpoint') return parsed.request
  throw new UsageError(`${network} is no network`, 'tsnet network ls lists them')
}

const keyOf = (key: string, value: string | undefined): readonly string[] =>
  value === undefined ? [] : [`${key}=${value}`]

export const networkDisconnect: CommandDefinition = {
  path: ['network', 'disconnect'],
  summary: 'take a running container off a network',
  about:
    'Its interface, address and names on that network go. A default route it carried moves to the network with the ' +
    'highest priority that is left, of equals the first, before the old one goes; ports published by way of the ' +
    'network move there too. Not being on the network is a success.',
  args: [
    { syntax: '<network>', about: 'the network to leave' },
    { syntax: '[container]', about: 'id or name' },
  ],
  groups: [selectorOptions],
  onSignal: 'finish',
  run: (invocation, session) => disconnectContainer(invocation, session),
}

async function disconnectContainer({ args, flags, globals }: Invocation, session: Session): Promise<number> {
  const lib = await session.lib()
  const [name = '', ...words] = args
  const meant = lib.readJoinedNetwork(name, 'NETWORK')
  const word = requireSelector(words, flags, lib)
  const engine = await session.engine()
  const selector = await lib.selectKnown(engine, word)
  const network = meant === name ? name : await leftNetwork(name, meant, { engine, selector })
  const label = 'container' in selector ? selector.container : selector.sandboxPath
  const now = await session.waitFor(
    `leaving ${network}`,
    engine.disconnect(selector, network, { signal: session.abortSignal() }),
  )
  const { stdout } = session.io
  if (globals.json) writeJson(stdout, 'network disconnect', now ?? null)
  else if (globals.quiet) stdout.write(now === undefined ? '' : `${now.container.id}\n`)
  else if (now === undefined) stdout.write(`${label} is not on ${network}\n`)
  else {
    const left = now.attachments.map(({ network: on, ifname }) => `${on} (${ifname})`)
    stdout.write(
      `${label} left ${network}; it is on ${left.length === 0 ? 'no network of tsnet now' : left.join(', ')}\n`,
    )
  }
  return 0
}

/** `bridge` and `default` mean the default network, as for `connect`, unless it is on one of CNI's that is called so. */
async function leftNetwork(
  word: string,
  meant: string,
  { engine, selector }: { readonly engine: Engine; readonly selector: Selector },
): Promise<string> {
  const { attachments } = await engine.inspect(selector)
  return attachments.some(({ network }) => network === word) ? word : meant
}
