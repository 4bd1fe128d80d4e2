/**
 * The machine as one list: namespaces with the container, engine and record of
 * tsnet behind each, their interfaces with peer and bridge, and the bridges of
 * the host. What `tsnet ns`, `ps`, `map`, `bridge show` and `exec` look into.
 *
 * Read once, without a lock, while others go on: two parts of it may be of two
 * moments.
 *
 * @module
 */

import type { Engine } from '../engine/engine.ts'
import { type EngineContainer, engineContainers } from '../kernel/look/enginefiles.ts'
import { type NamespaceFacts, type NamespaceLink, surveyNamespaces } from '../kernel/namespace/namespaces.ts'
import { bootId } from '../kernel/namespace/netns.ts'
import type { ContainerNetwork } from '../model/attachment.ts'
import type { NetworkConfig } from '../model/network.ts'
import { ipNetnsNames, type Origin, originOf } from './origin.ts'
import type { BridgeView, InterfaceView, Inventory, NamespaceView } from './views.ts'

/** @throws TSNET_NOT_ROOT (forbidden) */
export async function takeInventory(engine: Pick<Engine, 'list' | 'listNetworks'>): Promise<Inventory> {
  const [records, networks] = [await engine.list(), await engine.listNetworks()]
  const bridgeNetworks = new Map(networks.map(({ config }) => [config.options.bridge, config]))
  return inventoryOf({
    facts: await surveyNamespaces(),
    known: engineContainers(),
    records,
    bridgeNetworks,
    bootId: bootId(),
  })
}

/** Of a network of tsnet, what is told of its bridge. */
type NetworkOnBridge = Pick<NetworkConfig, 'name' | 'internal'>

interface InventoryParts {
  readonly facts: readonly NamespaceFacts[]
  readonly known: readonly EngineContainer[]
  readonly records: readonly ContainerNetwork[]
  /** By bridge. */
  readonly bridgeNetworks: ReadonlyMap<string, NetworkOnBridge>
  readonly bootId: string
}

/** The pure half: the same facts give the same inventory. */
function inventoryOf(parts: InventoryParts): Inventory {
  const { facts, records, bridgeNetworks } = parts
  const around: Around = {
    names: new Map(parts.known.flatMap(({ id, name }) => (name === undefined ? [] : [[id, name]]))),
    // Of two engines that know a process the first speaks for it: dockerd has containerd run its containers.
    byPid: new Map(
      [...parts.known].reverse().flatMap((one) => (one.pid === undefined ? [] : [[one.pid, one]])),
    ),
    byInode: new Map(facts.map((one) => [one.inode, one])),
  }
  const namespaces = facts.map((one) => {
    const record = records.find(
      ({ mode, sandbox: { identity } }) =>
        mode !== 'container' &&
        mode !== 'host' &&
        identity.cookie === one.cookie &&
        identity.bootId === parts.bootId,
    )
    return viewOf(one, record, around)
  })
  const host = facts.find(({ own }) => own)
  const bridges = (host?.links ?? [])
    .filter(({ kind }) => kind === 'bridge')
    .map((link) => bridgeOf(link, host?.links ?? [], bridgeNetworks))
  return { namespaces, bridges, records }
}

interface Around {
  /** Of containers, by id. */
  readonly names: ReadonlyMap<string, string>
  readonly byPid: ReadonlyMap<number, EngineContainer>
  readonly byInode: ReadonlyMap<string, NamespaceFacts>
}

