/**
 * Results: one shape inside, the shapes of all versions outside.
 *
 * Inside it is that of 1.1.0. Reading is lenient where the reference plugins
 * are: keys of 1.1.0 are read and printed under 1.0.0 as well.
 *
 * @see https://github.com/containernetworking/cni/blob/main/SPEC.md#add-success
 * @module
 */

import { type Address, type Cidr, familyOf, parseAddress, parseCidr } from '../../model/address.ts'
import { type CniError, cniError } from './errors.ts'
import { type CniVersion, isAtLeast } from './versions.ts'

/** An interface that was made, inside (with `sandbox`) or on the host. */
export interface CniInterface {
  readonly name: string
  readonly mac?: string
  readonly mtu?: number
  readonly sandbox?: string
  readonly socketPath?: string
  readonly pciID?: string
}

/** An address, and the index of its interface. */
export interface CniIp {
  /** Host bits kept. */
  readonly address: Cidr
  readonly gateway?: Address
  /** Index into `interfaces`. */
  readonly interface?: number
}

/** A route of the container. */
export interface CniRoute {
  readonly dst: Cidr
  readonly gw?: Address
  readonly mtu?: number
  readonly advmss?: number
  readonly priority?: number
  readonly table?: number
  readonly scope?: number
}

/** Name servers for the container. */
export interface CniDns {
  readonly nameservers?: readonly string[]
  readonly domain?: string
  readonly search?: readonly string[]
  readonly options?: readonly string[]
}

/** What ADD answers, in the shape of version 1.1.0; older shapes are converted from it. */
export interface CniResult {
  readonly interfaces: readonly CniInterface[]
  readonly ips: readonly CniIp[]
  readonly routes: readonly CniRoute[]
  readonly dns: CniDns
}

export const emptyResult: CniResult = { interfaces: [], ips: [], routes: [], dns: {} }

type Json = Readonly<Record<string, unknown>>

/** @throws CniError 6 for a result nobody can read */
export function decodeResult(json: unknown, version: CniVersion): CniResult {
  const document = objectAt(json, 'the result')
  const dns = decodeDns(document['dns'])
  if (!isAtLeast(version, '0.3.0')) {
    const halves = [document['ip4'], document['ip6']].filter((half) => half !== undefined && half !== null)
    const read = halves.map((half) => decodeOld(objectAt(half, 'ip4 or ip6')))
    return {
      interfaces: [],
      ips: read.map(({ ip }) => ip),
      routes: read.flatMap(({ routes }) => routes),
      dns,
    }
  }
  return {
    interfaces: listAt(document['interfaces'], 'interfaces').map(decodeInterface),
    ips: listAt(document['ips'], 'ips').map(decodeIp),
    routes: listAt(document['routes'], 'routes').map(decodeRoute),
    dns,
  }
}

function decodeOld(half: Json): { readonly ip: CniIp; readonly routes: readonly CniRoute[] } {
  const gateway = addressAt(half['gateway'], 'gateway')
  return {
    ip: { address: cidrAt(half['ip'], 'ip'), ...(gateway === undefined ? {} : { gateway }) },
    routes: listAt(half['routes'], 'routes').map(decodeRoute),
  }
}

function decodeInterface(json: Json): CniInterface {
  const text = (key: string): Record<string, string> =>
    typeof json[key] === 'string' && json[key] !== '' ? { [key]: json[key] } : {}
  return {
    name: typeof json['name'] === 'string' ? json['name'] : '',
    ...text('mac'),
    ...numbers(json, ['mtu']),
    ...text('sandbox'),
    ...text('socketPath'),
    ...text('pciID'),
  }
}

function decodeIp(json: Json): CniIp {
  const gateway = addressAt(json['gateway'], 'ips[].gateway')
  return {
    ...numbers(json, ['interface']),
    address: cidrAt(json['address'], 'ips[].address'),
    ...(gateway === undefined ? {} : { gateway }),
  }
}

/** Of a result, and of the `routes` of IPAM configurations. */
export function decodeRoute(json: Json): CniRoute {
  const gw = addressAt(json['gw'], 'routes[].gw')
  return {
    dst: cidrAt(json['dst'], 'routes[].dst'),
    ...(gw === undefined ? {} : { gw }),
    ...numbers(json, ['mtu', 'advmss', 'priority', 'table', 'scope']),
  }
}

