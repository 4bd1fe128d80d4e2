/**
 * Flags of `setup` and `plan` as one SetupRequest.
 *
 * Reads each value with the library's own parsers, so that a flag, a JSON field
 * and a call from TypeScript make the same mistakes sound the same. What needs
 * the host (is the port free, does the network exist) is the engine's.
 *
 * @module
 */

import type { ContainerInfo, EndpointRequest, Sandbox, SetupRequest } from '../../lib/index.ts'
import {
  type Flags,
  type Invocation,
  listFlag,
  type OptionGroup,
  switchFlag,
  textFlag,
  type VerbLib,
} from './command.ts'
import type { Io } from './io.ts'
import { linksOf, nameOptions, resolverOf } from './names.ts'
import { firewallOf, sandboxOf, sandboxOptions } from './options.ts'
import { UsageError } from './usage.ts'

export const requestOptions: readonly OptionGroup[] = [
  sandboxOptions,
  {
    title: 'The container',
    options: [
      { flags: '--id <id>', about: 'what teardown and inspect call it (default: made from the namespace)' },
      { flags: '--container-name <name>', about: 'a name people use' },
      { flags: '--hostname <name>', about: 'its host name, for names and hosts files' },
      { flags: '--label <key=value>', about: 'kept in the record', repeatable: true },
    ],
  },
  {
    title: 'Networks',
    options: [
      {
        flags: '--network <spec>',
        about:
          'NAME[:KEY=VALUE,...] with keys ip, ip6, mac, ifname, alias, mtu, priority; the first becomes eth0, ' +
          'the next eth1; or one of host, none, bridge (the default network), container:ID',
        repeatable: true,
      },
      { flags: '--ip <address>', about: 'IPv4 address on the first network' },
      { flags: '--ip6 <address>', about: 'IPv6 address on the first network' },
      { flags: '--mac <mac>', about: 'MAC address on the first network' },
      { flags: '--mtu <bytes>', about: 'MTU on the first network (default: that of the way out)' },
      {
        flags: '--default-route <network>',
        about:
          'which network, by name or ifname, carries the default route (default: highest priority=, then the first)',
      },
    ],
  },
  {
    title: 'Ports',
    options: [
      {
        flags: '-p, --publish <spec>',
        about:
          '[HOSTIP:][HOSTPORT[-END]:]PORT[-END][/PROTO], PROTO being tcp, udp or sctp; without a host port one is chosen',
        repeatable: true,
      },
      {
        flags: '--expose <port>',
        about: 'PORT[-END][/PROTO] that --publish-all publishes',
        repeatable: true,
      },
      { flags: '-P, --publish-all', about: 'publish all exposed ports to chosen host ports' },
      { flags: '--ignore-publish', about: 'leave -p and -P out where the mode cannot publish' },
    ],
  },
  {
    title: 'Names and settings',
    options: [
      ...nameOptions,
      {
        flags: '--sysctl <key=value>',
        about: 'set inside the namespace, such as net.core.somaxconn=1024',
        repeatable: true,
      },
    ],
  },
  {
    title: 'The request as JSON',
    options: [
      {
        flags: '--config <file>',
        about:
          'the whole request from FILE, or from standard input with -; only a namespace may be given beside it',
      },
    ],
  },
]

/** Flags that may stand beside `--config`. */
const besideConfig = ['config', 'netns', 'pid', 'name', 'dryRun']

/** @throws TSNET_BAD_VALUE, TSNET_BAD_JSON, TSNET_MODE_MISMATCH (invalid), UsageError */
export async function setupRequestOf(invocation: Invocation, io: Io, lib: VerbLib): Promise<SetupRequest> {
  const { flags, globals } = invocation
  const config = textFlag(flags, 'config')
  const firewall = firewallOf(globals, lib)
  const request =
    config === undefined ? requestOfFlags(flags, lib) : await requestOfFile(config, flags, { io, lib })
  return { ...request, ...(firewall === undefined ? {} : { firewall }) }
}

