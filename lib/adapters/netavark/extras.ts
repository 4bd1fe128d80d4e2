/**
 * What of a network the engine's attachments and the links of macvlan, ipvlan and
 * DHCP do not have, as a part of its own; and the part that takes back what
 * Debian's netavark has made.
 *
 * @module
 */

import type { PartId, PartOptions, PartType } from '../../engine/plugins.ts'
import type { Attachment } from '../../model/attachment.ts'
import { staticAddresses } from './addresses.ts'
import type { Attaching } from './call.ts'
import type { BridgeSettings } from './options.ts'
import type { Network } from './request.ts'

type Wanted = Pick<BridgeSettings, 'vlan' | 'vrf' | 'unmanaged'>

export function hasExtras(network: Network, { vlan, vrf }: Wanted): boolean {
  return vlan !== undefined || vrf !== undefined || network.routes.some(({ type }) => type !== 'unicast')
}

export async function addExtras(
  attaching: Attaching,
  settings: BridgeSettings,
  { hostIfname }: Attachment,
): Promise<void> {
  const { engine, call } = attaching
  const options = { ...partOptions(attaching, settings), hostIfname }
  await engine.parts.add({ type: 'netavark', id: partId(attaching), options, netns: call.line.arg })
}

/** Takes back extras of ours; where there are none, whatever the other netavark has made of this attachment. */
export async function removeExtras(attaching: Attaching, settings: Wanted): Promise<void> {
  const { engine, call } = attaching
  const options = partOptions(attaching, settings)
  await engine.parts.remove({ type: 'netavark', id: partId(attaching), options, netns: call.line.arg })
}

/** Of a link that is the administrator's on the host. */
const routesAlone: Wanted = { vlan: undefined, vrf: undefined, unmanaged: true }

/** Routes that lead nowhere, for a link that takes but the others. */
export async function addRoutes(attaching: Attaching): Promise<void> {
  const { call, engine, network } = attaching
  if (!hasExtras(network, routesAlone)) return
  const options = partOptions(attaching, routesAlone)
  await engine.parts.add({ type: 'netavark', id: partId(attaching), options, netns: call.line.arg })
}

/** Ours alone: the rules of the other netavark are those of the container's bridge networks. */
export async function removeRoutes(attaching: Attaching): Promise<void> {
  if (!hasExtras(attaching.network, routesAlone)) return
  if (await hasPart(attaching, 'netavark', partOptions(attaching, routesAlone)))
    await removeExtras(attaching, routesAlone)
}

/** Whether this attachment has a part of ours. */
export async function hasPart<T extends PartType>(
  attaching: Attaching,
  type: T,
  options: PartOptions[T],
): Promise<boolean> {
  const id = partId(attaching)
  const own = await attaching.engine.parts.list(type, id.network, options)
  return own.some(({ container, ifname }) => container === id.container && ifname === id.ifname)
}

export function partId({ options, network, joining }: Attaching): PartId {
  return { network: network.name, container: options.containerId, ifname: joining.ifname }
}

function partOptions(attaching: Attaching, settings: Wanted): PartOptions['netavark'] {
  const { network } = attaching
  const { vlan, vrf, unmanaged } = settings
  return {
    bridge: network.networkInterface ?? '',
    ...(vlan === undefined ? {} : { vlan }),
    ...(vrf === undefined ? {} : { vrf }),
    routes: network.routes
      .filter(({ type }) => type !== 'unicast')
      .map(({ type, destination, metric = 100 }) => ({ type, to: destination, metric })),
    seen: {
      subnets: network.subnets.map(({ subnet }) => subnet),
      gateways: network.subnets.flatMap(({ gateway }) => gateway ?? []),
      cidrs: staticAddresses(attaching),
      networkId: network.id,
      unmanaged,
    },
  }
}
