/**
 * An interface whose address is leased: made without one, then asked for over
 * it, then set up with what the server gave. macvlan, and bridges of somebody
 * else's, beyond which the server is.
 *
 * @module
 */

import type { Lease } from '../../engine/dhcp/control.ts'
import type { PartOptions } from '../../engine/plugins.ts'
import { addressOf, type Cidr } from '../../model/address.ts'
import { staticMac } from './addresses.ts'
import type { Attaching } from './call.ts'
import { addRoutes, partId, removeRoutes } from './extras.ts'
import { acquireLease, releaseLease } from './lease.ts'
import { bridgeSettings, linkSettings } from './options.ts'
import type { Made } from './status.ts'
import { allOf, takeBack } from './wayback.ts'

type LeasedType = 'macvlan' | 'bridge'

/** @param options those of the link, without addresses */
export async function setupLeased<T extends LeasedType>(
  attaching: Attaching,
  type: T,
  options: PartOptions[T],
): Promise<Made> {
  const { call, engine, network, joining } = attaching
  const id = partId(attaching)
  const netns = call.line.arg
  const shown = (cidrs: readonly Cidr[]) => ({
    ...{ network: network.name, driver: 'bridge' as const, ifname: joining.ifname, addresses: cidrs },
    ...{ gateways: [], aliases: [], defaultRoute: [], ports: [], firewall: 'none' as const },
  })
  const all = await engine.parts.add({ type, id, options, netns, shown: shown([]) })
  const made = all.find(({ inSandbox }) => inSandbox)
  try {
    const lease = await acquireLease(attaching)
    const cidrs = [lease.address]
    const addressed = {
      ...options,
      ...addressing(attaching, lease),
      ...(made?.mac === undefined ? {} : { mac: made.mac }),
    }
    await engine.parts.address({ type, id, options: addressed, netns, shown: shown(cidrs) })
    await addRoutes(attaching)
    return {
      ifname: joining.ifname,
      mac: made?.mac ?? '',
      cidrs,
      nameServers: undefined,
      servers: lease.nameServers,
      search: lease.domain === undefined ? lease.search : [lease.domain],
      ...(lease.gateway === undefined ? {} : { gateways: new Map([[lease.address, lease.gateway]]) }),
    }
  } catch (error) {
    await takeBack(
      call,
      () => releaseLease(attaching),
      () => engine.parts.remove({ type, id, options, netns }),
    )
    throw error
  }
}

/** The link goes even where the server cannot be told. */
export async function teardownLeased<T extends LeasedType>(
  attaching: Attaching,
  type: T,
  options: PartOptions[T],
): Promise<void> {
  const { call, engine } = attaching
  await allOf(
    () => releaseLease(attaching),
    () => removeRoutes(attaching),
    () => engine.parts.remove({ type, id: partId(attaching), options, netns: call.line.arg }),
  )
}

/** The address, a default route to the lease's router, and the network's own routes. */
function addressing(
  { network, joining, options }: Attaching,
  { address, gateway }: Lease,
): Pick<PartOptions['macvlan'], 'addresses' | 'routes'> {
  const isBridge = network.driver === 'bridge'
  const { metric = isBridge ? 100 : 99, noDefaultRoute } = isBridge
    ? bridgeSettings(network, joining, options.generation)
    : linkSettings(network, 'macvlan')
  const isWayOut = gateway !== undefined && !noDefaultRoute && !network.internal
  return {
    addresses: [{ cidr: address, ...(gateway === undefined ? {} : { gateway }) }],
    routes: [
      ...(isWayOut ? [{ to: '0.0.0.0/0' as Cidr, via: gateway, metric }] : []),
      ...network.routes
        .filter(({ type, destination }) => type === 'unicast' && addressOf(destination).includes('.'))
        .map(({ destination, gateway: via, metric: own = 100 }) => ({
          to: destination,
          ...(via === undefined ? {} : { via }),
          metric: own,
        })),
    ],
  }
}

/** A port of a bridge that stays as it is. */
export function portOptions(attaching: Attaching): PartOptions['bridge'] {
  const { network, joining, options } = attaching
  const { mtu, vlan = 0 } = bridgeSettings(network, joining, options.generation)
  const mac = staticMac(attaching)
  return {
    bridge: network.networkInterface as string,
    ...{ isGateway: false, forceAddress: false, hairpin: true, promisc: false, vlan, vlanTrunk: [] },
    ...{ preserveDefaultVlan: true, macSpoofCheck: false, detectDuplicates: false, disabled: false },
    ...{ isolated: false, addresses: [], routes: [] },
    ...(mtu === undefined ? {} : { mtu }),
    ...(mac === undefined ? {} : { mac }),
  }
}
