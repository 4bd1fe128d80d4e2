/**
 * What is asked for one container, and the record of what was set up.
 *
 * @module
 */

import type { Address, Cidr, Mac, Subnet } from './address.ts'
import type { CreateNetworkRequest, DriverName, FirewallBackend } from './network.ts'
import type { PortBinding, PortMapping, Protocol } from './portmapping.ts'
import type { ContainerInfo, Sandbox, SandboxIdentity } from './sandbox.ts'

export type { FirewallBackend }

/** One `--network`: an interface wanted on a network. */
export interface EndpointRequest {
  readonly network: string
  /** Absent: the first free of eth0, eth1, … */
  readonly ifname?: string
  /** Static addresses, at most one per family; absent families are leased. */
  readonly addresses?: readonly Address[]
  readonly mac?: Mac
  readonly mtuBytes?: number
  readonly aliases?: readonly string[]
  /** Higher wins the default route; equal: first in the list. Default 0 (Docker's gw-priority). */
  readonly gatewayPriority?: number
  /** The network's definition where it comes with the request (CNI) and not from `network create`: kept while an endpoint is on it. */
  readonly definition?: CreateNetworkRequest
  /** Addresses of somebody else's IPAM: noted, not leased, and taken over from an earlier holder. */
  readonly given?: readonly Cidr[]
  /** Further routes inside the sandbox; without `via` by the gateway of the family. */
  readonly routes?: readonly { readonly to: Subnet; readonly via?: Address; readonly metric?: number }[]
  /** False: this endpoint never carries a default route. */
  readonly defaultRoute?: boolean
  /** Where the sandbox has a default route already, of a family, that one stays. */
  readonly yieldsDefaultRoute?: boolean
  /**
   * The sandbox is another engine's: its default route stays, and what leaves with an address of this endpoint leaves
   * by it. `published`: made for its ports, and goes with the last of them.
   */
  readonly guest?: 'connected' | 'published'
  /** Of its default routes; absent: the kernel's own. */
  readonly routeMetric?: number
  /** Name of the host end; ending in `%d`: with the first free number, as the kernel names links. Absent: chosen. */
  readonly hostIfname?: string
}

/** What the container's resolver files should say (written by the names part, reported here). */
export interface ResolverRequest {
  readonly servers?: readonly Address[]
  readonly search?: readonly string[]
  readonly options?: readonly string[]
  /** `NAME → address`; `host-gateway` has been resolved. */
  readonly hosts?: readonly HostEntry[]
  /** Absolute path of a resolv.conf(5) to write, put back as it was at teardown. */
  readonly resolvConf?: string
  /** Absolute path of a hosts(5) to write; in one that is there only our own marked lines are changed. */
  readonly hostsFile?: string
}

/** One `--link`: another container under a name of this one's choice, as Docker's links. */
export interface LinkRequest {
  /** Id or name of the other. */
  readonly container: string
  readonly alias: string
}

/** A link as it was made: what the hosts file says of the other, and what its variables are. */
export interface ContainerLink {
  /** Full id of the other. */
  readonly container: string
  readonly alias: string
  /** First of this container's networks that both are on. */
  readonly network: string
  /** Alias, host name, name and short id of the other, each once. */
  readonly names: readonly string[]
  /** Of the other, on that network. */
  readonly addresses: readonly Address[]
  /** For the container's environment: `DB_PORT_5432_TCP_ADDR` and so on. */
  readonly env: Readonly<Record<string, string>>
}

/** A line of a hosts file; `host-gateway` stands for the host as the container reaches it. */
export interface HostEntry {
  readonly name: string
  readonly address: Address | 'host-gateway'
}

/**
 * The whole request of one `setup`: one sandbox, its mode or its networks.
 * The JSON form of `tsnet setup --config` (docs: lib/model/README.md).
 */
