/**
 * `create` (netavark 2): a network as podman asks for it, checked, completed and
 * given back; podman keeps it. Nothing is made on the host.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { parseCidr, type Subnet, subnetOf } from '../../model/address.ts'
import type { Call } from './call.ts'
import { type CreateRequest, type Draft, decodeCreateRequest } from './createrequest.ts'
import { chooseSubnets } from './createsubnets.ts'
import { NetavarkError } from './errors.ts'
import { bridgeSettings, linkSettings } from './options.ts'
import { findPlugin, runPlugin } from './plugin.ts'
import type { Joining, Network, NetworkSubnet } from './request.ts'

const knownOptions: Readonly<Record<string, readonly string[]>> = {
  bridge: [
    ...['mtu', 'metric', 'no_default_route', 'vlan', 'isolate', 'vrf', 'mode'],
    ...['outbound_addr4', 'outbound_addr6'],
  ],
  macvlan: ['mtu', 'metric', 'no_default_route', 'mode', 'bclim'],
  ipvlan: ['mtu', 'metric', 'no_default_route', 'mode'],
}

const dockerOptions: Readonly<Record<string, string>> = {
  'com.docker.network.driver.mtu': 'mtu',
  'com.docker.network.bridge.name': '',
}

export async function create(call: Call): Promise<string> {
  const request = decodeCreateRequest(call.input())
  checkName(request)
  const base = { ...request.raw, ...identity(request) }
  const { driver } = request.draft
  if (knownOptions[driver] !== undefined) return print({ ...base, ...builtIn(request) })
  const path = findPlugin(driver, call.line.pluginFolders)
  if (path === undefined) throw new NetavarkError(`unsupported driver ${driver}: invalid argument`)
  const engine = await call.engine()
  const made = (await runPlugin(path, ['create'], base, { engine, call })) as typeof base | undefined
  for (const key of ['name', 'id', 'driver'] as const) {
    if (made?.[key] === base[key]) continue
    throw new NetavarkError(`invalid plugin result: changed network ${key}`)
  }
  return print(made)
}

const print = (network: unknown): string => `${JSON.stringify(network)}\n`

function checkName({ draft: { name }, usedNames }: CreateRequest): void {
  if (name !== '' && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    throw new NetavarkError(
      `network name ${name} invalid: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument`,
    )
  }
  if (usedNames.has(name))
    throw new NetavarkError(`network name ${name} already used: network already exists`)
}

function identity(request: CreateRequest): Readonly<Record<'name' | 'id' | 'driver' | 'created', unknown>> {
  const { name, id, driver } = request.draft
  return {
    name: name || freeInterface(request),
    id: /^[0-9a-f]{64}$/.test(id) ? id : randomBytes(32).toString('hex'),
    driver,
    created: request.raw['created'] || new Date().toISOString(),
  }
}

/** The rest of a network of one of our own drivers. */
function builtIn(request: CreateRequest): Readonly<Record<string, unknown>> {
  const { draft } = request
  const { options, bridge } = translated(draft)
  checkOptions(draft, options)
  const network = checkedWith(draft, options)
  const isBridge = draft.driver === 'bridge'
  const settings = isBridge ? bridgeSettings(network, noWishes, 2) : undefined
  const shared = settings !== undefined && (settings.unmanaged || settings.vlan !== undefined)
  const ipam = ipamOf(draft, settings?.unmanaged === true)
  const named = isBridge && draft.dnsEnabled && ipam !== 'none'
  const ipv6 = draft.ipv6Enabled || draft.subnets.some(({ subnet }) => subnet.includes(':'))
  const subnets =
    ipam === 'host-local'
      ? chooseSubnets({ request, host: hostSubnets(), shared, gateways: !draft.internal || named }, ipv6)
      : []
  checkRoutes(draft)
  return {
    network_interface: isBridge ? interfaceOf(request, bridge, shared) : draft.networkInterface || undefined,
    ...(ipam === 'host-local' ? { subnets: subnets.map(encodeSubnet) } : { subnets: undefined }),
    ipv6_enabled: ipv6,
    internal: draft.internal,
    dns_enabled: named,
    options: options.size === 0 ? undefined : Object.fromEntries(options),
    ipam_options: { ...((request.raw['ipam_options'] ?? {}) as object), driver: ipam },
  }
}

