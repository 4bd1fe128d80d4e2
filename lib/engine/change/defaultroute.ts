/**
 * Which of a container's networks carries its default route when networks come
 * and go, and the steps that move it.
 *
 * @module
 */

import { type Family, familyOf, type Subnet } from '../../model/address.ts'
import type { Attachment, SetupRequest } from '../../model/attachment.ts'
import type { BatchStep, RouteStep } from '../../plan/step.ts'

/** Of an attachment, as it was asked for. */
export function priorityOf(request: SetupRequest, { network, ifname }: Attachment): number {
  return endpointOf(request, network, ifname)?.gatewayPriority ?? 0
}

function endpointOf(request: SetupRequest, network: string, ifname: string) {
  return request.networks.find(
    (endpoint) =>
      endpoint.network === network && (endpoint.ifname === undefined || endpoint.ifname === ifname),
  )
}

/** Who carries it next: the highest priority, of equals the first. */
export function nextCarrier(
  request: SetupRequest,
  attachments: readonly Attachment[],
  family: Family,
): Attachment | undefined {
  return attachments
    .filter(
      (attachment) =>
        defaultRouteOf(attachment, family) !== undefined &&
        endpointOf(request, attachment.network, attachment.ifname)?.defaultRoute !== false,
    )
    .reduce<Attachment | undefined>(
      (best, next) =>
        best === undefined || priorityOf(request, next) > priorityOf(request, best) ? next : best,
      undefined,
    )
}

/** The default route by that network; undefined where it leads nowhere. */
export function defaultRouteOf({ gateways, ifname }: Attachment, family: Family): RouteStep | undefined {
  const via = gateways.find((gateway) => familyOf(gateway) === family)
  if (via === undefined) return undefined
  const to = (family === 4 ? '0.0.0.0/0' : '::/0') as Subnet
  return { kind: 'route', where: 'sandbox', to, via, dev: ifname }
}

export function isDefault({ to }: RouteStep): boolean {
  return to === '0.0.0.0/0' || to === '::/0'
}

/** One replacing the other, so that there is no moment without one. */
export function moveDefault(to: RouteStep | undefined, from: RouteStep | undefined): BatchStep {
  const line = (route: RouteStep | undefined): readonly string[] =>
    route === undefined ? [] : [`route replace ${route.to} via ${route.via} dev ${route.dev}`]
  return { kind: 'batch', where: 'sandbox', tool: 'ip', add: line(to), remove: line(from) }
}