function requestOfFlags(flags: Flags, lib: VerbLib): SetupRequest {
  const networks = networksOf(flags, lib)
  const sandbox = sandboxOf(flags, lib) ?? sandboxOfMode[networks.mode]
  if (sandbox === undefined) {
    throw new UsageError(
      'no namespace given',
      'give --netns PATH, --pid PID or --name NAME; see tsnet help setup',
    )
  }
  return {
    sandbox,
    container: containerOf(flags, lib),
    ...networks,
    publish: listFlag(flags, 'publish').map((text) => lib.parsePublish(text, '--publish')),
    expose: listFlag(flags, 'expose').map((text) => lib.parseExpose(text, '--expose')),
    publishAll: switchFlag(flags, 'publishAll'),
    ignorePublish: switchFlag(flags, 'ignorePublish'),
    resolver: resolverOf(flags, lib),
    ...linksOf(flags, lib),
    sysctls: lib.readSysctls(
      lib.parseKeyValues(listFlag(flags, 'sysctl'), { field: '--sysctl', bare: 'refuse' }),
      '--sysctl',
    ),
  }
}

/** Where none need be given: the host's own in host mode; another container's is known from its record. */
const sandboxOfMode: Readonly<Partial<Record<SetupRequest['mode'], Sandbox>>> = {
  host: { path: '/proc/self/ns/net' },
  container: { path: '/proc/self/ns/net' },
}

