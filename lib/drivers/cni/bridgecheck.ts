/**
 * What CHECK of the CNI plugin `bridge` finds.
 *
 * @module
 */

import { addressOf, contains, subnetOf } from '../../model/address.ts'
import type { BridgePartOptions } from './bridgehost.ts'
import { insideFaults } from './interface.ts'
import { missingMasquerade } from './masquerade.ts'
import { hostPeer, type LinkDetail, linkNamed, type PartInput } from './part.ts'

export function bridgeFaults({ id, options, facts }: PartInput<BridgePartOptions>): readonly string[] {
  const { expected } = options
  if (expected === undefined) return []
  const bridge = linkNamed(facts.host, options.bridge)
  const named = expected.interfaces.find(({ name, inSandbox }) => !inSandbox && name === options.bridge)
  const inside = linkNamed(facts.sandbox, id.ifname)
  const peer = hostPeer(facts, inside)
  return [
    ...(bridge?.kind === 'bridge' ? [] : [`bridge ${options.bridge} is missing`]),
    ...(bridge !== undefined && named?.mac !== undefined && named.mac !== bridge.mac
      ? [`bridge ${options.bridge} has the MAC ${bridge.mac}, not ${named.mac}`]
      : []),
    ...(bridge !== undefined && options.promisc && !bridge.promisc
      ? [`bridge ${options.bridge} is not in promiscuous mode`]
      : []),
    ...insideFaults(
      facts,
      id.ifname,
      options.disabled ? { ...expected, addresses: [], routes: [] } : expected,
      ['veth'],
    ),
    ...(inside === undefined || peer?.master === options.bridge
      ? []
      : [`the host end of ${id.ifname} is no port of ${options.bridge}`]),
    ...gatewayFaults(options, bridge),
    ...(options.masquerade === undefined
      ? []
      : missingMasquerade(
          id,
          expected.addresses.map(({ cidr }) => cidr),
          facts,
          options.masquerade,
        )),
  ]
}

function gatewayFaults(
  { isGateway, vlan, expected }: BridgePartOptions,
  bridge: LinkDetail | undefined,
): readonly string[] {
  if (!isGateway || vlan !== 0 || bridge === undefined) return []
  return (expected?.addresses ?? [])
    .filter(({ cidr, gateway }) => gateway !== undefined && contains(subnetOf(cidr), gateway))
    .filter(({ gateway }) => !bridge.addresses.some((own) => addressOf(own) === gateway))
    .map(({ gateway }) => `gateway ${gateway} is missing on ${bridge.name}`)
}
