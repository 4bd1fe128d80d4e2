/**
 * Names tsnet chooses, and which names it takes from others.
 *
 * Interface names hold 15 bytes (IFNAMSIZ - 1), so ours are a readable part and
 * a hash; the whole truth is in the link alias (decisions 13). Names of
 * networks and containers end up in file names, rule comments and shell lines,
 * so their alphabet is the one Docker and Podman share.
 *
 * @module
 */

import type { Mac } from './address.ts'
import { shortHash } from './hash.ts'

/** The network that appears at first use and goes with its last endpoint. */
export const DEFAULT_NETWORK = 'tsnet'
const DEFAULT_BRIDGE = 'tsnet0'

/** Words of `--network` that are no network names. */
export const RESERVED_NETWORK_NAMES: readonly string[] = ['host', 'none', 'bridge', 'default', 'container']

/** IFNAMSIZ - 1 in linux/if.h. */
const MAX_IFNAME_BYTES = 15
/** IFALIASZ - 1 in linux/if_link.h. */
const MAX_ALIAS_BYTES = 255
const MAX_NAME_BYTES = 128
const HASH_DIGITS = 5

export interface EndpointNames {
  readonly containerId: string
  readonly containerName?: string | undefined
  readonly network: string
  /** Name inside the sandbox. */
  readonly ifname: string
}

/**
 * Host end of an endpoint's veth pair: at most 9 characters of the container's
 * name and 5 digits of a hash over container id, network and ifname.
 *
 * @param options.attempt counts up where the kernel has another link of that name (20 bits collide)
 */
export function hostIfname(names: EndpointNames, options: { readonly attempt?: number } = {}): string {
  const { attempt = 0 } = options
  const salt = attempt === 0 ? [] : [String(attempt)]
  const hash = shortHash([names.containerId, names.network, names.ifname, ...salt], HASH_DIGITS)
  const word = readable(names.containerName ?? '', 9) || readable(names.containerId, 9) || 'tsnet'
  return `${word}-${hash}`
}

/** Bridge of a network: `tsnet0` for the default one, else `ts-`, 6 characters of the name and a hash of it. */
export function bridgeName(network: string): string {
  if (network === DEFAULT_NETWORK) return DEFAULT_BRIDGE
  return `ts-${readable(network, 6) || 'net'}-${shortHash([network], HASH_DIGITS)}`
}

/** Link alias of a network's bridge: what makes it ours to delete. */
export function networkAlias(network: string): string {
  return `tsnet:network/${network}`
}

/**
 * Link alias of an endpoint's host end. The name part keeps it apart from
 * {@link networkAlias} of any network, even for a container with the id "network".
 */
export function endpointAlias(names: Omit<EndpointNames, 'network'>): string {
  const { containerId, ifname, containerName = containerId } = names
  return cutBytes(`tsnet:${containerId}/${ifname} ${containerName}`, MAX_ALIAS_BYTES)
}

/** Who holds a lease, a port or a rule: `CONTAINER/IFNAME`, as in `PublishIntent.owner`. */
export function attachmentOwner(containerId: string, ifname: string): string {
  return `${containerId}/${ifname}`
}

/**
 * Whose a record is, by its key: of a container `ID`, or `ID~IFNAME` for a single attachment; of the host's end of an
 * endpoint `~ENDPOINT`. `~` is in no id.
 */
export function ownerInKey(key: string): string {
  return key.split('~').find((word) => word !== '') ?? key
}

/**
 * Why `name` cannot be an interface name. Stricter than the kernel, which only
 * refuses `/`, `:` and white space: names also stand in rules (`+` and `*` are
 * wildcards there, quotes end strings) and in /proc/sys/net/…/conf, where `all`
 * and `default` are taken.
 *
 * @returns undefined where it can
 */
export function ifnameFault(name: string): string | undefined {
  if (name === '') return 'is empty'
  const bytes = byteLength(name)
  if (bytes > MAX_IFNAME_BYTES) return `is ${bytes} bytes long, the kernel takes ${MAX_IFNAME_BYTES}`
  if (!/^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$/.test(name)) {
    return 'has characters other than letters, digits, "_", "-" and ".", or starts with "-" or "."'
  }
  return name === 'all' || name === 'default' ? 'is reserved by the kernel' : undefined
}

/** A locally administered MAC for whoever has no address to make one from: the same names, the same MAC. */
export function macFromNames(names: readonly string[]): Mac {
  const digits = shortHash(names, 10).match(/../g) ?? []
  return ['02', ...digits].join(':') as Mac
}

export function isIfname(name: string): boolean {
  return ifnameFault(name) === undefined
}

/** A name or id of a container: safe as a file name and in rule comments, at most 128 bytes. */
export function isContainerName(name: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name) && name.length <= MAX_NAME_BYTES
}

/** Like a container's, and none of the words that mean a mode. */
export function isNetworkName(name: string): boolean {
  return isContainerName(name) && !RESERVED_NETWORK_NAMES.includes(name)
}

/** A host name or domain: labels of 1-63, 253 in all (RFC 1123), `_` allowed as container names have it. */
export function isHostname(name: string): boolean {
  const label = /^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?$/
  return name.length <= 253 && name.split('.').every((part) => label.test(part))
}

/** Lower case and no dots: a dot in an interface name reads as a separator in sysctl(8) keys. */
function readable(text: string, length: number): string {
  const word = text
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^-+/, '')
  return word.slice(0, length).replace(/-+$/, '')
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}

function cutBytes(text: string, length: number): string {
  const bytes = new TextEncoder().encode(text)
  if (bytes.length <= length) return text
  // A character cut in half decodes as U+FFFD at the end.
  return new TextDecoder().decode(bytes.subarray(0, length)).replace(/\uFFFD+$/, '')
}
