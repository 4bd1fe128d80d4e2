/**
 * What a bundle wishes of its network: annotations `net.tsnet.NAME`, and for
 * whatever they leave out the host's `/etc/tsnet/hooks.json` with the same names.
 *
 * Values are the texts the flags of `tsnet setup` take, and read by the same
 * parsers; a mistake names the annotation, or the file and its member.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { Address } from '../../model/address.ts'
import type { EndpointRequest, FirewallBackend, SetupRequest } from '../../model/attachment.ts'
import { DEFAULT_NETWORK } from '../../model/names.ts'
import { nearest } from '../../model/nearest.ts'
import { parseAddHost } from '../../model/specs/addhost.ts'
import { parseExpose } from '../../model/specs/expose.ts'
import { parseLink } from '../../model/specs/link.ts'
import { combineNetworkFlags, parseNetworkFlag } from '../../model/specs/network.ts'
import { parsePublish } from '../../model/specs/publish.ts'
import {
  readAddress,
  readContainerName,
  readHostname,
  readMac,
  readMtu,
  readUnicast,
} from '../../model/specs/scalar.ts'
import { readResolverOption, readSearchDomain } from '../../model/validate.ts'

/** Whether a wish may hold several values, and whether commas part them as white space does. */
const kinds = {
  network: { several: true, commas: false },
  publish: { several: true, commas: true },
  expose: { several: true, commas: true },
  'publish-all': { several: false, commas: false },
  'ignore-publish': { several: false, commas: false },
  alias: { several: true, commas: true },
  ip: { several: false, commas: false },
  ip6: { several: false, commas: false },
  mac: { several: false, commas: false },
  mtu: { several: false, commas: false },
  name: { several: false, commas: false },
  hostname: { several: false, commas: false },
  dns: { several: true, commas: true },
  'dns-search': { several: true, commas: true },
  'dns-option': { several: true, commas: true },
  'add-host': { several: true, commas: true },
  link: { several: true, commas: true },
  firewall: { several: false, commas: false },
} as const

export type WishName = keyof typeof kinds

const wishNames = Object.keys(kinds) as readonly WishName[]

export const annotationPrefix = 'net.tsnet.'

interface Wish {
  readonly values: readonly string[]
  /** Where it stands, for errors. */
  readonly field: string
}

export type Wishes = ReadonlyMap<WishName, Wish>

/** @throws TSNET_BAD_VALUE (invalid) for an unknown `net.tsnet.` annotation, or one value too many */
export function wishesOfAnnotations(annotations: Readonly<Record<string, string>>): Wishes {
  return new Map(
    Object.entries(annotations)
      .filter(([key]) => key.startsWith(annotationPrefix))
      .map(([key, value]) => {
        const name = wishName(key.slice(annotationPrefix.length), key)
        return [name, wishOf(name, split(name, value), key)]
      }),
  )
}

/** @throws TSNET_BAD_JSON, TSNET_BAD_VALUE (invalid) */
export function wishesOfFile(document: unknown, path: string): Wishes {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw fail('TSNET_BAD_JSON', {
      message: `reading ${path}: it is no object`,
      hint: 'such as {"network": "front", "publish": ["8080:80"]}',
    })
  }
  return new Map(
    Object.entries(document).map(([key, value]: [string, unknown]) => {
      const field = `${path} ${key}`
      const name = wishName(key, field)
      return [name, wishOf(name, textsOf(name, value, field), field)]
    }),
  )
}

function textsOf(name: WishName, value: unknown, field: string): readonly string[] {
  if (typeof value === 'string') return split(name, value)
  if (typeof value === 'boolean' || typeof value === 'number') return [String(value)]
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value
  const message = `reading ${field}: text or a list of texts was expected`
  throw fail('TSNET_BAD_JSON', {
    field,
    value,
    message,
    hint: 'such as "8080:80" or ["8080:80", "53:53/udp"]',
  })
}

function split(name: WishName, value: string): readonly string[] {
  return value.split(kinds[name].commas ? /[\s,]+/ : /\s+/).filter((part) => part !== '')
}

function wishName(text: string, field: string): WishName {
  const name = wishNames.find((known) => known === text)
  if (name !== undefined) return name
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: text,
    message: `reading ${field}: there is no such wish`,
    hint: nearest(text, wishNames) ?? `known are ${wishNames.join(', ')}`,
  })
}

function wishOf(name: WishName, values: readonly string[], field: string): Wish {
  if (values.length === 1 || kinds[name].several) return { values, field }
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: values.join(' '),
    message: `reading ${field}: ${values.length === 0 ? 'it is empty' : `one value was expected, there are ${values.length}`}`,
    hint: 'write one value, or leave it out',
  })
}

