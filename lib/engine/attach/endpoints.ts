/**
 * From a request to endpoints: which networks, which interface names, who
 * carries the default route and who publishes. Pure decisions on what was read.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { type Family, familyOf } from '../../model/address.ts'
import type { EndpointRequest, SetupRequest } from '../../model/attachment.ts'
import { DEFAULT_NETWORK } from '../../model/names.ts'
import type { NetworkConfig } from '../../model/network.ts'
import type { PortMapping } from '../../model/portmapping.ts'
import type { LinkFact } from '../../plan/facts.ts'
import { isDriven } from '../drivers.ts'

export interface WantedEndpoint {
  readonly request: EndpointRequest
  readonly config: NetworkConfig
  readonly ifname: string
  /** Families whose default route goes out here. */
  readonly defaultRoute: readonly Family[]
}

/** The networks a request names; none means the default one. */
export function wantedNetworks(request: SetupRequest): readonly EndpointRequest[] {
  if (request.mode !== 'bridge') return []
  return request.networks.length > 0 ? request.networks : [{ network: DEFAULT_NETWORK }]
}

/** @param carried families whose default route goes out elsewhere, and stays */
export function wantedEndpoints(
  endpoints: readonly EndpointRequest[],
  configs: ReadonlyMap<string, NetworkConfig>,
  links: readonly LinkFact[],
  carried: readonly Family[] = [],
): readonly WantedEndpoint[] {
  const taken = new Set(links.map((link) => link.name))
  const asked = new Set(endpoints.flatMap((endpoint) => endpoint.ifname ?? []))
  let next = 0
  const named = endpoints.map((request) => {
    const config = configs.get(request.network) as NetworkConfig
    if (request.ifname !== undefined && taken.has(request.ifname)) throw ifnameInUse(request.ifname, links)
    let ifname = request.ifname
    while (ifname === undefined) {
      const candidate = `eth${next++}`
      if (!asked.has(candidate) && !taken.has(candidate)) ifname = candidate
    }
    return { request, config, ifname }
  })
  const owners = new Map(([4, 6] as const).map((family) => [family, defaultRouteOwner(named, family)]))
  return named.map((endpoint) => ({
    ...endpoint,
    defaultRoute: ([4, 6] as const).filter(
      (family) => owners.get(family) === endpoint && !carried.includes(family),
    ),
  }))
}

function ifnameInUse(ifname: string, links: readonly LinkFact[]): Error {
  return fail('TSNET_IFNAME_IN_USE', {
    message: `naming the interface ${ifname}: the sandbox has one of that name already`,
    field: 'ifname',
    value: ifname,
    hint: `it has ${links.map((link) => link.name).join(', ')}; choose another with --network NAME:ifname=…`,
  })
}

/** Highest priority wins, then the order given; internal networks have no way out. */
function defaultRouteOwner<E extends { request: EndpointRequest; config: NetworkConfig }>(
  endpoints: readonly E[],
  family: Family,
): E | undefined {
  const priority = (endpoint: E): number => endpoint.request.gatewayPriority ?? 0
  return endpoints
    .filter(
      ({ config, request }) =>
        request.defaultRoute !== false &&
        !config.internal &&
        config.subnets.some(({ subnet }) => familyOf(subnet) === family),
    )
    .reduce<E | undefined>(
      (best, next) => (best === undefined || priority(next) > priority(best) ? next : best),
      undefined,
    )
}

/** What is to be published: `-p`, and with `-P` every exposed port at a chosen host port. */
export function wantedMappings(request: SetupRequest): readonly PortMapping[] {
  if (!request.publishAll) return request.publish
  const published = (port: number, protocol: string): boolean =>
    request.publish.some(
      (m) => m.protocol === protocol && port >= m.containerPort && port < m.containerPort + m.count,
    )
  const exposed = request.expose.flatMap(({ port, count, protocol }) =>
    Array.from({ length: count }, (_, i) => ({ containerPort: port + i, count: 1, protocol })),
  )
  return [...request.publish, ...exposed.filter((m) => !published(m.containerPort, m.protocol))]
}

function publishesNothing({ name, driver }: NetworkConfig, [first]: readonly PortMapping[]): Error {
  return fail('TSNET_MODE_MISMATCH', {
    message: `publishing ports: driver ${driver} of network ${name} publishes none`,
    field: 'publish',
    value: first?.containerPort,
    hint: 'its containers are reached at their own addresses: drop -p, or add a bridge network',
  })
}

/**
 * Published ports go to the endpoint with the IPv4 default route, else the IPv6 one.
 *
 * @throws TSNET_MODE_MISMATCH where no endpoint has a way in
 */
export function publishingEndpoint(
  endpoints: readonly WantedEndpoint[],
  mappings: readonly PortMapping[],
  request: SetupRequest,
): WantedEndpoint | undefined {
  if (mappings.length === 0) return undefined
  const open = endpoints.filter(({ config }) => !isDriven(config))
  const [only] = endpoints.length === 1 ? open : []
  const owner =
    open.find((e) => e.defaultRoute.includes(4)) ??
    open.find((e) => e.defaultRoute.includes(6)) ??
    (only?.config.internal === false ? only : undefined)
  if (owner !== undefined || request.ignorePublish) return owner
  const driven = endpoints.find(({ config }) => isDriven(config))?.config
  if (driven !== undefined) throw publishesNothing(driven, mappings)
  throw fail('TSNET_MODE_MISMATCH', {
    message:
      'publishing ports: every network of this container is internal, nothing can reach it from outside',
    field: 'publish',
    value: mappings[0]?.containerPort,
    hint: 'add a network that is not internal, or drop -p, or use --ignore-publish',
  })
}
