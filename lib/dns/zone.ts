/**
 * The names of the containers, and who may see which.
 *
 * Filled by small changes (one container more or less), each of them done in
 * one go between two packets, so that a change costs the same whether there are
 * ten names or ten thousand. Pure: no clock, no sockets. The asker's address
 * decides what it sees: all networks it is on, no others; an unknown asker (the
 * host) sees the network whose gateway it asks.
 *
 * @module
 */

import { type Address, bytesOf, type Cidr, contains, familyOf, fromBytes } from '../model/address.ts'
import { keyOf, labelsOf } from './wire.ts'

/** Names end here too: `db.tsnet.internal`. `internal` is reserved for private use (ICANN, 2024). */
export const DEFAULT_DOMAIN = 'tsnet.internal'

/** Queries for that domain and what is below it go to these servers. */
export interface Route {
  readonly domain: string
  readonly servers: readonly Address[]
}

export interface ZoneNetwork {
  readonly name: string
  /** Gateway addresses: where the server listens. */
  readonly listen: readonly Address[]
  readonly subnets: readonly Cidr[]
  /** Nothing is forwarded for containers that are on internal networks only. */
  readonly internal: boolean
  /** Its names end here too, beside {@link DEFAULT_DOMAIN}. */
  readonly domain?: string
  /** Absent or empty: the host's. */
  readonly forwarders?: readonly Address[]
  /** Where the server listens; absent: 53. */
  readonly port?: number
}

export interface ZoneContainer {
  readonly id: string
  /** Its own names, the one PTR answers with first. */
  readonly names: readonly string[]
  readonly endpoints: readonly ZoneEndpoint[]
  /** Absent or empty: its networks', else the host's. */
  readonly forwarders?: readonly Address[]
  readonly services?: readonly ZoneService[]
}

export interface ZoneEndpoint {
  readonly network: string
  readonly addresses: readonly Address[]
  /** Names on this network only. */
  readonly aliases: readonly string[]
}

/** A published port: `_NAME._tcp.CONTAINER` and `_PORT._tcp.CONTAINER` are SRV records for it. */
export interface ZoneService {
  readonly port: number
  readonly protocol: string
}

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

export interface Zone {
  /** Counts changes: what was answered before may be different after one. */
  epoch(): number
  /** Adds or replaces. */
  putNetwork(network: ZoneNetwork): void
  /** Forgets a network, and its names with it. */
  dropNetwork(name: string): void
  /** Adds or replaces; endpoints on networks the zone does not know have no names. */
  putContainer(container: ZoneContainer): void
  dropContainer(id: string): boolean
  network(name: string): ZoneNetwork | undefined
  networks(): readonly ZoneNetwork[]
  containers(): readonly ZoneContainer[]
  /** Whether a container is on that network. */
  isUsed(network: string): boolean
  /** The view of whoever asks from that address; undefined where it is nobody we serve. */
  view(asker: string, listener: string): View | undefined
  /** The view of the network itself, as the host has it. */
  hostView(network: string): View | undefined
}

/** How an address is looked up: its bytes, one character each. */
export function addressKey(address: Address): string {
  return String.fromCharCode(...bytesOf(address))
}

interface Names {
  network: ZoneNetwork
  readonly names: Map<string, Entry>
  suffix: string
  domains: readonly string[]
  /** Containers on it. */
  readonly members: Set<string>
  hostView: View | undefined
  /** What was decided about askers that are no containers. */
  readonly strangers: Map<string, View>
}

const maxStrangers = 1024
const defaultDomainKey = keyOf(DEFAULT_DOMAIN) as string

