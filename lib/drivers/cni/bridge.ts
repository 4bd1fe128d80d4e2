/**
 * The CNI plugin `bridge`: a bridge that stays, and a pair for each attachment.
 *
 * @module
 */

import { familyOf } from '../../model/address.ts'
import { shortHash } from '../../model/hash.ts'
import { endpointAlias } from '../../model/names.ts'
import type { Step } from '../../plan/step.ts'
import { bridgeFaults } from './bridgecheck.ts'
import {
  type BridgePartOptions,
  bridgeMac,
  bridgeTool,
  existingBridge,
  gatewaySteps,
  sharedSteps,
  vlanGateway,
} from './bridgehost.ts'
import {
  chooseMac,
  insideLines,
  insideSettings,
  ip,
  isExpectedLink,
  macFrom,
  refuseTakenName,
} from './interface.ts'
import {
  leftMasquerade,
  type MasqueradeBackend,
  masqueradeTable,
  namedContainers,
  planMasquerade,
  withoutIptables,
} from './masquerade.ts'
import {
  type LinkDetail,
  type Look,
  linkNamed,
  type PartFacts,
  type PartInput,
  type PartPlan,
  type PartPlanner,
} from './part.ts'
import { leftSpoofCheck, planSpoofCheck, spoofTable } from './spoofcheck.ts'

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
    ...settling(input.options),
    shared: input.options.isGateway
      ? gatewaySteps(input.options, input.facts, existingBridge(input.facts, input.options))
      : [],
    steps: [...insideSteps(input), ...masqueradeOf(input)],
  }),
  obstacle: ({ bridge: name, masquerade }, facts) => {
    const found = linkNamed(facts.host, name)
    if (found !== undefined && found.kind !== 'bridge')
      return { reason: `"${name}" already exists but is not a bridge`, cutsOff: false }
    return withoutIptables(masquerade, facts)
  },
  remove: (input) => [
    ...leftPair(input),
    ...leftMasquerade(input.id, input.facts),
    ...leftSpoofCheck(input.id, input.facts),
  ],
  seen: (network, facts) => namedContainers(facts, 'POSTROUTING', network),
  check: bridgeFaults,
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
    ...settling(options),
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

/** With `enabledad`, and where there is something to look for. */
function settling({ detectDuplicates, addresses }: BridgePartOptions): { readonly settle?: boolean } {
  return detectDuplicates && addresses.some(({ cidr }) => familyOf(cidr) === 6) ? { settle: true } : {}
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
