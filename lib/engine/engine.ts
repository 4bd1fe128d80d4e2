/**
 * The engine: what every door of tsnet (command line, CNI, netavark, Docker,
 * OCI hooks, the library) calls.
 *
 * @module
 */

import type { Driver } from '../drivers/driver.ts'
import type { Address, Cidr } from '../model/address.ts'
import type { ContainerNetwork, EndpointRequest, FirewallBackend, SetupRequest } from '../model/attachment.ts'
import type { CreateNetworkRequest, NetworkConfig, SubnetRequest } from '../model/network.ts'
import type { PortBinding, PortMapping } from '../model/portmapping.ts'
import type { Step, StepKind } from '../plan/step.ts'

export type { CreateNetworkRequest, SubnetRequest }

/** Which container: by the id or name given at setup, or by the namespace it lives in. */
export type Selector = { readonly container: string } | { readonly sandboxPath: string }

/** What `--dry-run` and `tsnet plan` show: nothing has been changed. */
export interface PlannedSetup {
  readonly result: ContainerNetwork
  /** In the order they would be applied; sandbox steps say so. */
  readonly steps: readonly Step[]
  /** The same as shell lines, runnable as they stand. */
  readonly script: string
}

/** One thing `check` found that is not as the record says. */
/**
 * `step`: something made is not there as it was made; `sandbox`: the container has ended; `lease`: an address or
 * port is held by another; `accept`: a chain of others drops what tsnet lets through; `pending`: half-done work;
 * `names`: the name server does not answer; `record`: that of a container could not be read; `definition`: the file of a network cannot be read.
 */
export type FindingKind =
  | 'step'
  | 'sandbox'
  | 'lease'
  | 'accept'
  | 'pending'
  | 'names'
  | 'record'
  | 'definition'

/** One thing `check` found that is not as the record says. */
export interface Finding {
  readonly kind: FindingKind
  /** Of `step`: what kind of thing. */
  readonly step?: StepKind
  /** Container id or network name. */
  readonly subject: string
  /** "link web-3f2a is gone" */
  readonly what: string
  /** Command that mends it. */
  readonly hint: string
}

/** What `gc` has put in order: ids and names, each empty where all was well. */
export interface GcReport {
  /** Containers whose sandbox was gone: taken down now. */
  readonly containers: readonly string[]
  /** Half-done work of killed processes: taken back now. */
  readonly pending: readonly string[]
  readonly leases: readonly string[]
  readonly ports: readonly string[]
  readonly networks: readonly string[]
  /** Groups of packet rules that were not there any more: put back now. */
  readonly rules: number
  /** `CONTAINER/IFNAME` of packet rules and links that belonged to no container: taken away now. Absent: none. */
  readonly orphans?: readonly string[]
}

/** What of a network can be changed while containers are on it; absent: stays as it is. */
export interface NetworkUpdate {
  /** Whom its name server asks for everything else; empty: whom the host asks. */
  readonly forwarders?: readonly Address[]
  /** Set, or with null taken away. */
  readonly labels?: Readonly<Record<string, string | null>>
  readonly isolate?: boolean
}

/** A network, and who is on it now. */
export interface NetworkInspect {
  readonly config: NetworkConfig
  /** Whether its bridge is in the kernel now. */
  readonly live: boolean
  readonly containers: readonly {
    readonly id: string
    readonly name?: string
    readonly ifname: string
    readonly addresses: readonly Cidr[]
  }[]
  readonly leases: readonly { readonly address: Address; readonly owner: string }[]
}

/**
 * For whatever may have to wait for others. `setup` and `attach` take back what
 * they have done and throw TSNET_INTERRUPTED; the others end their waiting with
 * it, and finish what has begun.
 */
export interface Interruption {
  readonly signal?: AbortSignal
}