export function decodeDns(json: unknown): CniDns {
  if (json === undefined || json === null) return {}
  const object = objectAt(json, 'dns')
  const list = (key: string): Record<string, readonly string[]> => {
    const value = object[key]
    return Array.isArray(value) && value.length > 0 ? { [key]: value.map(String) } : {}
  }
  return {
    ...list('nameservers'),
    ...(typeof object['domain'] === 'string' && object['domain'] !== '' ? { domain: object['domain'] } : {}),
    ...list('search'),
    ...list('options'),
  }
}

/**
 * The document to print.
 *
 * @throws CniError 999 for versions before 0.3.0 where there is no address: they cannot say so
 */
export function encodeResult(result: CniResult, version: CniVersion): Json {
  const { interfaces, ips, routes, dns } = result
  if (!isAtLeast(version, '0.3.0')) return encodeOld(result, version)
  const named = !isAtLeast(version, '1.0.0')
  return {
    cniVersion: version,
    ...(interfaces.length === 0 ? {} : { interfaces: named ? interfaces.map(oldInterface) : interfaces }),
    ...(ips.length === 0
      ? {}
      : {
          ips: ips.map((ip) => ({ ...(named ? { version: String(familyOf(ip.address)) } : {}), ...ip })),
        }),
    ...(routes.length === 0
      ? {}
      : { routes: named ? routes.map(({ dst, gw }) => ({ dst, ...(gw && { gw }) })) : routes }),
    ...(named || Object.keys(dns).length > 0 ? { dns } : {}),
  }
}

/** Without the keys of 1.1.0. */
function oldInterface({ name, mac, sandbox }: CniInterface): Json {
  return { name, ...(mac === undefined ? {} : { mac }), ...(sandbox === undefined ? {} : { sandbox }) }
}

function encodeOld({ ips, routes, dns }: CniResult, version: CniVersion): Json {
  const half = (family: 4 | 6): Json | undefined => {
    const ip = ips.find(({ address }) => familyOf(address) === family)
    if (ip === undefined) return undefined
    const own = routes.filter(({ dst }) => familyOf(dst) === family)
    return {
      ip: ip.address,
      ...(ip.gateway === undefined ? {} : { gateway: ip.gateway }),
      ...(own.length === 0 ? {} : { routes: own.map(({ dst, gw }) => ({ dst, ...(gw && { gw }) })) }),
    }
  }
  const [ip4, ip6] = [half(4), half(6)]
  if (ip4 === undefined && ip6 === undefined) throw cniError('other', 'cannot convert: no valid IP addresses')
  return { cniVersion: version, ...(ip4 && { ip4 }), ...(ip6 && { ip6 }), dns }
}

function numbers<K extends string>(json: Json, keys: readonly K[]): Partial<Record<K, number>> {
  return Object.fromEntries(
    keys.flatMap((key) => (typeof json[key] === 'number' ? [[key, json[key]]] : [])),
  ) as Partial<Record<K, number>>
}

function objectAt(json: unknown, what: string): Json {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Json
  throw unreadable(`${what} is no object`)
}

function listAt(json: unknown, what: string): readonly Json[] {
  if (json === undefined || json === null) return []
  if (!Array.isArray(json)) throw unreadable(`${what} is no list`)
  return json.map((one) => objectAt(one, `${what}[]`))
}

function addressAt(json: unknown, what: string): Address | undefined {
  if (json === undefined || json === null || json === '') return undefined
  const address = typeof json === 'string' ? parseAddress(json) : undefined
  if (address === undefined) throw unreadable(`${what} ${JSON.stringify(json)} is no IP address`)
  return address
}

function cidrAt(json: unknown, what: string): Cidr {
  const cidr = typeof json === 'string' ? parseCidr(json) : undefined
  if (cidr === undefined)
    throw unreadable(`${what} ${JSON.stringify(json)} is no address with a prefix length`)
  return cidr
}

function unreadable(why: string): CniError {
  return cniError('decode', `reading a result: ${why}`)
}
