/**
 * The CNI plugin `bridge`: a bridge that stays, and a pair for each attachment.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import {
  addressOf,
  type Cidr,
  contains,
  familyOf,
  overlaps,
  prefixLength,
  subnetOf,
  withPrefix,
} from '../../model/address.ts'
import { shortHash } from '../../model/hash.ts'
import { endpointAlias } from '../../model/names.ts'
import type { BatchStep, Step } from '../../plan/step.ts'
import {
  chooseMac,
  type InterfaceOptions,
  insideFaults,
  insideLines,
  insideSettings,
  ip,
  isExpectedLink,
  macFrom,
  refuseTakenName,
  sysctl,
} from './interface.ts'
import {
  leftMasquerade,
  type MasqueradeBackend,
  masqueradeTable,
  missingMasquerade,
  namedContainers,
  planMasquerade,
} from './masquerade.ts'
import {
  hostPeer,
  type LinkDetail,
  type Look,
  linkNamed,
  type PartFacts,
  type PartInput,
  type PartInterface,
  type PartPlan,
  type PartPlanner,
} from './part.ts'
import { leftSpoofCheck, planSpoofCheck, spoofTable } from './spoofcheck.ts'

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

export const bridgePart: PartPlanner<BridgePartOptions> = {
  looks: (options, doing) => [
    { what: 'links' },
    { what: 'sandbox' },
    ...(doing === 'add'
      ? ([{ what: 'sysctls', keys: ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'] }] as const)
      : masqueradeLooks(options.masquerade, doing)),
    ...(doing !== 'add' && options.macSpoofCheck ? ([{ what: 'nft', table: spoofTable }] as const) : []),
  ],
  add: planAdd,
  address: (input) => ({
    shared: input.options.isGateway
      ? gatewaySteps(input.options, input.facts, existingBridge(input.facts, input.options))
      : [],
    steps: [...insideSteps(input), ...masqueradeOf(input)],
  }),
  remove: (input) => [
    ...leftPair(input),
    ...leftMasquerade(input.id, input.facts),
    ...leftSpoofCheck(input.id, input.facts),
  ],
  seen: (network, facts) => namedContainers(facts, 'POSTROUTING', network),
  check: faults,
}

/** Both backends are looked at on the way down: which one was used may have changed. */
export function masqueradeLooks(
  backend: MasqueradeBackend | undefined,
  doing: 'remove' | 'check',
): readonly Look[] {
  if (backend === undefined) return []
  return [
    ...(doing === 'remove' || backend === 'iptables'
      ? ([{ what: 'iptables', tables: ['nat'] }] as const)
      : []),
    ...(doing === 'remove' || backend === 'nftables'
      ? ([{ what: 'nft', table: masqueradeTable }] as const)
      : []),
  ]
}

/** `veth` and 8 digits, as the reference plugins call them; the same for the same attachment. */
export function vethName({ network, container, ifname }: Input['id'], salt = ''): string {
  return `veth${shortHash([network, container, ifname, salt], 8)}`
}

function planAdd(input: Input): PartPlan {
  const { id, options, facts } = input
  refuseTakenName(facts, id.ifname)
  const bridge = existingBridge(facts, options)
  const name = vethName(id)
  const mac = chooseMac(id, options)
  const hostMac = macFrom([name, 'host'])
  return {
    shared: sharedSteps(input, bridge),
    steps: [
      ...pairSteps(input, { name, mac, hostMac }),
      ...insideSteps(input),
      ...masqueradeOf(input),
      ...(options.macSpoofCheck ? [planSpoofCheck(id, name, mac)] : []),
    ],
    interfaces: [
      { name: options.bridge, mac: bridge?.mac ?? bridgeMac(options), inSandbox: false, ...mtuOf(bridge) },
      {
        name,
        mac: hostMac,
        inSandbox: false,
        ...mtuOf(options.mtu === undefined ? bridge : { mtuBytes: options.mtu }),
      },
      {
        name: id.ifname,
        mac,
        inSandbox: true,
        ...mtuOf(options.mtu === undefined ? bridge : { mtuBytes: options.mtu }),
      },
      ...vlanGateway(options),
    ],
  }
}

function masqueradeOf({ id, options: { masquerade, addresses } }: Input): readonly Step[] {
  if (masquerade === undefined) return []
  return planMasquerade(
    id,
    addresses.map(({ cidr }) => cidr),
    masquerade,
  )
}

const mtuOf = (link: { readonly mtuBytes: number } | undefined): { readonly mtu: number } => ({
  mtu: link?.mtuBytes ?? 1500,
})

function bridgeMac({ bridge }: BridgePartOptions): string {
  return macFrom(['bridge', bridge])
}

/** @throws TSNET_NAME_IN_USE (conflict) for a link that is no bridge */
function existingBridge(facts: PartFacts, { bridge: name }: BridgePartOptions): LinkDetail | undefined {
  const found = linkNamed(facts.host, name)
  if (found === undefined || found.kind === 'bridge') return found
  throw fail('TSNET_NAME_IN_USE', {
    message: `"${name}" already exists but is not a bridge`,
    field: 'bridge',
    value: name,
    hint: 'choose another name',
  })
}

