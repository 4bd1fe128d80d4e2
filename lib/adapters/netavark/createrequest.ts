/**
 * What podman asks `create` for: an unfinished network, what is used already,
 * and where to take the rest from.
 *
 * @module
 */

import type { Subnet } from '../../model/address.ts'
import { within } from './errors.ts'
import { boolean, Fields, list, map, string, subnet, u32 } from './fields.ts'
import { type Document, type Node, parseDocument } from './json.ts'
import type { NetworkRoute, NetworkSubnet } from './request.ts'
import { networkRoute, networkSubnet } from './request.ts'

/** Fields may be missing or empty: they are made up then. */
export interface Draft {
  readonly name: string
  readonly id: string
  readonly driver: string
  readonly networkInterface: string
  readonly dnsEnabled: boolean
  readonly internal: boolean
  readonly ipv6Enabled: boolean
  readonly subnets: readonly NetworkSubnet[]
  readonly routes: readonly NetworkRoute[]
  readonly options: ReadonlyMap<string, string>
  /** Empty: to be chosen. */
  readonly ipamDriver: string
  /** Servers for names nobody here has. */
  readonly hasDnsServers: boolean
}

export interface Pool {
  readonly base: Subnet
  /** Prefix length of what is taken out of it. */
  readonly size: number
}

export interface CreateRequest {
  readonly draft: Draft
  /** As it came, with fields nobody knows here. */
  readonly raw: Readonly<Record<string, unknown>>
  readonly usedInterfaces: readonly string[]
  /** Names to ids. */
  readonly usedNames: ReadonlyMap<string, string>
  readonly usedSubnets: readonly Subnet[]
  readonly pools: readonly Pool[]
  readonly interfacePrefix: string
  readonly checkSubnets: boolean
}

/** @throws NetavarkError naming line and column */
export function decodeCreateRequest(text: string): CreateRequest {
  try {
    return decode(text)
  } catch (error) {
    throw within('failed to load network create', error)
  }
}

function decode(text: string): CreateRequest {
  const document = parseDocument(text)
  const fields = new Fields(document.root, document, 'struct NetworkCreateConfig')
  const draft = fields.required('network', draftOf)
  const nothing = parseDocument('{}').root
  const used = new Fields(fields.optional('used', asItIs) ?? nothing, document, 'struct Used')
  const options = new Fields(fields.optional('options', asItIs) ?? nothing, document, 'struct CreateOptions')
  return {
    draft,
    raw: (JSON.parse(text) as { readonly network: Record<string, unknown> }).network,
    usedInterfaces: used.optional('interfaces', list(string)) ?? [],
    usedNames: used.optional('names', map(string)) ?? new Map(),
    usedSubnets: used.optional('subnets', list(subnet)) ?? [],
    pools: options.optional('subnet_pools', list(poolOf)) ?? [],
    interfacePrefix: options.optional('default_interface_name', string) ?? 'podman',
    checkSubnets: options.optional('check_used_subnets', boolean) ?? true,
  }
}

const asItIs = (node: Node): Node => node

function poolOf(node: Node, document: Document): Pool {
  const fields = new Fields(node, document, 'struct SubnetPool')
  return { base: fields.required('base', subnet), size: fields.required('size', u32) }
}

function draftOf(node: Node, document: Document): Draft {
  const fields = new Fields(node, document, 'struct Network')
  const text = (name: string): string => fields.optional(name, string) ?? ''
  const flag = (name: string): boolean => fields.optional(name, boolean) ?? false
  return {
    name: text('name'),
    id: text('id'),
    driver: text('driver') || 'bridge',
    networkInterface: text('network_interface'),
    dnsEnabled: flag('dns_enabled'),
    internal: flag('internal'),
    ipv6Enabled: flag('ipv6_enabled'),
    subnets: fields.optional('subnets', list(networkSubnet)) ?? [],
    routes: fields.optional('routes', list(networkRoute)) ?? [],
    options: fields.optional('options', map(string)) ?? new Map(),
    ipamDriver: fields.optional('ipam_options', map(string))?.get('driver') ?? '',
    hasDnsServers: (fields.optional('network_dns_servers', list(string)) ?? []).length > 0,
  }
}
