/**
 * What podman says for `setup` and `teardown`, and the network object that
 * `create` takes too. Both generations: networks as a map (netavark 1) and as an
 * array (netavark 2), which also says what a network is isolated from by default.
 *
 * @module
 */

import type { Address, Subnet } from '../../model/address.ts'
import { NetavarkError, within } from './errors.ts'
import { address, boolean, Fields, list, map, type Read, string, subnet, u16, u32 } from './fields.ts'
import { parseDocument } from './json.ts'

/** How one network shall be joined. */
export interface Joining {
  readonly name: string
  readonly ifname: string
  /** Absent is an error for ipam host-local only. */
  readonly staticIps: readonly Address[] | undefined
  /** As it was written. */
  readonly staticMac: string | undefined
  readonly aliases: readonly string[]
  readonly options: ReadonlyMap<string, string>
}

export interface NetworkSubnet {
  readonly subnet: Subnet
  readonly gateway: Address | undefined
  readonly leaseRange: { readonly startIp?: Address; readonly endIp?: Address } | undefined
}

export interface NetworkRoute {
  readonly destination: Subnet
  readonly gateway: Address | undefined
  readonly metric: number | undefined
  readonly type: string
}

/** A network as podman keeps it. */
export interface Network {
  readonly name: string
  readonly id: string
  readonly driver: string
  readonly networkInterface: string | undefined
  readonly dnsEnabled: boolean
  readonly internal: boolean
  readonly ipv6Enabled: boolean
  readonly subnets: readonly NetworkSubnet[]
  readonly routes: readonly NetworkRoute[]
  readonly networkDnsServers: readonly Address[]
  readonly options: ReadonlyMap<string, string>
  readonly ipamDriver: string
  readonly labels: ReadonlyMap<string, string>
  readonly created: string | undefined
}

export interface PortForward {
  readonly hostIp: string
  readonly containerPort: number
  readonly hostPort: number
  readonly protocol: string
  readonly range: number
}

export interface NetworkOptions {
  readonly containerId: string
  readonly containerName: string
  readonly containerHostname: string | undefined
  readonly networks: readonly Joining[]
  readonly networkInfo: ReadonlyMap<string, Network>
  readonly portMappings: readonly PortForward[]
  readonly dnsServers: readonly Address[] | undefined
  /** 2: networks came as an array. */
  readonly generation: 1 | 2
}

const joining =
  (name: string | undefined): Read<Joining> =>
  (node, document) => {
    const fields = new Fields(node, document, 'struct PerNetworkOptions')
    return {
      aliases: fields.optional('aliases', list(string)) ?? [],
      ifname: fields.required('interface_name', string),
      name: name ?? fields.required('name', string),
      staticIps: fields.optional('static_ips', list(address)),
      staticMac: fields.optional('static_mac', string),
      options: fields.optional('options', map(string)) ?? new Map(),
    }
  }

const networks: Read<Pick<NetworkOptions, 'networks' | 'generation'>> = (node, document) => {
  if (node.kind === 'array') return { networks: list(joining(undefined))(node, document), generation: 2 }
  if (node.kind !== 'object') map(string)(node, document)
  const fields = node.kind === 'object' ? [...node.fields] : []
  return { networks: fields.map(([name, one]) => joining(name)(one, document)), generation: 1 }
}

export const networkSubnet: Read<NetworkSubnet> = (node, document) => {
  const fields = new Fields(node, document, 'struct Subnet')
  return {
    gateway: fields.optional('gateway', address),
    leaseRange: fields.optional('lease_range', (range) => {
      const ends = new Fields(range, document, 'struct LeaseRange')
      const [startIp, endIp] = [ends.optional('start_ip', address), ends.optional('end_ip', address)]
      return { ...(startIp === undefined ? {} : { startIp }), ...(endIp === undefined ? {} : { endIp }) }
    }),
    subnet: fields.required('subnet', subnet),
  }
}

export const networkRoute: Read<NetworkRoute> = (node, document) => {
  const fields = new Fields(node, document, 'struct Route')
  return {
    gateway: fields.optional('gateway', address),
    destination: fields.required('destination', subnet),
    metric: fields.optional('metric', u32),
    type: fields.optional('route_type', string) || 'unicast',
  }
}

const network: Read<Network> = (node, document) => {
  const fields = new Fields(node, document, 'struct Network')
  return {
    created: fields.optional('created', string),
    dnsEnabled: fields.required('dns_enabled', boolean),
    driver: fields.required('driver', string),
    id: fields.required('id', string),
    internal: fields.required('internal', boolean),
    ipv6Enabled: fields.required('ipv6_enabled', boolean),
    name: fields.required('name', string),
    networkInterface: fields.optional('network_interface', string),
    options: fields.optional('options', map(string)) ?? new Map(),
    ipamDriver: fields.optional('ipam_options', map(string))?.get('driver') ?? 'host-local',
    subnets: fields.optional('subnets', list(networkSubnet)) ?? [],
    routes: fields.optional('routes', list(networkRoute)) ?? [],
    networkDnsServers: fields.optional('network_dns_servers', list(address)) ?? [],
    labels: fields.optional('labels', map(string)) ?? new Map(),
  }
}

const portForward: Read<PortForward> = (node, document) => {
  const fields = new Fields(node, document, 'struct PortMapping')
  return {
    containerPort: fields.required('container_port', u16),
    hostIp: fields.required('host_ip', string),
    hostPort: fields.required('host_port', u16),
    protocol: fields.required('protocol', string),
    range: fields.required('range', u16),
  }
}

/** @throws NetavarkError naming line and column */
export function decodeNetworkOptions(text: string): NetworkOptions {
  try {
    return decode(text)
  } catch (error) {
    throw within('failed to load network options', error)
  }
}

function decode(text: string): NetworkOptions {
  const document = parseDocument(text)
  const fields = new Fields(document.root, document, 'struct NetworkOptions')
  return {
    containerId: fields.required('container_id', string),
    containerName: fields.required('container_name', string),
    containerHostname: fields.optional('container_hostname', string),
    ...fields.required('networks', networks),
    networkInfo: fields.required('network_info', map(network)),
    portMappings: fields.optional('port_mappings', list(portForward)) ?? [],
    dnsServers: fields.optional('dns_servers', list(address)),
  }
}

/** @throws NetavarkError where it was not sent along */
export function networkOf({ networkInfo }: Pick<NetworkOptions, 'networkInfo'>, name: string): Network {
  const found = networkInfo.get(name)
  if (found === undefined) throw new NetavarkError(`network info for network ${name} not found`)
  return found
}
