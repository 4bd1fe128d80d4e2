/**
 * Drivers `macvlan` and `ipvlan`: one link of the parent's in the container, no
 * packet rules, no names.
 *
 * @module
 */

import type { PartOptions } from '../../engine/plugins.ts'
import { isTsnetError } from '../../errors/codes.ts'
import { type Cidr, familyOf } from '../../model/address.ts'
import {
  checkRoutes,
  checkSubnets,
  firstGateways,
  gatewayOf,
  staticAddresses,
  staticMac,
} from './addresses.ts'
import type { Attaching } from './call.ts'
import { NetavarkError } from './errors.ts'
import { addRoutes, partId, removeRoutes } from './extras.ts'
import { setupLeased, teardownLeased } from './leased.ts'
import { linkSettings } from './options.ts'
import type { Made } from './status.ts'
import { allOf, takeBack } from './wayback.ts'

export type LinkDriver = 'macvlan' | 'ipvlan'

/** Before anything is touched. @throws NetavarkError */
export function checkLink(
  wish: Pick<Attaching, 'network' | 'joining' | 'options'>,
  driver: LinkDriver,
): void {
  const { network } = wish
  linkSettings(network, driver)
  staticAddresses(wish)
  checkSubnets(network.subnets)
  checkRoutes(network.routes)
  if (driver === 'ipvlan' && network.ipamDriver === 'dhcp') {
    throw new NetavarkError('ipam driver dhcp is not supported with ipvlan')
  }
  if (driver === 'macvlan') staticMac(wish)
}

export async function setupLink(attaching: Attaching, driver: LinkDriver): Promise<Made> {
  const { call, engine, network, joining } = attaching
  const options = optionsOf(attaching, driver)
  if (driver === 'macvlan' && network.ipamDriver === 'dhcp') {
    return setupLeased(attaching, driver, options).catch((error: unknown) => {
      throw inItsWords(error, attaching)
    })
  }
  const cidrs = options.addresses.map(({ cidr }) => cidr)
  try {
    const [made] = await engine.parts.add({
      type: driver,
      id: partId(attaching),
      options,
      netns: call.line.arg,
      shown: {
        network: network.name,
        driver: 'bridge',
        ifname: joining.ifname,
        addresses: cidrs,
        gateways: firstGateways(network),
        aliases: [],
        defaultRoute: options.routes.filter(({ to }) => to.endsWith('/0')).map(({ to }) => familyOf(to)),
        ports: [],
        firewall: 'none',
      },
    })
    await addRoutes(attaching).catch(async (error: unknown) => {
      await takeBack(call, () => removeLink(attaching, driver, options))
      throw error
    })
    return { ifname: joining.ifname, mac: made?.mac ?? '', cidrs, nameServers: undefined }
  } catch (error) {
    throw inItsWords(error, attaching)
  }
}

/** Also of what Debian's netavark has made: the link is found by its kind. */
export async function teardownLink(attaching: Attaching, driver: LinkDriver): Promise<void> {
  const options = optionsOf(attaching, driver)
  if (driver === 'macvlan' && attaching.network.ipamDriver === 'dhcp') {
    return teardownLeased(attaching, driver, options)
  }
  await allOf(
    () => removeRoutes(attaching),
    () => removeLink(attaching, driver, options),
  )
}

function removeLink(attaching: Attaching, type: LinkDriver, options: PartOptions[LinkDriver]): Promise<void> {
  const { call, engine } = attaching
  return engine.parts.remove({ type, id: partId(attaching), options, netns: call.line.arg })
}

function optionsOf(attaching: Attaching, driver: LinkDriver): PartOptions[LinkDriver] {
  const { network } = attaching
  const { mode, mtu, metric, noDefaultRoute } = linkSettings(network, driver)
  const mac = driver === 'macvlan' ? staticMac(attaching) : undefined
  const cidrs = staticAddresses(attaching)
  const hasFamily = (other: Cidr): boolean => cidrs.some((cidr) => familyOf(cidr) === familyOf(other))
  const defaults = noDefaultRoute ? [] : firstGateways(network)
  const everything = (via: string): Cidr => (via.includes(':') ? '::/0' : '0.0.0.0/0') as Cidr
  return {
    linkInContainer: false,
    mode,
    addresses: cidrs.map((cidr) => {
      const gateway = gatewayOf(network, cidr)
      return { cidr, ...(gateway === undefined ? {} : { gateway }) }
    }),
    routes: [
      ...defaults.map((via) => ({
        to: everything(via),
        via,
        metric: metric ?? (attaching.options.generation === 1 ? 100 : 99),
      })),
      ...network.routes
        .filter(({ type }) => type === 'unicast')
        .map(({ destination, gateway, metric: own = 100 }) => ({
          to: destination,
          ...(gateway === undefined ? {} : { via: gateway }),
          metric: own,
        })),
    ].filter(({ to }) => hasFamily(to)),
    ...(network.networkInterface ? { master: network.networkInterface } : {}),
    ...(mtu === undefined ? {} : { mtu }),
    ...(mac === undefined ? {} : { mac }),
  }
}

function inItsWords(error: unknown, { network, joining }: Attaching): unknown {
  if (isTsnetError(error, 'TSNET_ALREADY_ATTACHED') || isTsnetError(error, 'TSNET_IFNAME_IN_USE')) {
    return new NetavarkError(
      `interface ${joining.ifname} already exists on container namespace: Netlink error: File exists (os error 17)`,
    )
  }
  if (!isTsnetError(error, 'TSNET_BAD_VALUE') || error.field !== 'master') return error
  return network.networkInterface
    ? new NetavarkError('Netlink error: No such device (os error 19)')
    : new NetavarkError('failed to get default route interface')
}
