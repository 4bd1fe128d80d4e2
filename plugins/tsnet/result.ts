/**
 * What the engine has made, as a result of the protocol.
 *
 * @module
 */

import type { CniIp, CniResult, Request } from '../../lib/adapters/cni/index.ts'
import type { Attachment, ContainerNetwork } from '../../lib/index.ts'

/** @param leased what a foreign IPAM plugin gave */
export function resultOf(
  { call, conf }: Request,
  made: ContainerNetwork,
  attachment: Attachment,
  leased: CniResult | undefined,
): CniResult {
  const { dns } = conf
  const { bridge, hostIfname, ifname, mac, mtuBytes: mtu, addresses, gateways, defaultRoute } = attachment
  const gatewayOf = (address: string) => gateways.find((one) => one.includes(':') === address.includes(':'))
  const ips = addresses.map((address): CniIp => {
    const gateway = leased?.ips.find((ip) => ip.address === address)?.gateway ?? gatewayOf(address)
    return { address, interface: 2, ...(gateway === undefined ? {} : { gateway }) }
  })
  const own = defaultRoute.flatMap((family) => {
    const dst = (family === 4 ? '0.0.0.0/0' : '::/0') as CniResult['routes'][number]['dst']
    const gw = gateways.find((one) => one.includes(':') === (family === 6))
    return leased?.routes.some((route) => route.dst === dst)
      ? []
      : [{ dst, ...(gw === undefined ? {} : { gw }) }]
  })
  // One that some other network carries already has stayed there.
  const given = (leased?.routes ?? []).filter(
    ({ dst }) => !dst.endsWith('/0') || defaultRoute.includes(dst.includes(':') ? 6 : 4),
  )
  const named = conf.fields.boolean('names') === true
  const { servers, search } = made.resolver
  return {
    interfaces: [
      { name: bridge },
      { name: hostIfname, mtu },
      { name: ifname, mac, mtu, sandbox: call.netns },
    ],
    ips,
    routes: [...given, ...own],
    dns:
      Object.keys(dns).length > 0
        ? dns
        : named
          ? { nameservers: servers, ...(search.length === 0 ? {} : { search }) }
          : (leased?.dns ?? {}),
  }
}
