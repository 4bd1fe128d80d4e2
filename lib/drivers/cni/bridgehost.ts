/**
 * The bridge of the CNI plugin `bridge`, which its attachments share: made where
 * it is missing, with the gateway's address, and left there.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { type Cidr, familyOf, overlaps, prefixLength, subnetOf, withPrefix } from '../../model/address.ts'
import { shortHash } from '../../model/hash.ts'
import type { BatchStep, Step } from '../../plan/step.ts'
import { sysctl } from '../../plan/sysctl.ts'
import { type InterfaceOptions, ip, macFrom } from './interface.ts'
import type { MasqueradeBackend } from './masquerade.ts'
import { type LinkDetail, linkNamed, type PartFacts, type PartInput, type PartInterface } from './part.ts'

export interface VlanRange {
  readonly first: number
  readonly last: number
}

export interface BridgePartOptions extends InterfaceOptions {
  readonly bridge: string
  readonly isGateway: boolean
  readonly forceAddress: boolean
  readonly masquerade?: MasqueradeBackend
  readonly hairpin: boolean
  readonly promisc: boolean
  readonly vlan: number
  readonly vlanTrunk: readonly VlanRange[]
  readonly preserveDefaultVlan: boolean
  readonly macSpoofCheck: boolean
  readonly detectDuplicates: boolean
  /** The interface is left down and without addresses. */
  readonly disabled: boolean
  readonly isolated: boolean
}

type Input = PartInput<BridgePartOptions>

export function bridgeMac({ bridge }: BridgePartOptions): string {
  return macFrom(['bridge', bridge])
}

/** @throws TSNET_NAME_IN_USE (conflict) for a link that is no bridge */
export function existingBridge(
  facts: PartFacts,
  { bridge: name }: BridgePartOptions,
): LinkDetail | undefined {
  const found = linkNamed(facts.host, name)
  if (found === undefined || found.kind === 'bridge') return found
  throw fail('TSNET_NAME_IN_USE', {
    message: `"${name}" already exists but is not a bridge`,
    field: 'bridge',
    value: name,
    hint: 'choose another name',
  })
}

export function sharedSteps({ options, facts }: Input, bridge: LinkDetail | undefined): readonly Step[] {
  const { bridge: name } = options
  const filtering = options.vlan !== 0 || options.vlanTrunk.length > 0
  const made = [
    ...(bridge === undefined
      ? [
          `link add name ${name} address ${bridgeMac(options)}${options.mtu === undefined ? '' : ` mtu ${options.mtu}`} type bridge${filtering ? ' vlan_filtering 1' : ''}`,
        ]
      : []),
    ...(bridge !== undefined && filtering ? [`link set dev ${name} type bridge vlan_filtering 1`] : []),
    ...(options.promisc && bridge?.promisc !== true ? [`link set dev ${name} promisc on`] : []),
    ...(bridge?.up === true ? [] : [`link set dev ${name} up`]),
  ]
  return [
    ...(made.length === 0 ? [] : [ip('host', made, bridge === undefined ? [`link delete dev ${name}`] : [])]),
    ...(bridge === undefined
      ? [sysctl('host', `net/ipv6/conf/${name}/accept_ra`, '0', { optional: true, keep: true })]
      : []),
    ...(options.isGateway ? gatewaySteps(options, facts, bridge) : []),
  ]
}

export function gatewaySteps(
  options: BridgePartOptions,
  facts: PartFacts,
  bridge: LinkDetail | undefined,
): readonly Step[] {
  const vlanDev = `${options.bridge}.${options.vlan}`
  const dev = options.vlan === 0 ? options.bridge : vlanDev
  const has = options.vlan === 0 ? bridge : linkNamed(facts.host, vlanDev)
  const wanted = options.addresses.flatMap(({ cidr, gateway }) =>
    gateway === undefined ? [] : [withPrefix(gateway, prefixLength(cidr))],
  )
  const lines = [...new Set(wanted)].flatMap((cidr) => addressLines(dev, cidr, has?.addresses ?? [], options))
  const families = new Set(wanted.map(familyOf))
  const v6 = families.has(6) && has?.addresses.some((cidr) => familyOf(cidr) === 6) !== true
  return [
    ...(options.vlan !== 0 && has === undefined ? vlanPair(options, vlanDev) : []),
    ...(v6
      ? ['disable_ipv6', 'accept_dad'].map((key) =>
          sysctl('host', `net/ipv6/conf/${dev}/${key}`, '0', { keep: true }),
        )
      : []),
    ...(lines.length === 0 ? [] : [ip('host', lines)]),
    ...forwarding(families),
  ]
}

/** Written only where it is not so: /proc/sys may be read-only. */
export function forwarding(families: ReadonlySet<4 | 6>): readonly Step[] {
  return [
    ...(families.has(4) ? [sysctl('host', 'net/ipv4/ip_forward', '1', { keep: true })] : []),
    ...(families.has(6) ? [sysctl('host', 'net/ipv6/conf/all/forwarding', '1', { keep: true })] : []),
  ]
}

/** @throws TSNET_SUBNET_OVERLAP (conflict) where the bridge has another address and may not lose it */
function addressLines(
  dev: string,
  cidr: Cidr,
  has: readonly Cidr[],
  { forceAddress, bridge }: BridgePartOptions,
): readonly string[] {
  if (has.includes(cidr)) return []
  const family = familyOf(cidr)
  const others = has.filter(
    (other) =>
      familyOf(other) === family &&
      !other.startsWith('fe80:') &&
      (family === 4 || overlaps(subnetOf(other), subnetOf(cidr))),
  )
  if (others.length > 0 && !forceAddress) {
    throw fail('TSNET_SUBNET_OVERLAP', {
      message: `"${bridge}" already has an IP address different from ${cidr}: ${others.join(', ')}`,
      field: 'bridge',
      value: bridge,
      hint: 'use another bridge or subnet, or set forceAddress',
    })
  }
  return [
    ...others.map((other) => `address delete ${other} dev ${dev}`),
    `address add ${cidr}${family === 4 ? ' broadcast +' : ' nodad'} dev ${dev}`,
  ]
}

/** The gateway of a tagged network sits on the host end of a pair of its own. */
function vlanPair({ bridge, vlan }: BridgePartOptions, dev: string): readonly Step[] {
  const port = `veth${shortHash([bridge, String(vlan)], 8)}`
  return [
    ip(
      'host',
      [
        `link add name ${dev} type veth peer name ${port}`,
        `link set dev ${port} master ${bridge} up`,
        `link set dev ${dev} up`,
      ],
      [`link delete dev ${dev}`],
    ),
    bridgeTool([`vlan add dev ${port} vid ${vlan} pvid untagged`, `vlan delete dev ${port} vid 1`]),
  ]
}

export function vlanGateway({ bridge, vlan, isGateway }: BridgePartOptions): readonly PartInterface[] {
  return vlan === 0 || !isGateway ? [] : [{ name: `${bridge}.${vlan}`, inSandbox: false }]
}

export function bridgeTool(add: readonly string[]): BatchStep {
  return { kind: 'batch', where: 'host', tool: 'bridge', add, remove: [] }
}
