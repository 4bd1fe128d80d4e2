/**
 * Names of containers: from records to what the name server is told, and what
 * the container's resolver is told of it.
 *
 * @module
 */

import type { Contents } from '../../dns/control.ts'
import { resolverFile } from '../../dns/resolvfile.ts'
import { keyOf } from '../../dns/wire.ts'
import type { ZoneContainer, ZoneNetwork, ZoneService } from '../../dns/zone-contents.ts'
import { fail } from '../../errors/codes.ts'
import { type Address, addressOf, familyOf, subnetOf } from '../../model/address.ts'
import type { AttachmentNames, ContainerNetwork, SetupRequest } from '../../model/attachment.ts'
import { DEFAULT_NETWORK } from '../../model/names.ts'
import type { NetworkConfig } from '../../model/network.ts'
import type { ContainerRecord } from '../../state/records.ts'
import type { EngineContext } from '../context.ts'

/** Docker's length; people paste it from `docker ps`. */
const SHORT_ID = 12
/** Resolvers look at no more (MAXNS in resolv.h). */
const MAX_SERVERS = 3
/** Of a published range, so that `-p 1-65535` does not fill the zone. */
const MAX_SERVICES = 64

/** Whether containers of that network have names. Networks that come with a request (CNI) leave them to their engine. */
export function hasNames(context: EngineContext, config: NetworkConfig): boolean {
  if (context.names === undefined || config.driver !== 'bridge') return false
  return config.options.dns ?? (!config.ephemeral || config.name === DEFAULT_NETWORK)
}

/**
 * The result with our servers in it, where a network has names. Servers that
 * were asked for are what ours ask then.
 *
 * @throws TSNET_BAD_VALUE (invalid) for a container name no name server can carry
 */
export function withNameServers(
  context: EngineContext,
  request: SetupRequest,
  configs: ReadonlyMap<string, NetworkConfig>,
  result: ContainerNetwork,
): ContainerNetwork {
  const named = result.attachments.filter(({ network }) => {
    const config = configs.get(network)
    return config !== undefined && hasNames(context, config)
  })
  if (named.length === 0) return result
  refuseUnspeakable(result)
  const { servers = [], search = [], options = [] } = request.resolver
  const { says } = resolverFile({
    mode: 'bridge',
    asked: { servers, search, options },
    own: gatewaysOf(named, configs),
    closed: false,
    host: context.kernel.hostText('/etc/resolv.conf') ?? '',
    behindStub: '',
  })
  const forwarders = servers.length === 0 ? {} : { forwarders: servers }
  return { ...result, resolver: { ...result.resolver, ...says, ...forwarders } }
}

/** The network of the default route first, IPv4 first. Internal networks have a gateway too: it only leads nowhere. */
function gatewaysOf(
  attachments: ContainerNetwork['attachments'],
  configs: ReadonlyMap<string, NetworkConfig>,
): readonly Address[] {
  const order = [...attachments].sort((a, b) => b.defaultRoute.length - a.defaultRoute.length)
  const gateways = order.flatMap(
    ({ network }) => configs.get(network)?.subnets.map((one) => one.gateway) ?? [],
  )
  const of = (family: 4 | 6): readonly Address[] => gateways.filter((gateway) => familyOf(gateway) === family)
  return [...of(4), ...of(6)].slice(0, MAX_SERVERS)
}

function refuseUnspeakable({ container, attachments }: ContainerNetwork): void {
  const claims = [
    ['container.name', container.name],
    ['container.hostname', container.hostname],
    ...attachments.flatMap(({ aliases }) => aliases.map((alias) => ['networks.aliases', alias] as const)),
  ] as const
  refuseUnspeakableNames(claims)
}

/** @throws TSNET_BAD_VALUE (invalid) */
export function refuseUnspeakableNames(
  claims: readonly (readonly [field: string, name: string | undefined])[],
): void {
  for (const [field, name] of claims) {
    if (name === undefined || keyOf(name) !== undefined) continue
    throw fail('TSNET_BAD_VALUE', {
      message: `naming the container "${name}": no name server can carry it, a part between dots has 1 to 63 characters and the whole at most 253`,
      field,
      value: name,
      hint: 'choose a shorter name, or a network without names (-o dns=false)',
    })
  }
}

/**
 * Makes the names of a container answer. Nothing to do where its networks have none.
 *
 * @returns the mark of the server that was told
 */
export async function publishNames(
  context: EngineContext,
  record: ContainerRecord,
): Promise<string | undefined> {
  const part = partOf(context, record)
  if (context.names === undefined || part === undefined) return undefined
  return context.names.put(part.container, part.networks, () => contentsOf(context))
}