/** @param isHost whether an address is the host's own: its packets may come from any of them (masquerading) */
export function createZone(isHost: (address: Address) => boolean = () => false): Zone {
  const networks = new Map<string, Names>()
  const containers = new Map<string, ZoneContainer>()
  const byAddress = new Map<string, ZoneContainer>()
  const views = new Map<string, View>()
  let epoch = 0
  let serial = 0

  const viewOf = (container: ZoneContainer): View => {
    const known = views.get(container.id)
    if (known !== undefined) return known
    const joined = container.endpoints
      .map(({ network }) => networks.get(network))
      .filter((n) => n !== undefined)
    const fromNetworks = [...new Set(joined.flatMap(({ network }) => network.forwarders ?? []))]
    const own = container.forwarders ?? []
    const view: View = {
      serial: serial++,
      container,
      networks: joined,
      internal: joined.length > 0 && joined.every(({ network }) => network.internal),
      forwarders: own.length > 0 ? own : fromNetworks,
    }
    views.set(container.id, view)
    return view
  }

  const hostView = (name: string): View | undefined => {
    const names = networks.get(name)
    if (names === undefined) return undefined
    names.hostView ??= {
      serial: serial++,
      networks: [names],
      internal: names.network.internal,
      forwarders: names.network.forwarders ?? [],
    }
    return names.hostView
  }

  const forgetViews = (names: Names): void => {
    names.hostView = undefined
    names.strangers.clear()
    for (const id of names.members) views.delete(id)
  }

  const remove = (container: ZoneContainer): void => {
    views.delete(container.id)
    containers.delete(container.id)
    for (const endpoint of container.endpoints) {
      for (const address of endpoint.addresses) {
        const key = addressKey(address)
        if (byAddress.get(key) === container) byAddress.delete(key)
      }
      const names = networks.get(endpoint.network)
      if (names === undefined) continue
      names.members.delete(container.id)
      for (const [key, part] of recordsOf(container, endpoint)) withdraw(names.names, key, part)
    }
  }

  const add = (container: ZoneContainer): void => {
    containers.set(container.id, container)
    for (const endpoint of container.endpoints) {
      const names = networks.get(endpoint.network)
      if (names === undefined) continue
      for (const address of endpoint.addresses) byAddress.set(addressKey(address), container)
      names.members.add(container.id)
      for (const [key, part] of recordsOf(container, endpoint)) contribute(names.names, key, part)
    }
  }

  return {
    epoch: () => epoch,
    putNetwork: (network) => {
      epoch++
      const there = networks.get(network.name)
      if (there === undefined) {
        networks.set(network.name, {
          network,
          names: new Map(),
          suffix: suffixOf(network),
          domains: domainsOf(network),
          members: new Set(),
          hostView: undefined,
          strangers: new Map(),
        })
        return
      }
      there.network = network
      there.domains = domainsOf(network)
      forgetViews(there)
    },
    dropNetwork: (name) => {
      epoch++
      const there = networks.get(name)
      if (there === undefined) return
      for (const id of [...there.members]) {
        const container = containers.get(id)
        if (container === undefined) continue
        remove(container)
        const endpoints = container.endpoints.filter(({ network }) => network !== name)
        if (endpoints.length > 0) add({ ...container, endpoints })
      }
      networks.delete(name)
    },
    putContainer: (container) => {
      epoch++
      const before = containers.get(container.id)
      if (before !== undefined) remove(before)
      add(container)
    },
    dropContainer: (id) => {
      epoch++
      const before = containers.get(id)
      if (before !== undefined) remove(before)
      return before !== undefined
    },
    network: (name) => networks.get(name)?.network,
    networks: () => [...networks.values()].map(({ network }) => network),
    containers: () => [...containers.values()],
    isUsed: (name) => (networks.get(name)?.members.size ?? 0) > 0,
    hostView,
    view: (asker, listener) => {
      const container = byAddress.get(asker)
      if (container !== undefined) return viewOf(container)
      const names = networks.get(listener)
      if (names === undefined) return undefined
      const { strangers } = names
      const known = strangers.get(asker)
      if (known !== undefined) return known
      // An address of this subnet that nobody has told us of, or the host itself.
      const address = fromBytes(Buffer.from(asker, 'latin1'))
      const inside =
        names.network.listen.includes(address) ||
        names.network.subnets.some((subnet) => contains(subnet, address)) ||
        isHost(address)
      const view = inside ? hostView(listener) : undefined
      // Sources can be forged: what is remembered of them stays small.
      if (strangers.size >= maxStrangers) strangers.clear()
      if (view !== undefined) strangers.set(asker, view)
      return view
    },
  }
}

/** What one endpoint has to say about one name. */
interface Part {
  readonly addresses: readonly Address[]
  readonly pointers: readonly string[]
  readonly services: readonly { readonly port: number; readonly target: string }[]
}

/** Every name of an endpoint with its part; the same name given twice counts once. */
function recordsOf(
  container: ZoneContainer,
  { network, addresses, aliases }: ZoneEndpoint,
): Map<string, Part> {
  const records = new Map<string, Part>()
  const target = `${container.names[0] ?? aliases[0] ?? container.id}.${network}`
  for (const name of [...container.names, ...aliases]) {
    const key = keyOf(name)
    if (key === undefined) continue
    records.set(key, { addresses, pointers: [], services: [] })
    for (const { port, protocol } of container.services ?? []) {
      for (const label of [String(port), ...(serviceNames[`${port}/${protocol}`] ?? [])]) {
        const service = keyOf(`_${label}._${protocol}.${name}`)
        if (service !== undefined)
          records.set(service, { addresses: [], pointers: [], services: [{ port, target }] })
      }
    }
  }
  for (const address of addresses) {
    records.set(reverseKey(address), { addresses: [], pointers: [target], services: [] })
  }
  return records
}

