/**
 * `tsnet network create`: a network that stays until `network rm`.
 *
 * @module
 */

import type { Address, CreateNetworkRequest, Subnet, SubnetRequest } from '../../../lib/index.ts'
import {
  type CommandDefinition,
  type Flags,
  type Invocation,
  type Lib,
  listFlag,
  switchFlag,
  textFlag,
} from '../command.ts'
import { writeJson } from '../print/json.ts'
import { renderNetwork } from '../print/network.ts'

export const networkCreate: CommandDefinition = {
  path: ['network', 'create'],
  summary: 'make a network',
  about:
    'Containers of one network reach each other; other networks are closed to them, but for published ports. ' +
    'Without --subnet one is chosen that overlaps no route, no address and no bridge of another tool.',
  args: [{ syntax: '<name>', about: 'what --network of setup calls it' }],
  groups: [
    {
      title: 'Addresses',
      options: [
        { flags: '--subnet <cidr>', about: 'such as 10.90.0.0/24; one for each family', repeatable: true },
        {
          flags: '--gateway <address>',
          about: "the bridge's own (default: the first of the subnet)",
          repeatable: true,
        },
        { flags: '--ip-range <cidr>', about: 'give out addresses of this part only', repeatable: true },
        { flags: '--aux-address <name=address>', about: 'never give this one out', repeatable: true },
        { flags: '--ipv6', about: 'also an IPv6 subnet, chosen where none is given' },
      ],
    },
    {
      title: 'Kind',
      options: [
        { flags: '--driver <driver>', about: 'bridge (default), or one of /etc/tsnet/config.json' },
        { flags: '--internal', about: 'no way out and no way in: its containers and the host only' },
        {
          flags: '-o, --opt <key=value>',
          about:
            'mtu=BYTES, bridge=IFNAME, masquerade=BOOL (source NAT on the way out), icc=BOOL (its containers may talk), ' +
            'hairpin=BOOL (reach an own published port), isolate=BOOL (closed to other networks), ' +
            'gateway-mode-ipv4=nat|nat-unprotected|routed and -ipv6 (routed: published ports are open at the ' +
            'container’s own address, unprotected: all of them), ' +
            'protect=strict (stops what a hostile container could do to its neighbours), ' +
            'conntrack-limit=NUMBER (of connections each container may begin at a time, with protect; 16384), ' +
            'dns=BOOL (containers have names), domain=DOMAIN (names end there too), ' +
            'forwarders=ADDRESS,… (asked for all other names), dns-port=PORT (of the name server, where 53 is taken)',
          repeatable: true,
        },
        { flags: '--label <key=value>', about: 'kept in the definition', repeatable: true },
      ],
    },
  ],
  onSignal: 'finish',
  run: async (invocation, session) => {
    const request = createRequestOf(invocation, await session.lib())
    const engine = await session.engine()
    const made = await session.waitFor(
      `making network ${request.name}`,
      engine.createNetwork(request, { signal: session.abortSignal() }),
    )
    const { stdout } = session.io
    if (invocation.globals.json) writeJson(stdout, 'network create', made)
    else if (invocation.globals.quiet) stdout.write(`${made.name}\n`)
    else stdout.write(renderNetwork(made, session.palette))
    return 0
  },
}

/** @throws TSNET_BAD_VALUE (invalid) */
function createRequestOf(
  { args, flags }: Pick<Invocation, 'args' | 'flags'>,
  lib: Lib,
): CreateNetworkRequest {
  const driver = lib.readDriver(textFlag(flags, 'driver') ?? 'bridge', '--driver')
  return {
    name: lib.readNetworkName(args[0] ?? '', 'NAME'),
    driver,
    subnets: subnetsOf(flags, lib),
    ipv6: switchFlag(flags, 'ipv6'),
    internal: switchFlag(flags, 'internal'),
    ...lib.decodeDriverOptions(
      driver,
      lib.parseKeyValues(listFlag(flags, 'opt'), { field: '--opt', bare: 'refuse' }),
      '--opt',
    ),
    labels: lib.parseKeyValues(listFlag(flags, 'label'), { field: '--label', bare: 'empty' }),
  }
}

/** Gateways, ranges and reserved addresses go to the subnet they lie in, as with Docker. */
function subnetsOf(flags: Flags, lib: Lib): readonly SubnetRequest[] {
  const requests: SubnetRequest[] = listFlag(flags, 'subnet').map((text) => ({
    subnet: lib.readSubnet(text, '--subnet'),
  }))
  const put = (
    field: string,
    value: Address | Subnet,
    change: (request: SubnetRequest) => SubnetRequest,
  ): void => {
    const address = value.includes('/') ? lib.addressOf(value as Subnet) : (value as Address)
    const at = requests.findIndex(({ subnet }) => lib.contains(subnet, address))
    const request = requests[at]
    if (request !== undefined) requests[at] = change(request)
    else throw outside(field, value, requests, lib)
  }
  for (const text of listFlag(flags, 'gateway')) {
    const gateway = lib.readUnicast(text, '--gateway')
    put('--gateway', gateway, (request) => once(request, { gateway }, lib))
  }
  for (const text of listFlag(flags, 'ipRange')) {
    const range = lib.readSubnet(text, '--ip-range')
    put('--ip-range', range, (request) => once(request, { range }, lib))
  }
  const auxiliary = lib.parseKeyValues(listFlag(flags, 'auxAddress'), {
    field: '--aux-address',
    bare: 'refuse',
  })
  for (const [name, text] of Object.entries(auxiliary)) {
    const address = lib.readUnicast(text, '--aux-address')
    put('--aux-address', address, (request) => ({
      ...request,
      reserved: { ...request.reserved, [name]: address },
    }))
  }
  return requests
}

function once(
  request: SubnetRequest,
  more: Pick<SubnetRequest, 'gateway' | 'range'>,
  lib: Lib,
): SubnetRequest {
  const [field, value, before] =
    more.gateway === undefined
      ? ['--ip-range', more.range, request.range]
      : ['--gateway', more.gateway, request.gateway]
  if (before === undefined) return { ...request, ...more }
  const message = `reading ${field}: ${request.subnet} has two, ${before} and ${value}`
  throw lib.fail('TSNET_BAD_VALUE', { field, value, message, hint: 'leave one of them out' })
}

function outside(field: string, value: string, requests: readonly SubnetRequest[], lib: Lib): Error {
  const message = `reading ${field}: ${value} lies in no --subnet`
  const subnets = requests.map(({ subnet }) => subnet).join(', ')
  const hint = subnets === '' ? 'give the subnet too, with --subnet' : `it must lie in ${subnets}`
  return lib.fail('TSNET_BAD_VALUE', { field, value, message, hint })
}