/**
 * After the commit: a server that was started since it was told has read the records without this one. The container is
 * up by now, so a server that cannot be told is left to the next command.
 */
export async function confirmNames(
  context: EngineContext,
  record: ContainerRecord,
  told: string | undefined,
): Promise<void> {
  if (told === undefined || context.names?.mark() === told) return
  await publishNames(context, record).catch(() => undefined)
}

/** What is answered for a container is what this record says from now on, also where that is nothing. */
export async function restateNames(context: EngineContext, record: ContainerRecord): Promise<void> {
  if (partOf(context, record) === undefined) await context.names?.drop(record.id, () => contentsOf(context))
  else await publishNames(context, record)
}

/** Harmless where it has none. */
export async function withdrawNames(context: EngineContext, record: ContainerRecord): Promise<void> {
  // Without a result: killed before it had one, or told by its traces.
  if (record.result === undefined || record.result.attachments.length > 0 || record.zone !== undefined)
    await context.names?.drop(record.id, () => contentsOf(context))
}

/** Everything the records say. */
export function contentsOf(context: EngineContext): Contents {
  const parts = context.containers.keys().flatMap((key) => {
    const record = context.containers.get(key)
    return (record === undefined ? undefined : partOf(context, record)) ?? []
  })
  const networks = new Map(parts.flatMap((part) => part.networks.map((network) => [network.name, network])))
  return {
    networks: [...networks.values()],
    containers: parts.map(({ container }) => container),
    routes: context.nameRoutes?.usable() ?? [],
  }
}

interface Part {
  readonly container: ZoneContainer
  readonly networks: readonly ZoneNetwork[]
}

/** Undefined for containers without names. */
function partOf(context: EngineContext, record: ContainerRecord): Part | undefined {
  const { id, result, request, zone } = record
  if (zone !== undefined) return partOfZone(record, zone)
  const attachments = (result?.attachments ?? []).flatMap((attachment) => {
    const config = context.networks.get(attachment.network)
    return config !== undefined && hasNames(context, config) ? [{ attachment, config }] : []
  })
  if (result === undefined || attachments.length === 0) return undefined
  const { container } = result
  const names = [container.name, container.hostname, container.id.slice(0, SHORT_ID)]
  const forwarders = request.resolver.servers ?? []
  const services = servicesOf(result)
  return {
    container: {
      id,
      ...groupOf(record),
      names: [...new Set(names.filter((name) => name !== undefined))],
      endpoints: attachments.map(({ attachment: { network, addresses, aliases } }) => ({
        network,
        addresses: addresses.map(addressOf),
        aliases,
      })),
      ...(forwarders.length === 0 ? {} : { forwarders }),
      ...(services.length === 0 ? {} : { services }),
    },
    networks: attachments.map(({ config }) => zoneNetwork(config)),
  }
}

/** Its networks may be in several records: it sees all of them. */
function groupOf({ id, container }: ContainerRecord): Pick<ZoneContainer, 'group'> {
  return id === container ? {} : { group: container }
}

function partOfZone(record: ContainerRecord, zone: AttachmentNames): Part {
  const { network, listen, port, cidrs, names, aliases, domain, forwarders, servers } = zone
  return {
    container: {
      id: record.id,
      ...groupOf(record),
      names,
      endpoints: [{ network, addresses: cidrs.map(addressOf), aliases }],
      ...(servers.length === 0 ? {} : { forwarders: servers }),
    },
    networks: [
      {
        name: network,
        listen,
        subnets: cidrs.map(subnetOf),
        internal: false,
        ...(domain === undefined ? {} : { domain }),
        ...(forwarders.length === 0 ? {} : { forwarders }),
        ...(port === undefined ? {} : { port }),
      },
    ],
  }
}

function zoneNetwork({ name, internal, subnets, options }: NetworkConfig): ZoneNetwork {
  const { domain, forwarders, dnsPort, protect } = options
  return {
    name,
    listen: subnets.map(({ gateway }) => gateway),
    subnets: subnets.map(({ subnet }) => subnet),
    internal,
    ...(protect === undefined ? {} : { protect: true }),
    ...(domain === undefined ? {} : { domain }),
    ...(forwarders === undefined ? {} : { forwarders }),
    ...(dnsPort === undefined ? {} : { port: dnsPort }),
  }
}

function servicesOf({ attachments }: ContainerNetwork): readonly ZoneService[] {
  return attachments
    .flatMap(({ ports }) =>
      ports.flatMap(({ containerPort, count, protocol }) =>
        Array.from({ length: Math.min(count, MAX_SERVICES) }, (_, i) => ({
          port: containerPort + i,
          protocol,
        })),
      ),
    )
    .slice(0, MAX_SERVICES)
}
