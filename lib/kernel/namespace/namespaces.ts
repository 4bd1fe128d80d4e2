/**
 * Every network namespace of the machine, and what is in it.
 *
 * Found where namespaces can be kept alive: by processes, by files they are
 * mounted to (here and in the mount namespaces of other processes), and by
 * descriptors. Nothing is changed: not even a number is given to a namespace,
 * though looking at a veth pair would like one. A namespace that goes while it
 * is looked at is left out. Not responsible for whose they are (lib/inspect).
 *
 * @module
 */

import { closeSync, fstatSync } from 'node:fs'
import type { Cidr } from '../../model/address.ts'
import type { RouteFact } from '../../plan/facts.ts'
import { readRoutes } from '../look/facts.ts'
import { addrList, decodeAddresses } from '../netlink/addr.ts'
import {
  decodeLinkDetails,
  decodeNsid,
  type LinkDetail,
  linkDetailList,
  nsidGet,
} from '../netlink/linkdetail.ts'
import { openRouteSocket, type RouteSocket } from '../netlink/socket.ts'
import { ioctl } from '../system/libc.ts'
import {
  allPids,
  cgroupOf,
  heldNamespaces,
  homeOf,
  linkText,
  namespaceMounts,
  namespaceOf,
  type ProcessFact,
  processFact,
} from '../system/processes.ts'
import { identityHere, openNetns, withNetns } from './netns.ts'
import { ownNetnsLinks } from './netnslink.ts'

/** The user namespace a namespace belongs to (ioctl_ns(2)). */
const NS_GET_USERNS = 0xb701

/** The other end of a veth pair. */
export interface PeerFact {
  readonly inode: string
  readonly name: string
}

export interface NamespaceLink extends LinkDetail {
  readonly addresses: readonly Cidr[]
  readonly masterName: string | undefined
  /** Undefined where the link has no other end, or it is in a namespace that nothing here leads to. */
  readonly peer: PeerFact | undefined
}

export interface NamespaceFacts {
  /** As in `net:[4026531840]`: unique while the namespace lives, reused afterwards. */
  readonly inode: string
  /** Never reused within one boot. */
  readonly cookie: string
  /** The one this process runs in. */
  readonly own: boolean
  /** It belongs to a user namespace other than ours. */
  readonly foreignUser: boolean
  readonly processes: readonly ProcessFact[]
  /** Of the first process, `` where there is none. */
  readonly cgroup: string
  /** Files it is mounted to. */
  readonly mounts: readonly string[]
  /** `/proc/PID/fd/N` that lead to it. */
  readonly descriptors: readonly string[]
  /** A way in that works now. */
  readonly path: string
  readonly links: readonly NamespaceLink[]
  readonly routes: readonly RouteFact[]
}

interface Sighting {
  readonly pids: number[]
  readonly mounts: string[]
  readonly descriptors: string[]
}

interface Opened {
  readonly inode: string
  readonly sighting: Sighting
  readonly path: string
  readonly fd: number
  readonly cookie: string
  readonly socket: RouteSocket
}

interface Read extends Opened {
  readonly links: readonly LinkDetail[]
  readonly addresses: ReadonlyMap<number, readonly Cidr[]>
  readonly routes: readonly RouteFact[]
}

/**
 * All namespaces, this process's own first, the others by their lowest pid.
 *
 * @throws TSNET_NOT_PERMITTED (forbidden) where the kernel lets us into none
 */
export async function surveyNamespaces(): Promise<readonly NamespaceFacts[]> {
  const sightings = lookAround()
  const opened: Opened[] = []
  try {
    for (const [inode, sighting] of sightings) {
      const one = open(inode, sighting)
      if (one !== undefined) opened.push(one)
    }
    const read: Read[] = []
    for (const one of opened) read.push(await readInside(one))
    const peers = await peersOf(read)
    const own = namespaceOf('self', 'net')
    const facts = read.map((one): NamespaceFacts => factsOf(one, own, peers))
    const first = ({ own: here, processes }: NamespaceFacts): number =>
      here ? -1 : (processes[0]?.pid ?? Number.MAX_SAFE_INTEGER)
    return facts.sort((a, b) => first(a) - first(b))
  } finally {
    for (const { fd, socket } of opened) {
      socket.close()
      closeSync(fd)
    }
  }
}

function lookAround(): ReadonlyMap<string, Sighting> {
  const found = new Map<string, Sighting>()
  const at = (inode: string): Sighting => {
    const known = found.get(inode) ?? { pids: [], mounts: [], descriptors: [] }
    found.set(inode, known)
    return known
  }
  for (const { inode, path } of namespaceMounts('self')) at(inode).mounts.push(path)
  // Symbolic links below /run/netns are no mounts; `ip netns` takes them all the same.
  for (const { name, inode } of ownNetnsLinks()) {
    if (inode !== undefined) at(inode).mounts.push(`/run/netns/${name}`)
  }
  const [own, seen] = [namespaceOf('self', 'net'), new Set([namespaceOf('self', 'mnt')])]
  for (const pid of allPids()) {
    const shown = namespaceOf(pid, 'net')
    // Most are in ours, and need no second look.
    const inode = shown === own ? shown : homeOf(pid)
    if (inode === undefined) continue
    at(inode).pids.push(pid)
    if (pid !== process.pid)
      for (const held of heldNamespaces(pid)) at(held.inode).descriptors.push(held.path)
    const mount = namespaceOf(pid, 'mnt')
    if (seen.has(mount)) continue
    seen.add(mount)
    // Of other mount namespaces only what is not mounted here too.
    for (const { inode: kept, path } of namespaceMounts(pid)) {
      const known = at(kept)
      if (known.mounts.length === 0) known.mounts.push(path)
    }
  }
  return found
}

