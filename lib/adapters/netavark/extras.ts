/**
 * What of a bridge network the engine's attachments do not have, as a part of
 * its own; and the part that takes back what Debian's netavark has made.
 *
 * @module
 */

import type { PartId, PartOptions } from '../../engine/plugins.ts'
import type { Attachment } from '../../model/attachment.ts'
import { staticAddresses } from './addresses.ts'
import type { Attaching } from './call.ts'
import type { BridgeSettings } from './options.ts'
import type { Network } from './request.ts'

export function hasExtras(network: Network, { vlan, vrf }: BridgeSettings): boolean {
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
export async function removeExtras(attaching: Attaching, settings: BridgeSettings): Promise<void> {
  const { engine, call } = attaching
  const options = partOptions(attaching, settings)
  await engine.parts.remove({ type: 'netavark', id: partId(attaching), options, netns: call.line.arg })
}

export function partId({ options, network, joining }: Attaching): PartId {
  return { network: network.name, container: options.containerId, ifname: joining.ifname }
}

function partOptions(attaching: Attaching, settings: BridgeSettings): PartOptions['netavark'] {
  const { network } = attaching
  const { vlan, vrf, unmanaged } = settings
  return {
    bridge: network.networkInterface as string,
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
