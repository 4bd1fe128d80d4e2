/**
 * By which of its networks a running container publishes ports, and the rules
 * that do it: what `publish.ts` and `unpublish.ts` have in common.
 *
 * @module
 */

import { type PublishInput, planPublish } from '../../drivers/publish.ts'
import { fail } from '../../errors/codes.ts'
import type { Attachment, ContainerNetwork } from '../../model/attachment.ts'
import type { NetworkConfig } from '../../model/network.ts'
import type { PortBinding, PortMapping } from '../../model/portmapping.ts'
import type { OwnedStep } from '../../state/records.ts'
import { lower } from '../attach/apply.ts'
import type { EngineContext } from '../context.ts'
import { type EndRequestRecord, endOf } from '../endpoint/endrecords.ts'
import type { Anchor } from './change.ts'

/** Published ports lead to the network with the IPv4 default route, else the IPv6 one, else the first with a way out. */
export function publisherOf(attachments: readonly Attachment[]): Attachment | undefined {
  return (
    attachments.find(({ defaultRoute }) => defaultRoute.includes(4)) ??
    attachments.find(({ defaultRoute }) => defaultRoute.includes(6)) ??
    attachments.find(({ gateways }) => gateways.length > 0)
  )
}

export function requirePublisher(
  context: EngineContext,
  { container, attachments }: ContainerNetwork,
  mappings: readonly PortMapping[],
): Attachment & { readonly config: NetworkConfig } {
  const publisher = publisherOf(attachments)
  const config = publisher === undefined ? undefined : context.networks.get(publisher.network)
  if (publisher !== undefined && config !== undefined) return { ...publisher, config }
  const name = container.name ?? container.id
  throw fail('TSNET_MODE_MISMATCH', {
    message:
      publisher === undefined
        ? `publishing ports of ${name}: it is on no network with a way in`
        : `publishing ports of ${name}: network ${publisher.network} was made by single CNI plugins, which publish by portmap`,
    field: 'publish',
    value: mappings[0]?.containerPort,
    hint:
      publisher === undefined
        ? `"tsnet network connect NETWORK ${name}" first`
        : 'add the port to the capability arguments of its engine',
  })
}

/** By what its rules are marked, and where they lead. */
export type Endpoint = Pick<PublishInput, 'container' | 'ifname' | 'cidrs' | 'backend'>

/** Ports that dockerd has published are marked by the endpoint, which had no container then; its address is in the record beside. */
export function endpointOf(
  context: EngineContext,
  { record, result }: Anchor,
  { ifname, addresses, firewall }: Attachment,
): Endpoint {
  const { end, ports } = record.request as Partial<EndRequestRecord>
  if (end === undefined || ports === undefined)
    return { container: result.container, ifname, cidrs: addresses, backend: firewall }
  const cidrs = endOf(context, end.id)?.attachment.addresses ?? []
  return { container: { id: end.id }, ifname: end.peer, cidrs, backend: firewall }
}

export function stepsFor(
  endpoint: Endpoint,
  config: NetworkConfig,
  bindings: readonly PortBinding[],
): readonly OwnedStep[] {
  const steps = planPublish({ ...endpoint, config, bindings })
  return lower(steps, endpoint.backend).map((step) => ({ of: endpoint.ifname, step }))
}

/** The mapping names that binding; what it leaves out fits everything. */
export function isMeant(mapping: PortMapping, binding: PortBinding): boolean {
  return (
    mapping.containerPort === binding.containerPort &&
    mapping.count === binding.count &&
    mapping.protocol === binding.protocol &&
    (mapping.hostPort === undefined || mapping.hostPort === binding.hostPort) &&
    (mapping.hostAddress === undefined || mapping.hostAddress === binding.hostAddress)
  )
}