/** Docker's names of options mean ours. */
function translated({ options, networkInterface }: Draft): {
  readonly options: ReadonlyMap<string, string>
  readonly bridge: string
} {
  const own = new Map<string, string>()
  for (const [key, value] of options) {
    const known = dockerOptions[key]
    if (known !== '') own.set(known ?? key, value)
  }
  return { options: own, bridge: options.get('com.docker.network.bridge.name') || networkInterface }
}

function checkOptions({ driver }: Draft, options: ReadonlyMap<string, string>): void {
  const unknown = [...options.keys()].find((key) => !knownOptions[driver]?.includes(key))
  if (unknown !== undefined) throw new NetavarkError(`unsupported ${driver} network option ${unknown}`)
}

const noWishes: Joining = {
  name: '',
  ifname: '',
  staticIps: undefined,
  staticMac: undefined,
  aliases: [],
  options: new Map(),
}

/** Enough of a network for the readers of options. */
function checkedWith(draft: Draft, options: ReadonlyMap<string, string>): Network {
  const network = { ...draft, options, networkDnsServers: [], labels: new Map(), created: undefined }
  const { driver } = draft
  if (driver === 'macvlan' || driver === 'ipvlan') linkSettings(network, driver)
  return network
}

function ipamOf({ driver, ipamDriver, subnets }: Draft, unmanaged: boolean): string {
  const asked = ipamDriver || (driver === 'macvlan' && subnets.length === 0 ? 'dhcp' : 'host-local')
  if (asked !== 'host-local' && asked !== 'dhcp' && asked !== 'none') {
    throw new NetavarkError(`unsupported ipam driver "${asked}"`)
  }
  if (asked === 'host-local') {
    if (driver === 'ipvlan' && subnets.length === 0) {
      throw new NetavarkError(
        'ipam driver dhcp is not supported with ipvlan: give a subnet, or ipam driver none',
      )
    }
    return asked
  }
  if (subnets.length > 0) throw new NetavarkError(`${asked} ipam driver is set but subnets are given`)
  if (asked === 'dhcp' && (driver === 'ipvlan' || (driver === 'bridge' && !unmanaged))) {
    throw new NetavarkError(`ipam driver dhcp is not supported with ${driver}`)
  }
  return asked
}

function checkRoutes({ routes }: Draft): void {
  for (const { destination, gateway, type } of routes) {
    if (!['unicast', 'blackhole', 'unreachable', 'prohibit'].includes(type)) {
      throw new NetavarkError(`invalid route type "${type}"`)
    }
    if (type === 'unicast' && gateway === undefined) {
      throw new NetavarkError(`route to ${destination} has no gateway`)
    }
    if (type !== 'unicast' && gateway !== undefined) {
      throw new NetavarkError(`${type} route to ${destination} must not have a gateway`)
    }
  }
}

function interfaceOf(request: CreateRequest, asked: string, shared: boolean): string {
  if (asked === '') return freeInterface(request)
  if (asked.length > 15 || /[/:\s]/.test(asked)) {
    throw new NetavarkError(`invalid bridge name ${asked}: at most 15 characters, no "/", ":" or space`)
  }
  if (!shared && request.usedInterfaces.includes(asked)) {
    throw new NetavarkError(`bridge name ${asked} already in use`)
  }
  return asked
}

function freeInterface({ usedInterfaces, interfacePrefix }: CreateRequest): string {
  const taken = new Set([...usedInterfaces, ...Object.keys(networkInterfaces())])
  for (let number = 0; ; number++) {
    if (!taken.has(`${interfacePrefix}${number}`)) return `${interfacePrefix}${number}`
  }
}

function hostSubnets(): readonly Subnet[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).flatMap(({ cidr }) => {
      const parsed = parseCidr(cidr ?? '')
      return parsed === undefined ? [] : [subnetOf(parsed)]
    }),
  )
}

function encodeSubnet({ subnet, gateway, leaseRange }: NetworkSubnet): Readonly<Record<string, unknown>> {
  return {
    subnet,
    gateway,
    lease_range:
      leaseRange === undefined ? undefined : { start_ip: leaseRange.startIp, end_ip: leaseRange.endIp },
  }
}
