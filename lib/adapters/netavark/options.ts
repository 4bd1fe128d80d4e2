/**
 * Values of a network's options, which netavark keeps as text, read in its words.
 *
 * @module
 */

import { type Address, familyOf, parseAddress } from '../../model/address.ts'
import type { FirewallBackend } from '../../model/attachment.ts'
import { HIGHEST_CONNTRACK_LIMIT } from '../../model/network.ts'
import { NetavarkError } from './errors.ts'
import type { Joining, Network } from './request.ts'

/** 2: networks come as an array. */
export type Generation = 1 | 2

/** `firewalld`: rules of ours, and the subnets in its zone `trusted`. */
export type FirewallDriver = FirewallBackend | 'firewalld'

export type Isolation = 'false' | 'true' | 'strict'

export interface BridgeSettings {
  readonly mtu: number | undefined
  readonly isolate: Isolation
  readonly protect: boolean
  /** Connections each container may begin at a time. */
  readonly conntrackLimit: number | undefined
  readonly metric: number | undefined
  readonly noDefaultRoute: boolean
  readonly vlan: number | undefined
  readonly vrf: string | undefined
  readonly unmanaged: boolean
  readonly outbound: readonly Address[]
  readonly hostIfname: string | undefined
}

function parseNumber(name: string, text: string, most: number): number {
  const why =
    text === ''
      ? 'cannot parse integer from empty string'
      : !/^\+?\d+$/.test(text)
        ? 'invalid digit found in string'
        : Number(text) > most
          ? 'number too large to fit in target type'
          : undefined
  if (why !== undefined) throw new NetavarkError(`unable to parse "${name}": ${why}`)
  return Number(text)
}

function numberOption({ options }: Network, name: string, most = 4_294_967_295): number | undefined {
  const text = options.get(name)
  return text === undefined ? undefined : parseNumber(name, text, most)
}

function booleanOption({ options }: Network, name: string): boolean {
  const text = options.get(name)
  if (text === undefined || text === 'false') return false
  if (text === 'true') return true
  throw new NetavarkError(`unable to parse "${name}": provided string was not \`true\` or \`false\``)
}

function isolation({ options }: Network, generation: Generation): Isolation {
  const text = options.get('isolate')
  if (text === undefined) return generation === 2 ? 'strict' : 'false'
  if (text === 'strict' || text === 'true' || text === 'false') return text
  throw new NetavarkError(
    generation === 2
      ? `invalid isolate option "${text}"`
      : 'unable to parse "isolate": provided string was not `true` or `false`',
  )
}

/** A label too: podman 4 and 5 refuse options they do not know. */
function protection({ options, labels }: Network): boolean {
  const text = options.get('protect') ?? labels.get('net.tsnet.protect') ?? 'none'
  if (text === 'strict' || text === 'none') return text === 'strict'
  throw new NetavarkError(`unable to parse "protect": provided string was not \`strict\` or \`none\``)
}

function connections({ options, labels }: Network): number | undefined {
  const option = options.get('conntrack_limit')
  const label = 'net.tsnet.conntrack-limit'
  const text = option ?? labels.get(label)
  if (text === undefined) return undefined
  const most = /^\+?\d+$/.test(text) ? Number(text) : 0
  if (most >= 1 && most <= HIGHEST_CONNTRACK_LIMIT) return most
  const name = option === undefined ? label : 'conntrack_limit'
  throw new NetavarkError(
    `unable to parse "${name}": ${JSON.stringify(text)} is no number of connections, use 1 to ${HIGHEST_CONNTRACK_LIMIT}`,
  )
}

function addressOption({ options }: Network, name: string, family: 4 | 6): readonly Address[] {
  const text = options.get(name)
  if (text === undefined) return []
  const address = parseAddress(text)
  if (address === undefined || familyOf(address) !== family) {
    throw new NetavarkError(`unable to parse "${name}": invalid IPv${family} address syntax`)
  }
  return [address]
}

/** @throws NetavarkError for values of the wrong kind */
export function bridgeSettings(network: Network, joining: Joining, generation: Generation): BridgeSettings {
  const mode = network.options.get('mode') ?? ''
  if (mode !== '' && mode !== 'managed' && mode !== 'unmanaged') {
    throw new NetavarkError(`invalid bridge mode "${mode}"`)
  }
  const vlan = numberOption(network, 'vlan', 65_535)
  if (vlan !== undefined && vlan > 4094) {
    throw new NetavarkError('vlan must be between 0 and 4094')
  }
  return {
    mtu: numberOption(network, 'mtu') || undefined,
    isolate: isolation(network, generation),
    protect: protection(network),
    conntrackLimit: connections(network),
    metric: numberOption(network, 'metric'),
    noDefaultRoute: booleanOption(network, 'no_default_route'),
    vlan: vlan || undefined,
    vrf: network.options.get('vrf') || undefined,
    unmanaged: mode === 'unmanaged',
    outbound: [
      ...addressOption(network, 'outbound_addr4', 4),
      ...addressOption(network, 'outbound_addr6', 6),
    ],
    hostIfname: joining.options.get('host_interface_name') || undefined,
  }
}

const modes = {
  macvlan: ['bridge', 'private', 'vepa', 'passthru', 'source'],
  ipvlan: ['l2', 'l3', 'l3s'],
} as const

export interface LinkSettings {
  readonly mode: string
  readonly mtu: number | undefined
  readonly metric: number | undefined
  readonly noDefaultRoute: boolean
}

/** Of macvlan and ipvlan. @throws NetavarkError for values of the wrong kind */
export function linkSettings(network: Network, driver: 'macvlan' | 'ipvlan'): LinkSettings {
  const mode = network.options.get('mode') || modes[driver][0]
  if (!(modes[driver] as readonly string[]).includes(mode)) {
    throw new NetavarkError(`invalid ${driver} mode "${mode}"`)
  }
  const limit = driver === 'macvlan' ? numberOption(network, 'bclim') : undefined
  return {
    // As `ip link` takes it behind `mode`.
    mode: limit === undefined ? mode : `${mode} bclim ${limit}`,
    mtu: numberOption(network, 'mtu') || undefined,
    metric: numberOption(network, 'metric'),
    noDefaultRoute: booleanOption(network, 'no_default_route'),
  }
}

/** Option, then environment; absent: what tsnet uses here. @throws NetavarkError */
export function firewallDriver(
  option: string | undefined,
  env: string | undefined,
): FirewallDriver | undefined {
  const asked = option ?? env
  if (asked === undefined || asked === '') return undefined
  const name = asked.toLowerCase()
  if (name === 'iptables' || name === 'nftables' || name === 'none' || name === 'firewalld') return name
  throw new NetavarkError(`Must provide a valid firewall backend, got ${asked}`)
}
