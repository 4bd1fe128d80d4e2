/**
 * `create` (netavark 2): a network as podman asks for it, checked, completed and
 * given back; podman keeps it. Nothing is made on the host.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { familyOf, parseCidr, type Subnet, subnetOf } from '../../model/address.ts'
import { checkRoutes } from './addresses.ts'
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
    ...['outbound_addr4', 'outbound_addr6', 'protect', 'conntrack_limit'],
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
  if (path === undefined) {
    throw new NetavarkError(
      call.line.pluginFolders.length === 0
        ? 'plugin directory not provided'
        : `plugin for driver "${driver}" not found in plugin directories`,
    )
  }
  const engine = await call.engine()
  const made = (await runPlugin(path, ['create'], base, { engine, call })) as typeof base | undefined
  for (const key of ['name', 'id', 'driver'] as const) {
    if (made?.[key] === base[key]) continue
    throw new NetavarkError(`invalid plugin result: changed network ${key}`)
  }
  return print(made)
}

const print = (network: unknown): string => `${JSON.stringify(network)}\n`

function checkName({ draft: { name, id }, usedNames }: CreateRequest): void {
  if (name !== '' && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    throw new NetavarkError(
      `Invalid characters in network name ${JSON.stringify(name)}: must match [a-zA-Z0-9][a-zA-Z0-9_.-]*`,
    )
  }
  if (usedNames.has(name)) throw new NetavarkError(`network already exists ${name}`)
  if (id !== '' && !/^[0-9a-fA-F]{64}$/.test(id)) {
    throw new NetavarkError(`Network id must be a hexadecimal string ${JSON.stringify(id)}`)
  }
}

function identity(request: CreateRequest): Readonly<Record<'name' | 'id' | 'driver' | 'created', unknown>> {
  const { name, id, driver } = request.draft
  return {
    name: name || freeInterface(request),
    id: id || randomBytes(32).toString('hex'),
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
  const shared = settings === undefined || settings.unmanaged || settings.vlan !== undefined
  const ipam = ipamOf(draft, settings?.unmanaged === true)
  const named = isBridge && draft.dnsEnabled && ipam !== 'none'
  const fresh6 = isBridge && draft.ipv6Enabled
  const subnets =
    ipam === 'host-local'
      ? chooseSubnets({ request, host: hostSubnets(), shared, gateways: !draft.internal || named }, fresh6)
      : []
  checkRoutes(draft.routes)
  checkDestinations(request)
  if (draft.hasDnsServers && !named) {
    throw new NetavarkError('cannot set NetworkDNSServers if DNS is not enabled for the network')
  }
  return {
    network_interface: isBridge ? interfaceOf(request, bridge, shared) : parentOf(draft),
    ...(ipam === 'host-local' ? { subnets: subnets.map(encodeSubnet) } : { subnets: undefined }),
    ipv6_enabled: draft.ipv6Enabled || subnets.some(({ subnet }) => familyOf(subnet) === 6),
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
  if (unknown === undefined) return
  const what =
    driver === 'ipvlan' && unknown === 'bclim'
      ? 'ipvlan network option'
      : `${driver === 'bridge' ? 'bridge' : 'vlan'} network option:`
  throw new NetavarkError(`unsupported ${what} ${unknown}`)
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
  const asked = ipamDriver || (driver !== 'bridge' && subnets.length === 0 ? 'dhcp' : 'host-local')
  if (asked === 'none' && subnets.length > 0) {
    throw new NetavarkError('None ipam driver is set but subnets are given')
  }
  if (asked === 'host-local' && driver !== 'bridge' && subnets.length === 0) {
    throw new NetavarkError(
      `${driver} driver needs at least one subnet specified when the host-local ipam driver is set`,
    )
  }
  if (asked === 'dhcp') {
    if (driver === 'ipvlan') throw new NetavarkError('ipam driver dhcp is not supported with ipvlan')
    if (driver === 'bridge' && !unmanaged) {
      throw new NetavarkError('cannot use dhcp ipam driver without using the option mode=unmanaged')
    }
    if (subnets.length > 0) throw new NetavarkError('ipam driver dhcp set but subnets are set')
  }
  if (['host-local', 'dhcp', 'none'].includes(asked)) return asked
  throw new NetavarkError(`Unsupported ipam driver: ${asked}`)
}

/** Unlike podman's files: a destination with host bits is a slip of the pen here. */
function checkDestinations({ raw }: CreateRequest): void {
  const routes = (raw['routes'] ?? []) as readonly { readonly destination: string }[]
  const isNetwork = (text: string): boolean => {
    const cidr = parseCidr(text)
    return cidr !== undefined && subnetOf(cidr) === cidr
  }
  if (!routes.every(({ destination }) => isNetwork(destination))) {
    throw new NetavarkError('route destination invalid')
  }
}

/** Where it is given: as the kernel takes it, and as podman wants it. */
function checkInterface(name: string): void {
  if (name.length > 15) {
    throw new NetavarkError(
      `Interface name is too long: interface names must be 15 characters or less: ${name}`,
    )
  }
  if (name === '.' || name === '..') throw new NetavarkError('Interface name cannot be . or ..')
  const bad = /[/:\s]/.exec(name)?.[0]
  if (bad !== undefined) throw new NetavarkError(`Interface name cannot contain "${bad}"`)
}

function interfaceOf(request: CreateRequest, asked: string, shared: boolean): string {
  if (asked === '') return freeInterface(request)
  checkInterface(asked)
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(asked)) {
    throw new NetavarkError(`bridge name ${asked} is invalid`)
  }
  if (!shared && request.usedInterfaces.includes(asked)) {
    throw new NetavarkError(`bridge name ${asked} already in use`)
  }
  return asked
}

/** Of macvlan and ipvlan; empty is that of the default route, when a container comes. */
function parentOf({ networkInterface }: Draft): string | undefined {
  if (networkInterface === '') return undefined
  checkInterface(networkInterface)
  if (linkNames().has(networkInterface)) return networkInterface
  throw new NetavarkError(`parent interface ${networkInterface} does not exist`)
}

function freeInterface({ usedInterfaces, usedNames, interfacePrefix }: CreateRequest): string {
  const taken = new Set([...usedInterfaces, ...usedNames.keys(), ...linkNames()])
  for (let number = 1; ; number++) {
    if (!taken.has(`${interfacePrefix}${number}`)) return `${interfacePrefix}${number}`
  }
}

/** Also of links that are down, which have no place in networkInterfaces(). */
const linkNames = (): ReadonlySet<string> => new Set(readdirSync('/sys/class/net'))

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
