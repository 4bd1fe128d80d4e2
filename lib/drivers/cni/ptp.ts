/**
 * The CNI plugin `ptp`: a pair without a bridge. The container reaches all of
 * its subnet by the host, which has a route for each address.
 *
 * @module
 */

import { addressOf, familyOf, subnetOf } from '../../model/address.ts'
import { endpointAlias } from '../../model/names.ts'
import type { Step } from '../../plan/step.ts'
import { sysctl } from '../../plan/sysctl.ts'
import { masqueradeLooks, vethName } from './bridge.ts'
import { forwarding } from './bridgehost.ts'
import { hostMask } from './chains.ts'
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
  routeLines,
} from './interface.ts'
import {
  leftMasquerade,
  type MasqueradeBackend,
  missingMasquerade,
  namedContainers,
  planMasquerade,
  withoutIptables,
} from './masquerade.ts'
import { linkNamed, type PartInput, type PartPlan, type PartPlanner } from './part.ts'

export interface PtpPartOptions extends InterfaceOptions {
  readonly masquerade?: MasqueradeBackend
}

type Input = PartInput<PtpPartOptions>

export const ptpPart: PartPlanner<PtpPartOptions> = {
  looks: ({ masquerade }, doing) => [
    { what: 'links' },
    { what: 'sandbox' },
    ...(doing === 'add' ? [] : masqueradeLooks(masquerade, doing)),
  ],
  add: planAdd,
  obstacle: ({ masquerade }, facts) => withoutIptables(masquerade, facts),
  remove: ({ id, options, facts }) => [...leftPair({ id, options, facts }), ...leftMasquerade(id, facts)],
  seen: (network, facts) => namedContainers(facts, 'POSTROUTING', network),
  check: ({ id, options, facts }) => {
    const { expected } = options
    if (expected === undefined) return []
    return [
      ...insideFaults(facts, id.ifname, expected, ['veth']),
      ...expected.addresses
        .filter(({ cidr }) => !facts.hostRoutes.some(({ to }) => to === hostMask(addressOf(cidr))))
        .map(({ cidr }) => `the host has no route to ${addressOf(cidr)}`),
      ...(options.masquerade === undefined
        ? []
        : missingMasquerade(
            id,
            expected.addresses.map(({ cidr }) => cidr),
            facts,
            options.masquerade,
          )),
    ]
  },
}

function planAdd({ id, options, facts }: Input): PartPlan {
  refuseTakenName(facts, id.ifname)
  const name = vethName(id)
  const mac = chooseMac(id, options)
  const hostMac = macFrom([name, 'host'])
  const families = new Set(options.addresses.map(({ cidr }) => familyOf(cidr)))
  const size = options.mtu === undefined ? '' : ` mtu ${options.mtu}`
  const mtu = options.mtu ?? 1500
  return {
    shared: forwarding(families),
    steps: [
      ip(
        'host',
        [
          `link add name ${name} address ${hostMac}${size} type veth peer name ${id.ifname} address ${mac}${size} netns $NETNS`,
          `link set dev ${name} alias "${endpointAlias({ containerId: id.container, ifname: id.ifname })}"`,
          `link set dev ${name} up`,
        ],
        [`link delete dev ${name}`],
      ),
      ...insideSettings(id.ifname, options, false),
      ip('sandbox', insideOf(id.ifname, options)),
      ...(families.has(6)
        ? [sysctl('host', `net/ipv6/conf/${name}/accept_dad`, '0', { optional: true })]
        : []),
      ip('host', hostLines(name, options)),
      ...masqueradeSteps(id, options),
    ],
    interfaces: [
      { name, mac: hostMac, mtu, inSandbox: false },
      { name: id.ifname, mac, mtu, inSandbox: true },
    ],
  }
}

function masqueradeSteps(id: Input['id'], { masquerade, addresses }: PtpPartOptions): readonly Step[] {
  return masquerade === undefined
    ? []
    : planMasquerade(
        id,
        addresses.map(({ cidr }) => cidr),
        masquerade,
      )
}

/** The connected route is replaced by one to the gateway and one to the subnet by it. */
function insideOf(ifname: string, options: PtpPartOptions): readonly string[] {
  const subnets = options.addresses.flatMap(({ cidr, gateway }) => {
    if (gateway === undefined) return []
    const v6 = familyOf(cidr) === 6
    return [
      `route add ${hostMask(gateway)} dev ${ifname}${!v6 ? ' scope link' : ''}`,
      `route add ${subnetOf(cidr)} via ${gateway} dev ${ifname}${!v6 ? ` src ${addressOf(cidr)}` : ''}`,
    ]
  })
  return [
    ...insideLines(ifname, { ...options, routes: [] }, { noPrefixRoute: true }),
    ...subnets,
    ...routeLines(ifname, options),
  ]
}

function hostLines(name: string, { addresses }: PtpPartOptions): readonly string[] {
  return addresses.flatMap(({ cidr, gateway }) => {
    const v6 = familyOf(cidr) === 6
    return [
      ...(gateway === undefined ? [] : [`address add ${hostMask(gateway)} dev ${name}${v6 ? ' nodad' : ''}`]),
      `route add ${hostMask(addressOf(cidr))} dev ${name}${v6 ? '' : ' scope host'}`,
    ]
  })
}

function leftPair({ id, options, facts }: Input): readonly Step[] {
  const own = linkNamed(facts.host, vethName(id))
  if (own !== undefined) return [ip('host', [], [`link delete dev ${own.name}`])]
  const inside = linkNamed(facts.sandbox, id.ifname)
  if (inside?.kind !== 'veth' || !isExpectedLink(inside, options.expected)) return []
  return [ip('sandbox', [], [`link delete dev ${id.ifname}`])]
}
