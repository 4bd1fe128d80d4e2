/**
 * The answer of `setup`: for each network what podman shows in `inspect` and
 * writes into resolv.conf.
 *
 * @module
 */

import type { Address, Cidr } from '../../model/address.ts'
import { gatewayOf } from './addresses.ts'
import type { Network } from './request.ts'

export interface StatusBlock {
  readonly dns_search_domains?: readonly string[]
  readonly dns_server_ips?: readonly string[]
  readonly interfaces?: Readonly<
    Record<
      string,
      {
        readonly mac_address: string
        readonly subnets: readonly { readonly gateway: string | null; readonly ipnet: string }[]
      }
    >
  >
}

export const searchDomain = 'dns.podman'
/** Where names end on a network that was made with tsnet. */
export const ownDomain = 'tsnet.internal'

export interface Made {
  readonly ifname: string
  readonly mac: string
  readonly cidrs: readonly Cidr[]
  /** Whom the container asks; undefined where it has no names of ours. */
  readonly nameServers: readonly Address[] | undefined
  /** Where their names end; absent: podman's own. */
  readonly domain?: string
  /** Name servers that came with a lease. */
  readonly servers?: readonly Address[]
  /** Domains that came with a lease. */
  readonly search?: readonly string[]
  readonly gateways?: ReadonlyMap<Cidr, Address>
}

export function statusOf(network: Network, made: Made, dnsServers: readonly Address[]): StatusBlock {
  const { ifname, mac, cidrs, nameServers, servers = [], search = [], gateways, domain = searchDomain } = made
  return {
    dns_search_domains: nameServers === undefined ? search : [domain],
    // Those of the container win over those of a lease.
    dns_server_ips: nameServers ?? (dnsServers.length > 0 ? dnsServers : servers),
    interfaces: {
      [ifname]: {
        mac_address: mac,
        subnets: cidrs.map((cidr) => ({
          gateway: gateways?.get(cidr) ?? gatewayOf(network, cidr) ?? null,
          ipnet: cidr,
        })),
      },
    },
  }
}