export interface SetupRequest {
  readonly sandbox: Sandbox
  readonly container: Partial<ContainerInfo>
  /** `bridge`: use `networks`; `container`: share the sandbox of `shareWith`. */
  readonly mode: 'bridge' | 'host' | 'none' | 'container'
  readonly shareWith?: string
  /** Empty in bridge mode: the default network. */
  readonly networks: readonly EndpointRequest[]
  readonly publish: readonly PortMapping[]
  /** Ports the image declares; published to chosen ports with `publishAll`. */
  readonly expose: readonly { readonly port: number; readonly count: number; readonly protocol: Protocol }[]
  readonly publishAll: boolean
  /** Drop `publish` silently where the mode cannot publish. */
  readonly ignorePublish: boolean
  readonly resolver: ResolverRequest
  readonly links?: readonly LinkRequest[]
  /** Written inside the sandbox, keys as in sysctl(8): `net.core.somaxconn`. */
  readonly sysctls: Readonly<Record<string, string>>
  readonly firewall?: FirewallBackend
}

/** Of a {@link SetupRequest} for networks and nothing beside them: no ports, resolver files or settings. */
export const nothingMore: Pick<
  SetupRequest,
  'publish' | 'expose' | 'publishAll' | 'ignorePublish' | 'resolver' | 'sysctls'
> = { publish: [], expose: [], publishAll: false, ignorePublish: false, resolver: {}, sysctls: {} }

/** One interface of one container on one network, as it was set up. */
export interface Attachment {
  readonly network: string
  readonly driver: DriverName
  /** Inside the sandbox. */
  readonly ifname: string
  /** Host end of the veth pair. */
  readonly hostIfname: string
  readonly bridge: string
  readonly addresses: readonly Cidr[]
  readonly gateways: readonly Address[]
  readonly mac: Mac
  readonly mtuBytes: number
  readonly aliases: readonly string[]
  /** This endpoint carries the default route of these families. */
  readonly defaultRoute: readonly (4 | 6)[]
  readonly ports: readonly PortBinding[]
  /** Of these families the ports are open at its own addresses, and not on the host. */
  readonly routed?: readonly (4 | 6)[]
  readonly firewall: FirewallBackend
}

/** Names of an attachment on a network tsnet has no definition of: the CNI plugin `dns`. */
export interface AttachmentNames {
  readonly network: string
  /** Addresses of the host on that network, where its containers ask. */
  readonly listen: readonly Address[]
  /** Absent: 53. */
  readonly port?: number
  readonly cidrs: readonly Cidr[]
  /** Of the container, the one reverse lookups give first. */
  readonly names: readonly string[]
  readonly aliases: readonly string[]
  /** Names end here too. */
  readonly domain?: string
  /** Whom the network asks for everything else; empty: whom the host asks. */
  readonly forwarders: readonly Address[]
  /** Whom this container asks instead; empty: the network's. */
  readonly servers: readonly Address[]
}

/** What `setup` answers and `inspect` shows: the container and all its attachments. */
export interface ContainerNetwork {
  readonly container: ContainerInfo
  readonly sandbox: Sandbox & { readonly identity: SandboxIdentity }
  readonly mode: SetupRequest['mode']
  readonly shareWith?: string
  readonly attachments: readonly Attachment[]
  /** Host mode: the host's own addresses; else empty. */
  readonly hostAddresses: readonly Cidr[]
  readonly resolver: {
    readonly servers: readonly Address[]
    readonly search: readonly string[]
    readonly options: readonly string[]
    readonly hosts: readonly { readonly name: string; readonly address: Address }[]
    /** Whom tsnet's own servers ask for it; absent: whom its networks ask. */
    readonly forwarders?: readonly Address[]
    /** The file that was written; then `servers`, `search` and `options` are what it says. */
    readonly resolvConf?: string
    readonly hostsFile?: string
  }
  /** Absent where none was asked for. */
  readonly links?: readonly ContainerLink[]
  /** ISO 8601, UTC. */
  readonly createdAt: string
}
