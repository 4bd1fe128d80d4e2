/**
 * Going into a container's network with the host's tools: which namespace, and
 * which resolv.conf and hosts are its own.
 *
 * @module
 */

import type { Engine } from '../engine/engine.ts'
import { engineContainers } from '../kernel/look/enginefiles.ts'
import type { FileInPlace } from '../kernel/namespace/enter.ts'
import { isAlive } from '../kernel/namespace/netns.ts'
import { allPids, fileText, homeOf, inodeAt, namesIn, namespaceOf } from '../kernel/system/processes.ts'
import { addressOf } from '../model/address.ts'
import type { ContainerNetwork } from '../model/attachment.ts'
import { findNamespace, namedExactly } from './find.ts'
import { takeInventory } from './inventory.ts'
import type { NamespaceView } from './views.ts'

/** Where to go in, and what is seen there instead of the host's files. */
export interface Place {
  readonly path: string
  readonly name: string
  readonly files: readonly FileInPlace[]
}

/** @throws TSNET_NO_SUCH_CONTAINER (notFound), TSNET_BAD_VALUE (invalid) where several are called that */
export async function placeOf(engine: Pick<Engine, 'list' | 'listNetworks'>, word: string): Promise<Place> {
  const inventory = await takeInventory(engine)
  const view = findNamespace(inventory, word)
  const record = inventory.records.find(({ container }) => container.id === view.record)
  return { path: view.path, name: view.name, files: filesOf(view, record) }
}

/** A container, and how another gets to it by name. */
export interface Reach {
  readonly place: Place
  /** Why the name may not be known there, and where it leads instead; undefined where its name server knows it. */
  readonly note?: string
}

/**
 * The way into `from`, where `to`, another container, shall be known by its name:
 * by the name server of a network they share, else by a line in the hosts file.
 *
 * @throws TSNET_NO_SUCH_CONTAINER (notFound) for `from`; `to` may be anything that has a name elsewhere
 */
export async function reachOf(
  engine: Pick<Engine, 'list' | 'listNetworks'>,
  from: string,
  to: string,
): Promise<Reach> {
  const inventory = await takeInventory(engine)
  const view = findNamespace(inventory, from)
  const recordOf = ({ record }: NamespaceView): ContainerNetwork | undefined =>
    inventory.records.find(({ container }) => container.id === record)
  const own = recordOf(view)
  const place = { path: view.path, name: view.name, files: filesOf(view, own) }
  const other = namedExactly(inventory, to)
  if (other === undefined || other.own) return { place }
  const theirs = recordOf(other)?.attachments.map(({ network }) => network) ?? []
  const shared = own?.attachments.some(({ network }) => theirs.includes(network)) === true
  if (shared && own.resolver.servers.length > 0) return { place }
  const addresses = other.interfaces
    .filter(({ name }) => name !== 'lo')
    .flatMap((link) => link.addresses.map(addressOf))
    .filter((address) => !address.startsWith('fe80:'))
  if (addresses.length === 0) return { place, note: `${to} has no address` }
  const why = shared ? 'their network has no name server' : `${view.name} and ${to} share no network`
  return {
    place: { ...place, files: withHosts(place.files, to, addresses) },
    note: `${why}: ${to} is asked at ${addresses[0]}`,
  }
}

function withHosts(
  files: readonly FileInPlace[],
  name: string,
  addresses: readonly string[],
): readonly FileInPlace[] {
  const target = '/etc/hosts'
  const known = files.find((one) => one.target === target)?.source
  const text = known === undefined ? fileText(target) : 'text' in known ? known.text : fileText(known.path)
  const lines = addresses.map((address) => `${address}\t${name}`)
  return [
    { target, source: { text: `${(text ?? '').replace(/\n*$/, '\n')}${textOf(lines)}` } },
    ...files.filter((one) => one.target !== target),
  ]
}

/** The same for a namespace that is given by its path; its files are known where it is that of a process. */
export function placeAt(path: string): Place {
  const pid = /^\/proc\/([0-9]+)\/ns\/net$/.exec(path)?.[1]
  const name = /^(?:\/var)?\/run\/netns\/([^/]+)$/.exec(path)?.[1]
  return {
    path,
    name: name ?? (pid === undefined ? path : `pid ${pid}`),
    files: [...(pid === undefined ? [] : processFiles(Number(pid))), ...netnsFiles(name)],
  }
}

function filesOf(view: NamespaceView, record: ContainerNetwork | undefined): readonly FileInPlace[] {
  const id = view.container?.id
  const engine = engineContainers().find((one) => one.id === id)
  const candidates = [
    ...recordFiles(record),
    file('/etc/resolv.conf', engine?.resolvConf),
    file('/etc/hosts', engine?.hostsFile),
    ...netnsFiles(view.netnsNames[0]),
    ...(view.own || view.pids[0] === undefined ? [] : processFiles(view.pids[0])),
  ].filter((one) => one !== undefined)
  // Of several for the same place the first is the most certain.
  return candidates.filter((one, at) => candidates.findIndex(({ target }) => target === one.target) === at)
}

function recordFiles(record: ContainerNetwork | undefined): (FileInPlace | undefined)[] {
  if (record === undefined) return []
  const { resolvConf, hostsFile, servers, search, options, hosts } = record.resolver
  const lines = [
    ...(search.length === 0 ? [] : [`search ${search.join(' ')}`]),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
  ]
  const ownHosts = hosts.map(({ name, address }) => `${address}\t${name}`)
  return [
    file('/etc/resolv.conf', resolvConf),
    servers.length === 0 ? undefined : { target: '/etc/resolv.conf', source: { text: textOf(lines) } },
    file('/etc/hosts', hostsFile),
    ownHosts.length === 0
      ? undefined
      : { target: '/etc/hosts', source: { text: (fileText('/etc/hosts') ?? '') + textOf(ownHosts) } },
  ]
}

/** A process with files of its own: its view of /etc is the container's. Copied, because mounts do not cross mount namespaces. */
function processFiles(pid: number): FileInPlace[] {
  if (namespaceOf(pid, 'mnt') === namespaceOf('self', 'mnt')) return []
  return ['/etc/resolv.conf', '/etc/hosts'].flatMap((target) => {
    const text = fileText(`/proc/${pid}/root${target}`)
    return text === undefined ? [] : [{ target, source: { text } }]
  })
}

/** What `ip netns exec` puts in place: /etc/netns/NAME/. */
function netnsFiles(name: string | undefined): FileInPlace[] {
  if (name === undefined) return []
  const folder = `/etc/netns/${name}`
  return namesIn(folder).flatMap((entry) => file(`/etc/${entry}`, `${folder}/${entry}`) ?? [])
}

function file(target: string, path: string | undefined): FileInPlace | undefined {
  return path === undefined || fileText(path) === undefined ? undefined : { target, source: { path } }
}

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')

/** The lowest pid in a container's namespace, 0 where there is none: State.Pid of Docker. */
export function firstPid({ sandbox }: ContainerNetwork): number {
  const { path, identity } = sandbox
  if (!isAlive(path, identity)) return 0
  const pid = /^\/proc\/([0-9]+)\//.exec(path)?.[1]
  if (pid !== undefined) return Number(pid)
  const inode = inodeAt(path)
  return allPids().find((one) => namespaceOf(one, 'net') === inode && homeOf(one) === inode) ?? 0
}