function open(inode: string, sighting: Sighting): Opened | undefined {
  const ways = [
    ...sighting.pids.slice(0, 3).map((pid) => `/proc/${pid}/ns/net`),
    ...sighting.mounts,
    ...sighting.descriptors,
  ]
  for (const path of ways) {
    let fd: number | undefined
    try {
      fd = openNetns(path)
      // A pid may have passed to another process, a file to another namespace.
      if (String(fstatSync(fd, { bigint: true }).ino) === inode) {
        const inside = withNetns(fd, () => ({ cookie: identityHere().cookie, socket: openRouteSocket() }))
        return { inode, sighting, path, fd, ...inside }
      }
    } catch {
      // Gone meanwhile, or not to be entered by us: another way may be open.
    }
    if (fd !== undefined) closeSync(fd)
  }
  return undefined
}

async function readInside(opened: Opened): Promise<Read> {
  const { socket } = opened
  const links = decodeLinkDetails(await socket.dump(linkDetailList()))
  const addresses = new Map<number, Cidr[]>()
  for (const { index, cidr } of decodeAddresses(await socket.dump(addrList()))) {
    addresses.set(index, [...(addresses.get(index) ?? []), cidr])
  }
  const names = new Map(links.map(({ index, name }) => [index, name]))
  return { ...opened, links, addresses, routes: await readRoutes(socket, names) }
}

const linkKey = (inode: string, index: number): string => `${inode}/${index}`

/**
 * Who is at the other end. The kernel says "index 5 in namespace number 2", and
 * which namespace has that number is asked of those where the indexes fit.
 */
async function peersOf(all: readonly Read[]): Promise<ReadonlyMap<string, PeerFact>> {
  const peers = new Map<string, PeerFact>()
  const ends = new Map<string, { readonly in: Read; readonly link: LinkDetail }[]>()
  for (const one of all) {
    for (const link of one.links) {
      if (link.kind !== 'veth') continue
      const key = `${link.index} ${link.peerIndex}`
      ends.set(key, [...(ends.get(key) ?? []), { in: one, link }])
    }
  }
  for (const one of all) {
    for (const link of one.links) {
      if (link.kind !== 'veth' || link.peerIndex === undefined) continue
      const fitting = ends.get(`${link.peerIndex} ${link.index}`) ?? []
      const within = fitting.find((end) => end.in === one)
      const abroad = fitting.filter((end) => end.in !== one)
      const found = link.peerNsid === undefined ? within : await withNsid(one.socket, abroad, link.peerNsid)
      if (found === undefined) continue
      peers.set(linkKey(one.inode, link.index), { inode: found.in.inode, name: found.link.name })
    }
  }
  return peers
}

async function withNsid<T extends { readonly in: Read }>(
  socket: RouteSocket,
  candidates: readonly T[],
  nsid: number,
): Promise<T | undefined> {
  const replies = await socket.batch(candidates.map((end) => nsidGet(end.in.fd)))
  return candidates.find((_, at) => decodeNsid(replies[at]?.messages ?? []) === nsid)
}

function factsOf(one: Read, own: string | undefined, peers: ReadonlyMap<string, PeerFact>): NamespaceFacts {
  const { inode, sighting, path, cookie, routes } = one
  const names = new Map(one.links.map(({ index, name }) => [index, name]))
  const links = one.links.map((link) => ({
    ...link,
    addresses: one.addresses.get(link.index) ?? [],
    masterName: link.master === undefined ? undefined : names.get(link.master),
    peer: peers.get(linkKey(inode, link.index)),
  }))
  const [first] = sighting.pids
  return {
    inode,
    cookie,
    own: inode === own,
    foreignUser: userNamespaceOf(one.fd) !== namespaceOf('self', 'user'),
    processes: sighting.pids.map(processFact),
    cgroup: first === undefined ? '' : cgroupOf(first),
    mounts: sighting.mounts,
    descriptors: sighting.descriptors,
    path,
    links,
    routes,
  }
}

function userNamespaceOf(netns: number): string | undefined {
  try {
    const fd = ioctl(netns, NS_GET_USERNS)
    try {
      return /\[([0-9]+)\]/.exec(linkText(`/proc/self/fd/${fd}`) ?? '')?.[1]
    } finally {
      closeSync(fd)
    }
  } catch {
    // EPERM: it belongs to a user namespace outside ours.
    return undefined
  }
}