/** All operations of tsnet, whichever process carries them out. `await using` closes it. */
export interface Engine extends AsyncDisposable {
  /** Decides and shows, changes nothing. */
  plan(request: SetupRequest): Promise<PlannedSetup>
  /**
   * Connects a sandbox. An equal request for the same container returns what is
   * there; a different one is a conflict. On failure the host is as it was.
   */
  setup(request: SetupRequest, options?: Interruption): Promise<ContainerNetwork>
  /** @returns what was taken down, undefined where there was nothing: also a success */
  teardown(selector: Selector, options?: Interruption): Promise<ContainerNetwork | undefined>
  /**
   * One more endpoint for a container, which may have others already: exactly
   * one network, with its ifname. Has a record of its own.
   *
   * @throws TSNET_ALREADY_ATTACHED (conflict) where the container has that ifname from a different request
   */
  attach(request: SetupRequest, options?: Interruption): Promise<ContainerNetwork>
  /** Takes back what `attach` made; nothing there is a success. `id` is the container's full id. */
  detach(id: string, ifname: string, options?: Interruption): Promise<ContainerNetwork | undefined>
  /**
   * Connects a running container to one more network. Its default route moves
   * there where the endpoint has the higher `gatewayPriority`, or nothing
   * carries it yet. The same network asked for in the same way again: nothing happens.
   *
   * @returns the container as it is now
   * @throws TSNET_ALREADY_ATTACHED (conflict) where it is on that network otherwise than asked
   */
  connect(selector: Selector, endpoint: EndpointRequest, options?: Interruption): Promise<ContainerNetwork>
  /**
   * Takes a running container off a network. A default route it carried, and ports published by way of it,
   * move to the network with the highest priority that is left.
   *
   * @returns the container as it is now, undefined where it was not on that network
   */
  disconnect(
    selector: Selector,
    network: string,
    options?: Interruption,
  ): Promise<ContainerNetwork | undefined>
  /** Publishes ports of a running container. @returns what is bound, in the order asked */
  publish(
    selector: Selector,
    mappings: readonly PortMapping[],
    options?: Interruption,
  ): Promise<readonly PortBinding[]>
  /**
   * Takes published ports away; a mapping without a host port means every one of that container port.
   *
   * @returns those that were taken away
   */
  unpublish(
    selector: Selector,
    mappings: readonly PortMapping[],
    options?: Interruption,
  ): Promise<readonly PortBinding[]>
  /** Everything tsnet has set up and not taken down, from the records. */
  list(): Promise<readonly ContainerNetwork[]>
  /** @throws TSNET_NO_SUCH_CONTAINER (notFound) */
  inspect(selector: Selector): Promise<ContainerNetwork>
  /** Compares records with the kernel; empty: all is well. Without selector: everything. */
  check(selector?: Selector): Promise<readonly Finding[]>
  /** Takes back what killed processes and dead containers have left. */
  gc(options?: Interruption): Promise<GcReport>
  /** Makes a network that is there until it is removed. @throws TSNET_NETWORK_EXISTS, TSNET_SUBNET_OVERLAP (conflict) */
  createNetwork(request: CreateNetworkRequest, options?: Interruption): Promise<NetworkConfig>
  /** @throws TSNET_NETWORK_IN_USE (conflict), TSNET_NO_SUCH_NETWORK (notFound) */
  removeNetwork(name: string, options?: Interruption): Promise<void>
  /** All networks, with who is on them. */
  listNetworks(): Promise<readonly NetworkInspect[]>
  /** One network. @throws TSNET_NO_SUCH_NETWORK (notFound) */
  inspectNetwork(name: string): Promise<NetworkInspect>
  /** Changes a network while containers are on it. @returns its definition as it is now */
  updateNetwork(name: string, update: NetworkUpdate, options?: Interruption): Promise<NetworkConfig>
  /** Removes networks no container is on. @returns their names */
  pruneNetworks(options?: Interruption): Promise<readonly string[]>
  /** Puts back packet rules that somebody has flushed, at once and of all. @returns how many groups of rules that took */
  reapplyRules(): Promise<number>
  /** `gc` and `pruneNetworks`: everything that serves nobody goes. */
  prune(options?: Interruption): Promise<GcReport>
  /** Gives back sockets and descriptors; what was set up stays. */
  close(): Promise<void>
}

/** How an engine is opened; every host has usable defaults. */
export interface EngineOptions {
  /** Definitions, run state and sockets all below it. Absent: /var/lib/tsnet and /run/tsnet. */
  readonly stateDir?: string
  /** Absent: /etc/tsnet/config.json, else iptables where it is installed. */
  readonly firewall?: FirewallBackend
  /** Kinds of network of your own. Such an engine does its work in this process, never in the daemon. */
  readonly drivers?: readonly Driver[]
  /** Progress, one call per step as it is applied. */
  readonly onStep?: (line: string) => void
  /**
   * Told of what is wrong with tsnet's own files and is gone on without: one line, which names the file. Of several
   * engines in one process whichever was opened last is told. Absent: `process.emitWarning`, named `TsnetWarning`.
   */
  readonly onWarning?: (text: string) => void
  /** How long to wait for another tsnet, in ms. Default 30,000. */
  readonly lockTimeoutMs?: number
}
