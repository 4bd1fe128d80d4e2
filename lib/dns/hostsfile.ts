/**
 * A container's hosts file as text.
 *
 * Says which lines there are; where they go, and what else is in the file, is
 * not decided here. The first name of a line is the canonical one: what
 * `hostname -f` and reverse look-ups tell.
 *
 * @see hosts(5)
 * @module
 */

import type { Address } from '../model/address.ts'
import type { ContainerLink } from '../model/attachment.ts'
import type { ContainerInfo } from '../model/sandbox.ts'

export interface HostsLine {
  readonly address: string
  /** At least one. */
  readonly names: readonly string[]
}

/** As much of an id as people and engines use for a name. */
const shortIdLength = 12

/** Debian's habit for a host whose own name has no address of the network. */
const ownLoopback = '127.0.1.1'

const localhostLines: readonly HostsLine[] = [
  { address: '127.0.0.1', names: ['localhost'] },
  { address: '::1', names: ['localhost', 'ip6-localhost', 'ip6-loopback'] },
]

/** What a container is called: host name, its first label, container name, short id; each once. */
function namesOf({ id, name, hostname }: ContainerInfo): readonly string[] {
  const shortId = id.slice(0, shortIdLength)
  return unique([hostname ?? shortId, hostname?.split('.')[0], name, shortId])
}

/** What Docker's links write, in its order: alias, host name, name; and the short id. */
export function linkNames(alias: string, { id, name, hostname }: ContainerInfo): readonly string[] {
  const shortId = id.slice(0, shortIdLength)
  return unique([alias, hostname ?? shortId, name, shortId])
}

function unique(names: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(names.filter((name) => name !== undefined))]
}

export interface HostsWish {
  readonly own: ContainerInfo
  /** Of the container; none: its names are its own loopback address. */
  readonly addresses: readonly Address[]
  readonly hosts: readonly { readonly name: string; readonly address: Address }[]
  readonly links: readonly ContainerLink[]
  /** What the file says beside our lines. */
  readonly others: readonly HostsLine[]
  /** Host mode: what the host's own file says. */
  readonly inherited: readonly HostsLine[]
}

/** The lines to write: those that are in the file or inherited are not said twice. */
export function hostsLines(wish: HostsWish): readonly HostsLine[] {
  const { own, addresses, hosts, links, others } = wish
  const inherited = others.length === 0 ? wish.inherited : []
  const known = [...others, ...inherited].flatMap(({ names }) => names)
  const self = namesOf(own).filter((name) => !known.includes(name))
  const ownAddresses = addresses.length === 0 ? [ownLoopback] : addresses
  return [
    ...(known.includes('localhost') ? [] : localhostLines),
    ...inherited,
    ...ownAddresses.map((address) => ({ address, names: addresses.length === 0 ? self : namesOf(own) })),
    ...hosts.map(({ name, address }) => ({ address, names: [name] })),
    ...links.flatMap(({ names, addresses: at }) => at.map((address) => ({ address, names }))),
  ].filter(({ names }) => names.length > 0)
}

export function renderHosts(lines: readonly HostsLine[]): string {
  return lines.map(({ address, names }) => `${address}\t${names.join(' ')}\n`).join('')
}

/** Lines of a hosts file; comments, and lines without a name, are left out. */
export function parseHosts(text: string): readonly HostsLine[] {
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/)
    return names.length === 0 ? [] : [{ address, names }]
  })
}