export interface WishingContainer {
  readonly id: string
  /** Path of its network namespace. */
  readonly netns: string
  readonly hostname?: string
  readonly resolvConf?: string
  readonly hostsFile?: string
}

/** What the engine is asked for: annotations, then defaults. @throws TSNET_BAD_VALUE, TSNET_MODE_MISMATCH (invalid) */
export function requestOf(container: WishingContainer, wishes: readonly Wishes[]): SetupRequest {
  const found = (name: WishName): Wish | undefined => wishes.find((one) => one.has(name))?.get(name)
  const all = <T>(name: WishName, read: (text: string, field: string) => T): readonly T[] => {
    const { values = [], field = '' } = found(name) ?? {}
    return values.map((value) => read(value, field))
  }
  const one = <T>(name: WishName, read: (text: string, field: string) => T): T | undefined =>
    all(name, read)[0]
  const networks = networksOf(all, one, found('network')?.field)
  const { id, hostname: ownHostname } = container
  const hostname = one('hostname', readHostname) ?? ownHostname
  // Ids of engines are 64 digits and no name; those of bare runtimes are chosen by people.
  const name = one('name', readContainerName) ?? (/^[0-9a-f]{64}$/.test(id) ? undefined : id)
  const firewall = one('firewall', readBackend)
  const links = all('link', parseLink)
  const hosts = all('add-host', parseAddHost)
  const { resolvConf, hostsFile } = container
  return {
    sandbox: { path: container.netns },
    container: {
      id,
      ...(name === undefined ? {} : { name }),
      ...(hostname === undefined ? {} : { hostname }),
    },
    ...networks,
    publish: all('publish', parsePublish),
    expose: all('expose', parseExpose),
    publishAll: one('publish-all', readSwitch) ?? false,
    ignorePublish: one('ignore-publish', readSwitch) ?? false,
    resolver: {
      ...listed(
        'servers',
        all('dns', (text, field) => readAddress(text, field)),
      ),
      ...listed('search', all('dns-search', readSearchDomain)),
      ...listed('options', all('dns-option', readResolverOption)),
      ...listed('hosts', hosts),
      ...(resolvConf === undefined ? {} : { resolvConf }),
      ...(hostsFile === undefined ? {} : { hostsFile }),
    },
    ...(links.length === 0 ? {} : { links }),
    sysctls: {},
    ...(firewall === undefined ? {} : { firewall }),
  }
}

function listed<K extends string, T>(key: K, values: readonly T[]): Partial<Record<K, readonly T[]>> {
  return values.length === 0 ? {} : ({ [key]: values } as Partial<Record<K, readonly T[]>>)
}

type All = <T>(name: WishName, read: (text: string, field: string) => T) => readonly T[]
type One = <T>(name: WishName, read: (text: string, field: string) => T) => T | undefined

/** Address, MAC and MTU are wishes for the first network, aliases for all of them. */
function networksOf(
  all: All,
  one: One,
  field = `${annotationPrefix}network`,
): Pick<SetupRequest, 'mode' | 'shareWith' | 'networks'> {
  const combined = combineNetworkFlags(all('network', parseNetworkFlag), field)
  if (combined.mode !== 'bridge') return combined
  const addresses = [
    one('ip', (text, at) => readUnicast(text, at, 4)),
    one('ip6', (text, at) => readUnicast(text, at, 6)),
  ].filter((address): address is Address => address !== undefined)
  const mac = one('mac', readMac)
  const mtuBytes = one('mtu', readMtu)
  const aliases = all('alias', readHostname)
  const [head = { network: DEFAULT_NETWORK }, ...rest] = combined.networks
  const first: EndpointRequest = {
    ...head,
    ...(addresses.length === 0 ? {} : { addresses: [...(head.addresses ?? []), ...addresses] }),
    ...(mac === undefined ? {} : { mac }),
    ...(mtuBytes === undefined ? {} : { mtuBytes }),
  }
  const named = (request: EndpointRequest): EndpointRequest =>
    aliases.length === 0 ? request : { ...request, aliases: [...(request.aliases ?? []), ...aliases] }
  return { mode: 'bridge', networks: [first, ...rest].map(named) }
}

function readSwitch(text: string, field: string): boolean {
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0') return false
  const message = `reading ${field}: "${text}" is neither true nor false`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint: 'write true or false' })
}

function readBackend(text: string, field: string): FirewallBackend {
  if (text === 'iptables' || text === 'nftables' || text === 'none') return text
  const message = `reading ${field}: "${text}" is no firewall backend`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint: 'use iptables, nftables or none' })
}
