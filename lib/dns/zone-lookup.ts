/**
 * Looking a name up in what an asker sees. Not responsible for who sees what
 * (zone.ts).
 *
 * @module
 */

import type { Address } from '../model/address.ts'
import { keyOf } from './wire.ts'
import type { ZoneContainer, ZoneNetwork } from './zone-contents.ts'

/** Names end here too: `db.tsnet.internal`. `internal` is reserved for private use (ICANN, 2024). */
export const DEFAULT_DOMAIN = 'tsnet.internal'

/** What one name means on one network. */
export interface Entry {
  readonly addresses: readonly Address[]
  /** Names an address belongs to, for PTR. */
  readonly pointers: readonly string[]
  readonly services: readonly { readonly port: number; readonly target: string }[]
  /** Prepared answers by type, made at the first question (zone-fast.ts). */
  prepared: Map<number, readonly Uint8Array[]> | undefined
  /** Counts answers, to rotate them. */
  turn: number
}

/** What one asker sees. */
export interface View {
  /** No two views have the same. */
  readonly serial: number
  readonly container?: ZoneContainer
  readonly networks: readonly NetworkNames[]
  /** Only internal networks: nothing is ever forwarded. */
  readonly internal: boolean
  readonly forwarders: readonly Address[]
}

/** The names of one network. */
export interface NetworkNames {
  readonly network: ZoneNetwork
  readonly names: ReadonlyMap<string, Entry>
  /** `\x03web\x00` */
  readonly suffix: string
  readonly domains: readonly string[]
}

/** A name looked up: what was found, and whether the name is ours even if nothing was. */
export interface Found {
  readonly entries: readonly Entry[]
  /** Key of the domain of ours it lies in. */
  readonly within: string | undefined
}

const defaultDomainKey = keyOf(DEFAULT_DOMAIN) as string

/** What `NAME.NETWORK` ends with. */
export function suffixOf(network: ZoneNetwork): string {
  // Names of networks may be too long for a label; then NAME.NETWORK cannot be asked.
  return keyOf(network.name) ?? '\0'
}

/** Keys of the domains its names end in, its own first. */
export function domainsOf(network: ZoneNetwork): readonly string[] {
  const own = network.domain === undefined ? undefined : keyOf(network.domain)
  return own === undefined || own === defaultDomainKey ? [defaultDomainKey] : [own, defaultDomainKey]
}

const nothing: Found = { entries: [], within: undefined }

/**
 * Looks a name up in everything the asker sees: as it is, as `NAME.NETWORK`, as
 * `NAME.DOMAIN`. A name on several of its networks means all their addresses.
 */
export function lookup(view: View, key: string): Found {
  const entries = entriesOf(view.networks, key)
  if (entries.length > 0) return { entries, within: key }
  for (const names of view.networks) {
    for (const domain of names.domains) {
      if (!key.endsWith(domain)) continue
      const head = headOf(key, domain)
      const found = head === undefined ? [] : entriesBelow(view.networks, head)
      return { entries: found, within: domain }
    }
  }
  let found = nothing
  for (const names of view.networks) {
    if (names.suffix === '\0' || !key.endsWith(names.suffix)) continue
    const head = headOf(key, names.suffix)
    const entry = head === undefined ? undefined : names.names.get(head)
    if (entry !== undefined) return { entries: [entry], within: key }
    if (!publicTopLevels.has(names.network.name.toLowerCase())) found = { entries: [], within: names.suffix }
  }
  return found
}

/** `\x02db\x03web\x00` without `\x03web\x00`; undefined for the suffix itself. */
function headOf(key: string, suffix: string): string | undefined {
  return key.length === suffix.length ? undefined : `${key.slice(0, -suffix.length)}\0`
}

/** Below a domain: `NAME`, and `NAME.NETWORK` as well. */
function entriesBelow(networks: readonly NetworkNames[], key: string): readonly Entry[] {
  const direct = entriesOf(networks, key)
  if (direct.length > 0) return direct
  return networks.flatMap((names) => {
    if (!key.endsWith(names.suffix)) return []
    const head = headOf(key, names.suffix)
    return (head === undefined ? undefined : names.names.get(head)) ?? []
  })
}

function entriesOf(networks: readonly NetworkNames[], key: string): readonly Entry[] {
  const [first] = networks
  if (networks.length === 1 && first !== undefined) {
    const entry = first.names.get(key)
    return entry === undefined ? [] : [entry]
  }
  return networks.map(({ names }) => names.get(key)).filter((entry) => entry !== undefined)
}

/**
 * Words people give their networks that are top-level domains too: what is
 * unknown below them is forwarded, or `-network dev` would cut its containers
 * off from every site in `.dev`.
 */
const publicTopLevels: ReadonlySet<string> = new Set(
  'ai app at be biz ch cloud cn co com de dev es eu fr in info io it ly me net nl online org page pl se tv uk us xyz'.split(
    ' ',
  ),
)
