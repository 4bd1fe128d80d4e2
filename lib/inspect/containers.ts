/**
 * Containers of every engine in one shape: what `tsnet ps` lists.
 *
 * Those tsnet has set up come with networks and ports from its records; of the
 * others the bridge stands for the network, and ports are their engine's secret.
 *
 * @module
 */

import type { Cidr } from '../model/address.ts'
import type { ContainerNetwork } from '../model/attachment.ts'
import type { PortBinding } from '../model/portmapping.ts'
import type { EngineName } from './origin.ts'
import type { InterfaceView, Inventory, NamespaceView } from './views.ts'

/** One interface of a container on one network or bridge. */
export interface ContainerEndpoint {
  /** Name of the network; of other engines the bridge's. */
  readonly network: string
  readonly ifname: string
  readonly addresses: readonly Cidr[]
  readonly bridge?: string
  readonly ports: readonly PortBinding[]
  /** Of these families the ports are open at its own addresses, and not on the host. */
  readonly routed?: readonly (4 | 6)[]
}

/** A container of any engine, as `tsnet ps` shows it. */
export interface ContainerView {
  readonly id: string
  readonly name?: string
  readonly engine: EngineName | 'tsnet'
  readonly mode: ContainerNetwork['mode'] | 'unknown'
  /** Its namespace is there. */
  readonly alive: boolean
  readonly pid?: number
  /** Id of its namespace. */
  readonly namespace?: string
  readonly endpoints: readonly ContainerEndpoint[]
  /** All its interfaces but lo together, as seen from inside; absent where it shares the host's. */
  readonly traffic?: {
    readonly rxBytes: number
    readonly txBytes: number
    readonly rxPackets: number
    readonly txPackets: number
    readonly dropped: number
  }
}

/** The containers of an inventory: those of tsnet first, then those of other engines. */
export function containersOf({ namespaces, records }: Inventory): readonly ContainerView[] {
  const cookies = new Map(namespaces.map((view) => [view.cookie, view]))
  const ours = records.map((record) =>
    ofRecord(record, record.mode === 'host' ? undefined : cookies.get(record.sandbox.identity.cookie)),
  )
  const foreign = namespaces.filter(
    ({ own, record, container }) => !own && !record && container !== undefined,
  )
  return [...ours, ...foreign.map(ofNamespace)]
}

function ofRecord(record: ContainerNetwork, view: NamespaceView | undefined): ContainerView {
  const { container, mode, attachments } = record
  return {
    id: container.id,
    ...(container.name === undefined ? {} : { name: container.name }),
    engine: view?.engine === undefined || view.engine === 'ip netns' ? 'tsnet' : view.engine,
    mode,
    alive: view !== undefined || mode === 'host',
    ...(view?.pids[0] === undefined ? {} : { pid: view.pids[0] }),
    ...(view === undefined ? {} : { namespace: view.id }),
    endpoints: attachments.map(({ network, ifname, addresses, bridge, ports, routed }) => ({
      network,
      ifname,
      addresses,
      bridge,
      ports,
      ...(routed === undefined ? {} : { routed }),
    })),
    ...(view === undefined ? {} : { traffic: sumOf(view.interfaces) }),
  }
}

function ofNamespace(view: NamespaceView): ContainerView {
  const { container, engine, pids, id, interfaces } = view
  return {
    id: container?.id ?? id,
    ...(container?.name === undefined ? {} : { name: container.name }),
    engine: engine ?? 'tsnet',
    mode: 'unknown',
    alive: true,
    ...(pids[0] === undefined ? {} : { pid: pids[0] }),
    namespace: id,
    endpoints: interfaces
      .filter(({ name, addresses }) => name !== 'lo' && addresses.length > 0)
      .map(({ name, addresses, bridge }) => ({
        network: bridge ?? '-',
        ifname: name,
        addresses: addresses.filter((address) => !address.startsWith('fe80:')),
        ...(bridge === undefined ? {} : { bridge }),
        ports: [],
      })),
    traffic: sumOf(interfaces),
  }
}

function sumOf(interfaces: readonly InterfaceView[]): NonNullable<ContainerView['traffic']> {
  const counted = interfaces.filter(({ name }) => name !== 'lo').map(({ traffic }) => traffic)
  const sum = (pick: (one: InterfaceView['traffic']) => number): number =>
    counted.reduce((total, one) => total + pick(one), 0)
  return {
    rxBytes: sum(({ rxBytes }) => rxBytes),
    txBytes: sum(({ txBytes }) => txBytes),
    rxPackets: sum(({ rxPackets }) => rxPackets),
    txPackets: sum(({ txPackets }) => txPackets),
    dropped: sum(({ rxDropped, txDropped }) => rxDropped + txDropped),
  }
}
