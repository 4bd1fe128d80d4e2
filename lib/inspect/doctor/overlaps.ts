/**
 * Examination of routes and addresses of others that take a part of a network.
 *
 * @module
 */

import { type Cidr, familyOf, overlaps, prefixLength, type Subnet } from '../../model/address.ts'
import { hostOf } from '../find.ts'
import type { NamespaceView, RouteView } from '../views.ts'
import type { Ailment } from './ailment.ts'
import type { Patient } from './patient.ts'
import { isGateway } from './presumed.ts'

/** Containers there are not reached, or answer elsewhere. */
export function overlapping({ networks, inventory }: Patient): readonly Ailment[] {
  const host = hostOf(inventory)
  if (host === undefined) return []
  return networks.flatMap(({ config, live }) =>
    config.subnets.flatMap(({ subnet }): readonly Ailment[] => {
      if (!live || !isGateway(config)) return []
      const { bridge } = config.options
      const taken = [...addressesIn(host, subnet, bridge), ...routesInto(host, subnet, bridge)]
      const [first] = taken
      if (first === undefined) return []
      return [
        {
          code: 'route-overlap',
          severity: 'error',
          subject: config.name,
          what: `somebody else has a part of ${subnet} of network ${config.name}: packets to its containers go there`,
          evidence: [...new Set(taken.map(({ seen }) => seen))],
          fix: `move one of them: tsnet network create with another --subnet, or ip ${first.without}`,
          safe: false,
        },
      ]
    }),
  )
}

/** What somebody else has of a network, and the words for ip(8) to be without it. */
interface Taken {
  readonly seen: string
  readonly without: string
}

function addressesIn({ interfaces }: NamespaceView, subnet: Subnet, bridge: string): readonly Taken[] {
  return interfaces
    .filter(({ name }) => name !== bridge && name !== 'lo')
    .flatMap(({ name, addresses }) =>
      addresses
        .filter((cidr) => takesPart(cidr, subnet))
        .map((cidr) => ({ seen: `address ${cidr} on ${name}`, without: `addr del ${cidr} dev ${name}` })),
    )
}

/**
 * Of equal prefixes of one table the smallest metric wins, so a route behind the bridge's own takes nothing. Another
 * table may be asked before main.
 */
function routesInto({ routes }: NamespaceView, subnet: Subnet, bridge: string): readonly Taken[] {
  const within = routes.filter(({ to }) => takesPart(to, subnet))
  const isWhole = ({ to }: RouteView): boolean => prefixLength(to) === prefixLength(subnet)
  const own = within.find((route) => route.dev === bridge && route.table === undefined && isWhole(route))
  const isBehind = (route: RouteView): boolean =>
    own !== undefined && route.table === undefined && isWhole(route) && route.metric > own.metric
  return within
    .filter(({ dev }) => dev !== bridge && dev !== 'lo')
    .filter((route) => !isBehind(route))
    .map((route) => ({ seen: `route ${routeWords(route)}`, without: `route del ${routeWords(route)}` }))
}

/** All that tells it from others to the same prefix: of several, `ip route del` takes the first. */
function routeWords({ to, via, dev, metric, table }: RouteView): string {
  return [
    to,
    ...(via === undefined ? [] : ['via', via]),
    ...(dev === undefined ? [] : ['dev', dev]),
    ...(metric === 0 ? [] : ['metric', metric]),
    ...(table === undefined ? [] : ['table', table]),
  ].join(' ')
}

/** As specific as the network or more: a less specific route (a default one, a VPN's 10/8) loses against the bridge's. */
function takesPart(other: Cidr, subnet: Subnet): boolean {
  return (
    familyOf(other) === familyOf(subnet) &&
    prefixLength(other) >= prefixLength(subnet) &&
    overlaps(other, subnet)
  )
}
