/**
 * What of the address space is taken on this host, and by what. Pure.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { boundsOf, familyOf, overlaps, prefixLength, type Subnet, subnetOf } from '../model/address.ts'
import type { HostFacts } from '../plan/facts.ts'

/** A prefix that something else uses. */
export interface Taken {
  readonly subnet: Subnet
  /** "route 10.0.0.0/8 via 192.0.2.1 dev tun0" */
  readonly what: string
}

/** A network that is defined here, with a bridge or without. */
export interface TakenNetwork {
  readonly network: string
  readonly subnet: Subnet
}

/**
 * Routes and addresses of the host, but for routes that mean "everything else":
 * full-tunnel VPNs halve the default route (decisions 12).
 *
 * @param facts addresses come with routes, but a link that is down has none
 */
export function takenByHost(facts: Pick<HostFacts, 'addresses' | 'routes'>): readonly Taken[] {
  const addresses = facts.addresses.map(({ dev, cidr }) => ({
    subnet: subnetOf(cidr),
    what: `address ${cidr} of ${dev}`,
  }))
  const routes = facts.routes
    .filter(({ to }) => !isDefaultLike(to))
    .map(({ to, via, dev }) => ({
      subnet: to,
      what: [
        'route',
        to,
        ...(via === undefined ? [] : ['via', via]),
        ...(dev === undefined ? [] : ['dev', dev]),
      ].join(' '),
    }))
  return [...addresses, ...routes]
}

/** 0.0.0.0/0 and its halves; ::/0, its halves and 2000::/3, all that is routed globally. */
function isDefaultLike(route: Subnet): boolean {
  return prefixLength(route) <= 1 || route === '2000::/3'
}

/**
 * @param options.except a bridge whose own address and route do not count: the network's
 * @throws TSNET_SUBNET_OVERLAP (conflict) names with what
 */
export function checkSubnet(
  subnet: Subnet,
  facts: Pick<HostFacts, 'addresses' | 'routes'>,
  networks: readonly TakenNetwork[],
  options: { readonly field?: string; readonly except?: string } = {},
): void {
  const { field = 'subnet', except } = options
  const others = {
    addresses: facts.addresses.filter(({ dev }) => dev !== except),
    routes: facts.routes.filter(({ dev }) => dev === undefined || dev !== except),
  }
  const taken = [
    ...networks.map((other) => ({
      subnet: other.subnet,
      what: `network ${other.network} (${other.subnet})`,
    })),
    ...takenByHost(others),
  ]
  const clash = taken.find((other) => overlaps(other.subnet, subnet))
  if (clash === undefined) return
  throw fail('TSNET_SUBNET_OVERLAP', {
    field,
    value: subnet,
    message: `checking subnet ${subnet}: it overlaps ${clash.what}`,
    hint: 'choose another subnet, or leave it out to have a free one chosen',
  })
}

/** Like `overlaps` against all of `taken`, with their bounds worked out once. */
export function freeOf(taken: readonly Subnet[]): (subnet: Subnet) => boolean {
  const blocks = taken.map((subnet) => ({ family: familyOf(subnet), ...boundsOf(subnet) }))
  return (subnet) => {
    const { first, last } = boundsOf(subnet)
    const family = familyOf(subnet)
    return !blocks.some((block) => block.family === family && block.first <= last && first <= block.last)
  }
}