function containerOf(flags: Flags, lib: VerbLib): Partial<ContainerInfo> {
  const read = <T>(flag: string, name: string, reader: (text: string, field: string) => T): T | undefined => {
    const text = textFlag(flags, flag)
    return text === undefined ? undefined : reader(text, name)
  }
  const id = read('id', '--id', lib.readContainerName)
  const name = read('containerName', '--container-name', lib.readContainerName)
  const hostname = read('hostname', '--hostname', lib.readHostname)
  const labels = listFlag(flags, 'label')
  return {
    ...(id === undefined ? {} : { id }),
    ...(name === undefined ? {} : { name }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(labels.length === 0
      ? {}
      : { labels: lib.parseKeyValues(labels, { field: '--label', bare: 'empty' }) }),
  }
}

function networksOf(flags: Flags, lib: VerbLib): Pick<SetupRequest, 'mode' | 'shareWith' | 'networks'> {
  const specs = listFlag(flags, 'network').map((text) => lib.parseNetworkFlag(text, '--network'))
  const combined = lib.combineNetworkFlags(specs, '--network')
  const first = firstNetworkOf(flags, lib)
  const onFirst = Object.keys(first).length > 0
  if (combined.mode !== 'bridge') {
    const flag = ['ip', 'ip6', 'mac', 'mtu', 'defaultRoute'].find((name) => flags[name] !== undefined)
    if (flag === undefined) return combined
    const field = flag === 'defaultRoute' ? '--default-route' : `--${flag}`
    const message = `reading ${field}: mode ${combined.mode} joins no networks`
    throw lib.fail('TSNET_MODE_MISMATCH', { field, value: flags[flag], message, hint: `leave ${field} out` })
  }
  if (!onFirst) return { ...combined, networks: withDefaultRoute(combined.networks, flags, lib) }
  const [head = { network: lib.DEFAULT_NETWORK }, ...rest] = combined.networks
  const networks = [joinFirst(head, first, lib), ...rest]
  return { ...combined, networks: withDefaultRoute(networks, flags, lib) }
}

/** What `--ip`, `--ip6`, `--mac` and `--mtu` say of the first network. */
function firstNetworkOf(flags: Flags, lib: VerbLib): Omit<EndpointRequest, 'network'> {
  const ip = textFlag(flags, 'ip')
  const ip6 = textFlag(flags, 'ip6')
  const mac = textFlag(flags, 'mac')
  const mtu = textFlag(flags, 'mtu')
  const addresses = [
    ...(ip === undefined ? [] : [lib.readUnicast(ip, '--ip', 4)]),
    ...(ip6 === undefined ? [] : [lib.readUnicast(ip6, '--ip6', 6)]),
  ]
  return {
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(mac === undefined ? {} : { mac: lib.readMac(mac, '--mac') }),
    ...(mtu === undefined ? {} : { mtuBytes: lib.readMtu(mtu, '--mtu') }),
  }
}

function joinFirst(
  spec: EndpointRequest,
  first: Omit<EndpointRequest, 'network'>,
  lib: VerbLib,
): EndpointRequest {
  const refuse = (field: string, value: unknown): never => {
    const message = `reading ${field}: --network ${spec.network} has one already`
    throw lib.fail('TSNET_BAD_VALUE', { field, value, message, hint: 'leave one of the two out' })
  }
  for (const address of first.addresses ?? []) {
    const six = address.includes(':')
    if (spec.addresses?.some((other) => other.includes(':') === six)) refuse(six ? '--ip6' : '--ip', address)
  }
  if (spec.mac !== undefined && first.mac !== undefined) refuse('--mac', first.mac)
  if (spec.mtuBytes !== undefined && first.mtuBytes !== undefined) refuse('--mtu', first.mtuBytes)
  const addresses = [...(spec.addresses ?? []), ...(first.addresses ?? [])]
  return { ...spec, ...first, ...(addresses.length === 0 ? {} : { addresses }) }
}

/** `--default-route` is a priority above all others. */
function withDefaultRoute(
  given: readonly EndpointRequest[],
  flags: Flags,
  lib: VerbLib,
): readonly EndpointRequest[] {
  const wanted = textFlag(flags, 'defaultRoute')
  if (wanted === undefined) return given
  const networks = given.length > 0 ? given : [{ network: lib.DEFAULT_NETWORK }]
  const name = wanted === 'bridge' || wanted === 'default' ? lib.DEFAULT_NETWORK : wanted
  const byName = networks.findIndex(({ network }) => network === name)
  const at = byName >= 0 ? byName : ifnamesOf(networks).indexOf(wanted)
  if (at < 0) {
    const joined = networks.map(({ network }) => network).join(', ')
    throw lib.fail('TSNET_BAD_VALUE', {
      field: '--default-route',
      value: wanted,
      message: `reading --default-route: "${wanted}" is none of the networks joined here`,
      hint: `joined are ${joined}`,
    })
  }
  const highest = Math.max(0, ...networks.map(({ gatewayPriority = 0 }) => gatewayPriority))
  return networks.map((endpoint, i) => (i === at ? { ...endpoint, gatewayPriority: highest + 1 } : endpoint))
}

/** What they are called in a namespace that has nothing but lo, as the engine numbers them. */
function ifnamesOf(networks: readonly EndpointRequest[]): readonly string[] {
  const asked = networks.map(({ ifname }) => ifname)
  let next = 0
  return networks.map(({ ifname }) => {
    if (ifname !== undefined) return ifname
    while (asked.includes(`eth${next}`)) next++
    return `eth${next++}`
  })
}

async function requestOfFile(
  path: string,
  flags: Flags,
  use: { readonly io: Io; readonly lib: VerbLib },
): Promise<SetupRequest> {
  const { lib } = use
  const other = Object.keys(flags).find((name) => !besideConfig.includes(name))
  if (other !== undefined) {
    const flag = `--${other.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    throw new UsageError(
      `--config holds the whole request, ${flag} cannot stand beside it`,
      `put it into ${path === '-' ? 'the document' : path}`,
    )
  }
  const document = lib.parseJson(await readRequest(path, use), path === '-' ? 'standard input' : path)
  const sandbox = sandboxOf(flags, lib)
  const complete = sandbox === undefined || !isObject(document) ? document : { ...document, sandbox }
  return lib.decodeSetupRequest(complete)
}

async function readRequest(path: string, use: { readonly io: Io; readonly lib: VerbLib }): Promise<string> {
  try {
    return await use.io.read(path)
  } catch (cause) {
    const isFolder = cause instanceof Error && 'code' in cause && cause.code === 'EISDIR'
    const reason = isFolder ? `${path} is a folder` : cause instanceof Error ? cause.message : String(cause)
    const message = `reading --config: ${reason}`
    throw use.lib.fail('TSNET_BAD_VALUE', {
      field: '--config',
      value: path,
      message,
      cause,
      hint: 'give a readable file, or -',
    })
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