function sharedSteps({ options, facts }: Input, bridge: LinkDetail | undefined): readonly Step[] {
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

function gatewaySteps(
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

function vlanGateway({ bridge, vlan, isGateway }: BridgePartOptions): readonly PartInterface[] {
  return vlan === 0 || !isGateway ? [] : [{ name: `${bridge}.${vlan}`, inSandbox: false }]
}

function bridgeTool(add: readonly string[]): BatchStep {
  return { kind: 'batch', where: 'host', tool: 'bridge', add, remove: [] }
}

function pairSteps(
  { id, options, facts }: Input,
  pair: { readonly name: string; readonly mac: string; readonly hostMac: string },
): readonly Step[] {
  const { name, mac, hostMac } = pair
  const mtu = options.mtu ?? linkNamed(facts.host, options.bridge)?.mtuBytes
  const size = mtu === undefined ? '' : ` mtu ${mtu}`
  const flags = [...(options.hairpin ? ['hairpin on'] : []), ...(options.isolated ? ['isolated on'] : [])]
  const vlans = [
    ...(options.vlan === 0 ? [] : [`vlan add dev ${name} vid ${options.vlan} pvid untagged`]),
    ...options.vlanTrunk.map(
      ({ first, last }) => `vlan add dev ${name} vid ${first}${last === first ? '' : `-${last}`}`,
    ),
    ...((options.vlan !== 0 || options.vlanTrunk.length > 0) &&
    !options.preserveDefaultVlan &&
    options.vlan !== 1
      ? [`vlan delete dev ${name} vid 1`]
      : []),
  ]
  const lines = [...(flags.length === 0 ? [] : [`link set dev ${name} ${flags.join(' ')}`]), ...vlans]
  return [
    ip(
      'host',
      [
        `link add name ${name} address ${hostMac}${size} type veth peer name ${id.ifname} address ${mac}${size} netns $NETNS`,
        `link set dev ${name} alias "${endpointAlias({ containerId: id.container, ifname: id.ifname })}"`,
        `link set dev ${name} master ${options.bridge} up`,
      ],
      [`link delete dev ${name}`],
    ),
    ...(lines.length === 0 ? [] : [bridgeTool(lines)]),
  ]
}

function insideSteps({ id: { ifname }, options }: Input): readonly Step[] {
  if (options.disabled) return []
  return [
    ...insideSettings(ifname, options, options.detectDuplicates),
    ip('sandbox', insideLines(ifname, options, { dad: options.detectDuplicates })),
  ]
}

function leftPair({ id, options, facts }: Input): readonly Step[] {
  const inside = linkNamed(facts.sandbox, id.ifname)
  const own = linkNamed(facts.host, vethName(id)) ?? namedHostEnd(options, facts)
  if (own !== undefined) return [ip('host', [], [`link delete dev ${own.name}`])]
  // The path may be another container's by now: only if it is the interface the result spoke of.
  if (inside?.kind !== 'veth' || !isExpectedLink(inside, options.expected)) return []
  return [ip('sandbox', [], [`link delete dev ${id.ifname}`])]
}

/** The host end that the result of ADD named: its MAC tells it from another of that name. */
function namedHostEnd({ expected }: BridgePartOptions, facts: PartFacts): LinkDetail | undefined {
  return facts.host.find(
    ({ name, mac, kind }) =>
      kind === 'veth' &&
      expected?.interfaces.some((one) => !one.inSandbox && one.name === name && one.mac === mac),
  )
}

function faults({ id, options, facts }: Input): readonly string[] {
  const { expected } = options
  if (expected === undefined) return []
  const bridge = linkNamed(facts.host, options.bridge)
  const named = expected.interfaces.find(({ name, inSandbox }) => !inSandbox && name === options.bridge)
  const inside = linkNamed(facts.sandbox, id.ifname)
  const peer = hostPeer(facts, inside)
  return [
    ...(bridge?.kind === 'bridge' ? [] : [`bridge ${options.bridge} is missing`]),
    ...(bridge !== undefined && named?.mac !== undefined && named.mac !== bridge.mac
      ? [`bridge ${options.bridge} has the MAC ${bridge.mac}, not ${named.mac}`]
      : []),
    ...(bridge !== undefined && options.promisc && !bridge.promisc
      ? [`bridge ${options.bridge} is not in promiscuous mode`]
      : []),
    ...insideFaults(
      facts,
      id.ifname,
      options.disabled ? { ...expected, addresses: [], routes: [] } : expected,
      ['veth'],
    ),
    ...(inside === undefined || peer?.master === options.bridge
      ? []
      : [`the host end of ${id.ifname} is no port of ${options.bridge}`]),
    ...gatewayFaults(options, bridge),
    ...(options.masquerade === undefined
      ? []
      : missingMasquerade(
          id,
          expected.addresses.map(({ cidr }) => cidr),
          facts,
          options.masquerade,
        )),
  ]
}

function gatewayFaults(
  { isGateway, vlan, expected }: BridgePartOptions,
  bridge: LinkDetail | undefined,
): readonly string[] {
  if (!isGateway || vlan !== 0 || bridge === undefined) return []
  return (expected?.addresses ?? [])
    .filter(({ cidr, gateway }) => gateway !== undefined && contains(subnetOf(cidr), gateway))
    .filter(({ gateway }) => !bridge.addresses.some((own) => addressOf(own) === gateway))
    .map(({ gateway }) => `gateway ${gateway} is missing on ${bridge.name}`)
}