/** Names of well-known ports (IANA), for SRV; the number always works. */
const serviceNames: Readonly<Record<string, readonly string[]>> = {
  '21/tcp': ['ftp'],
  '22/tcp': ['ssh'],
  '25/tcp': ['smtp'],
  '53/tcp': ['domain'],
  '53/udp': ['domain'],
  '80/tcp': ['http'],
  '88/tcp': ['kerberos'],
  '88/udp': ['kerberos'],
  '110/tcp': ['pop3'],
  '123/udp': ['ntp'],
  '143/tcp': ['imap'],
  '389/tcp': ['ldap'],
  '443/tcp': ['https'],
  '443/udp': ['https'],
  '587/tcp': ['submission'],
  '636/tcp': ['ldaps'],
  '993/tcp': ['imaps'],
  '1883/tcp': ['mqtt'],
  '2379/tcp': ['etcd-client'],
  '2380/tcp': ['etcd-server'],
  '3306/tcp': ['mysql'],
  '5060/tcp': ['sip'],
  '5060/udp': ['sip'],
  '5222/tcp': ['xmpp-client'],
  '5269/tcp': ['xmpp-server'],
  '5432/tcp': ['postgresql'],
  '5672/tcp': ['amqp'],
  '6379/tcp': ['redis'],
  '8080/tcp': ['http-alt'],
  '27017/tcp': ['mongodb'],
}

interface MutableEntry extends Entry {
  readonly parts: Part[]
  addresses: readonly Address[]
  pointers: readonly string[]
  services: Entry['services']
}

function contribute(names: Map<string, Entry>, key: string, part: Part): void {
  let entry = names.get(key) as MutableEntry | undefined
  if (entry === undefined) {
    entry = { parts: [], addresses: [], pointers: [], services: [], prepared: undefined, turn: 0 }
    names.set(key, entry)
  }
  entry.parts.push(part)
  refresh(entry)
}

function withdraw(names: Map<string, Entry>, key: string, part: Part): void {
  const entry = names.get(key) as MutableEntry | undefined
  if (entry === undefined) return
  const i = entry.parts.findIndex((other) => JSON.stringify(other) === JSON.stringify(part))
  if (i !== -1) entry.parts.splice(i, 1)
  if (entry.parts.length === 0) names.delete(key)
  else refresh(entry)
}

function refresh(entry: MutableEntry): void {
  const [first] = entry.parts
  const one = entry.parts.length === 1 && first !== undefined
  entry.addresses = one ? first.addresses : [...new Set(entry.parts.flatMap((part) => part.addresses))]
  entry.pointers = one ? first.pointers : [...new Set(entry.parts.flatMap((part) => part.pointers))]
  entry.services = one ? first.services : entry.parts.flatMap((part) => part.services)
  entry.prepared = undefined
}

function suffixOf(network: ZoneNetwork): string {
  // Names of networks may be too long for a label; then NAME.NETWORK cannot be asked.
  return keyOf(network.name) ?? '\0'
}

function domainsOf(network: ZoneNetwork): readonly string[] {
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

const IN_ADDR = keyOf('in-addr.arpa') as string
const IP6 = keyOf('ip6.arpa') as string

/** The name PTR records of an address are found under. */
export function reverseKey(address: Address): string {
  const bytes = [...bytesOf(address)].reverse()
  const labels =
    familyOf(address) === 4
      ? bytes.map(String)
      : bytes.flatMap((byte) => [(byte & 15).toString(16), (byte >> 4).toString(16)])
  return (
    labels.map((label) => String.fromCharCode(label.length) + label).join('') +
    (familyOf(address) === 4 ? IN_ADDR : IP6)
  )
}

/** The address a reverse name speaks of; undefined for other names and for whole prefixes. */
export function addressOfReverse(key: string): Address | undefined {
  if (key.endsWith(IN_ADDR)) {
    const labels = labelsOf(key).slice(0, -2)
    if (
      labels.length !== 4 ||
      !labels.every((label) => /^(0|[1-9]\d{0,2})$/.test(label) && Number(label) < 256)
    )
      return undefined
    return fromBytes(Uint8Array.from(labels.reverse().map(Number)))
  }
  if (!key.endsWith(IP6)) return undefined
  const labels = labelsOf(key).slice(0, -2)
  if (labels.length !== 32 || !labels.every((label) => /^[0-9a-f]$/.test(label))) return undefined
  const digits = labels.reverse().join('')
  return fromBytes(
    Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)),
  )
}
