/**
 * The inside of an attachment, the same for all plugins that make an interface:
 * settings, addresses, up, routes; and the comparison that CHECK makes.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import {
  addressOf,
  type Cidr,
  familyOf,
  type Mac,
  macFromAddress,
  prefixLength,
  subnetOf,
} from '../../model/address.ts'
import { macFromNames as macFrom } from '../../model/names.ts'
import type { BatchStep, Step } from '../../plan/step.ts'
import { sysctl } from '../../plan/sysctl.ts'
import {
  type LinkDetail,
  linkNamed,
  type PartAddress,
  type PartFacts,
  type PartId,
  type PartRoute,
  type RouteDetail,
} from './part.ts'

/** Addresses and routes of the interface, as IPAM gave them. */
export interface Addressing {
  readonly addresses: readonly PartAddress[]
  readonly routes: readonly PartRoute[]
}

export { macFrom }

/** What plugins that make an interface have in common. */
export interface InterfaceOptions extends Addressing {
  /** Given by the runtime; absent: made up. */
  readonly mac?: Mac
  readonly mtu?: number
  /** From the previous result, for CHECK and DEL. */
  readonly expected?: Expected
}

/** What the result of ADD said. */
export interface Expected extends Addressing {
  readonly mac?: string
  readonly interfaces: readonly {
    readonly name: string
    readonly mac?: string
    readonly inSandbox: boolean
  }[]
}

export function ip(
  where: 'host' | 'sandbox',
  add: readonly string[],
  remove: readonly string[] = [],
): BatchStep {
  return { kind: 'batch', where, tool: 'ip', add, remove }
}

/** @throws TSNET_IFNAME_IN_USE (conflict) */
export function refuseTakenName(facts: PartFacts, ifname: string): void {
  const found = linkNamed(facts.sandbox, ifname)
  if (found === undefined) return
  throw fail('TSNET_IFNAME_IN_USE', {
    message: `container veth name provided (${ifname}) already exists: ${found.kind || 'an interface'} is there`,
    field: 'CNI_IFNAME',
    value: ifname,
    hint: 'another plugin has made it; DEL it first, or choose another name',
  })
}

/** A stable MAC: from the address, else from the attachment. */
export function chooseMac(id: PartId, options: InterfaceOptions): Mac {
  if (options.mac !== undefined) return options.mac
  const [first] = options.addresses
  if (first !== undefined) return macFromAddress(addressOf(first.cidr))
  return macFrom([id.network, id.container, id.ifname])
}

const hasFamily = ({ addresses }: Addressing, family: 4 | 6): boolean =>
  addresses.some(({ cidr }) => familyOf(cidr) === family)

/** Settings of the new interface, before its addresses. @param dad look for duplicates of IPv6 addresses */
export function insideSettings(ifname: string, addressing: Addressing, dad: boolean): readonly Step[] {
  return [
    ...(hasFamily(addressing, 4)
      ? [sysctl('sandbox', `net/ipv4/conf/${ifname}/arp_notify`, '1', { optional: true })]
      : []),
    ...(hasFamily(addressing, 6)
      ? [
          sysctl('sandbox', 'net/ipv6/conf/lo/disable_ipv6', '0', { keep: true }),
          sysctl('sandbox', `net/ipv6/conf/${ifname}/disable_ipv6`, '0'),
          sysctl('sandbox', `net/ipv6/conf/${ifname}/keep_addr_on_down`, '1', { optional: true }),
          sysctl('sandbox', `net/ipv6/conf/${ifname}/accept_dad`, dad ? '1' : '0'),
          ...(dad
            ? [sysctl('sandbox', `net/ipv6/conf/${ifname}/enhanced_dad`, '1', { optional: true })]
            : []),
        ]
      : []),
  ]
}

/** Addresses, up, routes: they go with the interface. */
export function insideLines(
  ifname: string,
  addressing: Addressing,
  options: { readonly dad?: boolean; readonly noPrefixRoute?: boolean } = {},
): readonly string[] {
  const flags = (cidr: Cidr): string =>
    `${familyOf(cidr) === 6 && options.dad !== true ? ' nodad' : ''}${options.noPrefixRoute === true ? ' noprefixroute' : ''}`
  return [
    ...addressing.addresses.map(
      ({ cidr }) => `address add ${cidr}${broadcast(cidr)} dev ${ifname}${flags(cidr)}`,
    ),
    `link set dev ${ifname} up`,
    ...routeLines(ifname, addressing),
  ]
}

function broadcast(cidr: Cidr): string {
  return familyOf(cidr) === 4 && prefixLength(cidr) <= 30 ? ' broadcast +' : ''
}

/** Same destination twice is allowed: the second is appended. */
export function routeLines(ifname: string, { addresses, routes }: Addressing): readonly string[] {
  return routes.map((route) => {
    const family = familyOf(route.to)
    const via =
      route.via ??
      addresses.find(({ cidr, gateway }) => gateway !== undefined && familyOf(cidr) === family)?.gateway
    const words = [
      ...(via === undefined || route.scope === 253 ? [] : ['via', via]),
      'dev',
      ifname,
      ...(route.metric === undefined ? [] : ['metric', route.metric]),
      ...(route.table === undefined ? [] : ['table', route.table]),
      ...(route.scope === undefined || family === 6 ? [] : ['scope', route.scope]),
      ...(route.mtu === undefined ? [] : ['mtu', route.mtu]),
      ...(route.advmss === undefined ? [] : ['advmss', route.advmss]),
    ]
    return `route append ${subnetOf(route.to)} ${words.join(' ')}`
  })
}

/** What CHECK finds wrong inside. */
export function insideFaults(
  facts: PartFacts,
  ifname: string,
  expected: Expected,
  kinds: readonly string[],
): readonly string[] {
  if (facts.sandbox === undefined) return ['the network namespace is gone']
  const link = linkNamed(facts.sandbox, ifname)
  if (link === undefined) return [`interface ${ifname} is missing in the container`]
  return [
    ...(kinds.length === 0 || kinds.includes(link.kind)
      ? []
      : [`interface ${ifname} is no ${kinds.join(' or ')} but ${link.kind || 'a device'}`]),
    ...(expected.mac === undefined || expected.mac === link.mac
      ? []
      : [`interface ${ifname} has the MAC ${link.mac}, not ${expected.mac}`]),
    ...expected.addresses
      .filter(({ cidr }) => !link.addresses.includes(cidr))
      .map(({ cidr }) => `address ${cidr} is missing on ${ifname}`),
    ...expected.routes
      .filter((route) => !hasRoute(facts.sandboxRoutes, ifname, route))
      .map(({ to, via }) => `route ${to}${via === undefined ? '' : ` via ${via}`} is missing`),
  ]
}

/** A default route is matched by its destination only: a later plugin may have given it another gateway. */
function hasRoute(routes: readonly RouteDetail[], ifname: string, { to, via }: PartRoute): boolean {
  const subnet = subnetOf(to)
  return routes.some(
    (route) =>
      subnetOf(route.to) === subnet &&
      (prefixLength(to) === 0 ||
        (route.dev === ifname && (via === undefined || route.via === undefined || route.via === via))),
  )
}

/** The link of a CNI attachment another set made, if it is that one: its MAC is what the result said. */
export function isExpectedLink(link: LinkDetail | undefined, expected: Expected | undefined): boolean {
  return link !== undefined && (expected?.mac === undefined || expected.mac === link.mac)
}