function viewOf(facts: NamespaceFacts, record: ContainerNetwork | undefined, around: Around): NamespaceView {
  const origin = facts.own ? undefined : originIn(facts, around.byPid)
  const netnsNames = ipNetnsNames(facts.mounts)
  const container = containerOf(origin?.container, record, around.names)
  const [first] = facts.processes
  const program = first?.program
  const process = first === undefined ? 'no process' : `${program} (${first.pid})`
  const name = facts.own
    ? 'host'
    : (container?.name ??
      container?.id.slice(0, 12) ??
      netnsNames[0] ??
      (first === undefined ? mountName(facts.mounts) : undefined) ??
      process)
  return {
    id: facts.inode,
    cookie: facts.cookie,
    name,
    own: facts.own,
    ...(origin === undefined ? {} : { engine: origin.engine }),
    ...(container === undefined ? {} : { container }),
    ...(record === undefined ? {} : { record: record.container.id }),
    foreignUser: facts.foreignUser,
    netnsNames,
    mounts: facts.mounts,
    pids: facts.processes.map(({ pid }) => pid),
    ...(program === undefined ? {} : { program }),
    path: facts.path,
    interfaces: facts.links.map((link) => interfaceOf(link, around.byInode)),
    routes: facts.routes.map(({ to, via, dev, metric, table }) => ({
      to,
      ...(via === undefined ? {} : { via }),
      ...(dev === undefined ? {} : { dev }),
      metric,
      ...(table === undefined ? {} : { table }),
    })),
  }
}

/** By cgroup, else by the process an engine has written down (cgroups may be switched off), else by the file it is mounted to. */
function originIn({ cgroup, mounts, processes }: NamespaceFacts, byPid: Around['byPid']): Origin | undefined {
  const origin = originOf(cgroup, mounts)
  if (origin?.container !== undefined) return origin
  const noted = processes.map(({ pid }) => byPid.get(pid)).find((one) => one !== undefined)
  return noted === undefined ? origin : { engine: noted.engine, container: noted.id }
}

/** The last word of a file it is mounted to, where nobody here has it by a name. */
function mountName(mounts: readonly string[]): string | undefined {
  return mounts[0]?.split('/').at(-1)
}

/** The name given to tsnet wins over the engine's: it is what other commands take. */
function containerOf(
  id: string | undefined,
  record: ContainerNetwork | undefined,
  names: ReadonlyMap<string, string>,
): NamespaceView['container'] {
  if (record !== undefined) {
    const name = record.container.name ?? names.get(record.container.id)
    return { id: record.container.id, ...(name === undefined ? {} : { name }) }
  }
  if (id === undefined) return undefined
  const name = names.get(id)
  return { id, ...(name === undefined ? {} : { name }) }
}

function interfaceOf(link: NamespaceLink, byInode: ReadonlyMap<string, NamespaceFacts>): InterfaceView {
  const { name, index, kind, mac, mtuBytes, up, carrier, alias, addresses, peer, masterName, traffic } = link
  const end =
    peer === undefined ? undefined : byInode.get(peer.inode)?.links.find((other) => other.name === peer.name)
  const bridge = masterName ?? end?.masterName
  return {
    name,
    index,
    kind,
    ...(mac === undefined ? {} : { mac }),
    mtuBytes,
    up,
    carrier,
    ...(alias === undefined || alias === '' ? {} : { alias }),
    addresses,
    ...(peer === undefined ? {} : { peer: { name: peer.name, namespace: peer.inode } }),
    ...(bridge === undefined ? {} : { bridge }),
    traffic,
  }
}

function bridgeOf(
  link: NamespaceLink,
  links: readonly NamespaceLink[],
  networks: ReadonlyMap<string, NetworkOnBridge>,
): BridgeView {
  const { name, bridge, up, mtuBytes, addresses, traffic } = link
  const network = networks.get(name)
  return {
    name,
    id: bridge?.id ?? '',
    stp: bridge?.stp === true,
    vlanFiltering: bridge?.vlanFiltering === true,
    up,
    mtuBytes,
    addresses,
    ...(network === undefined ? {} : { network: network.name }),
    ...(network?.internal === true ? { internal: true as const } : {}),
    ports: links
      .filter(({ masterName }) => masterName === name)
      .map((port) => ({
        name: port.name,
        state: port.portState ?? 'disabled',
        hairpin: port.hairpin,
        isolated: port.isolated,
        ...(port.peer === undefined ? {} : { peer: { name: port.peer.name, namespace: port.peer.inode } }),
      })),
    traffic,
  }
}
