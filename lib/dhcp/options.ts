/**
 * What options of DHCP mean: their numbers, and the lease an acknowledgement
 * speaks of.
 *
 * @see https://www.rfc-editor.org/rfc/rfc2132, RFC 3442 for classless routes
 * @module
 */

import { type Address, type Cidr, fromBytes, withPrefix } from '../model/address.ts'
import type { Message, Options } from './message.ts'

export const dhcpOptions = {
  subnetMask: 1,
  routers: 3,
  nameServers: 6,
  hostName: 12,
  domainName: 15,
  mtu: 26,
  staticRoutes: 33,
  requestedAddress: 50,
  leaseSeconds: 51,
  server: 54,
  wanted: 55,
  maximumBytes: 57,
  renewSeconds: 58,
  rebindSeconds: 59,
  vendorClass: 60,
  clientId: 61,
  userClass: 77,
  search: 119,
  classlessRoutes: 121,
} as const

/** Names as ISC's dhclient and the reference plugin spell them. */
const byName: Readonly<Record<string, number>> = {
  'subnet-mask': dhcpOptions.subnetMask,
  routers: dhcpOptions.routers,
  'domain-name-servers': dhcpOptions.nameServers,
  'host-name': dhcpOptions.hostName,
  'domain-name': dhcpOptions.domainName,
  'interface-mtu': dhcpOptions.mtu,
  'static-routes': dhcpOptions.staticRoutes,
  'vendor-class-identifier': dhcpOptions.vendorClass,
  'dhcp-client-identifier': dhcpOptions.clientId,
  'user-class': dhcpOptions.userClass,
  'domain-search': dhcpOptions.search,
  'rfc3442-classless-static-routes': dhcpOptions.classlessRoutes,
}

/** @returns undefined for a name nobody knows and a number that cannot be */
export function optionNumber(text: string): number | undefined {
  const named = byName[text]
  if (named !== undefined) return named
  if (!/^\d{1,3}$/.test(text)) return undefined
  const number = Number(text)
  return number >= 1 && number <= 254 ? number : undefined
}

export interface LeaseRoute {
  readonly to: Cidr
  /** Absent: by the link itself. */
  readonly via?: Address
}

/** What a server has given. */
export interface Lease {
  readonly address: Cidr
  readonly server: Address
  readonly gateway?: Address
  readonly routes: readonly LeaseRoute[]
  readonly nameServers: readonly Address[]
  readonly domain?: string
  readonly search: readonly string[]
  readonly mtu?: number
  /** Absent: for ever. */
  readonly seconds?: number
  /** From when on the server is asked again, and from when on any server. */
  readonly renewSeconds: number
  readonly rebindSeconds: number
}

const forEver = 0xffffffff

/** @returns undefined where address, mask, server or time are missing: nothing can be done with it */
export function leaseOf({ yourAddress, options }: Message): Lease | undefined {
  const mask = options.get(dhcpOptions.subnetMask)
  const [server] = addresses(options, dhcpOptions.server)
  const seconds = number(options, dhcpOptions.leaseSeconds)
  if (yourAddress === undefined || mask?.length !== 4 || server === undefined || seconds === undefined)
    return undefined
  const [gateway] = addresses(options, dhcpOptions.routers)
  const domain = text(options, dhcpOptions.domainName)
  const mtu = options.get(dhcpOptions.mtu)
  return {
    address: withPrefix(yourAddress, onesIn(mask)),
    server,
    ...(gateway === undefined ? {} : { gateway }),
    routes: routesOf(options, gateway),
    nameServers: addresses(options, dhcpOptions.nameServers),
    ...(domain === undefined ? {} : { domain }),
    search: names(options.get(dhcpOptions.search)),
    ...(mtu?.length === 2 ? { mtu: mtu.readUInt16BE(0) } : {}),
    ...(seconds === forEver ? {} : { seconds }),
    ...renewalOf(options, seconds),
  }
}

/** As the server says where that comes in time: never at once, the first before the second, both before the end. */
function renewalOf(options: Options, seconds: number): Pick<Lease, 'renewSeconds' | 'rebindSeconds'> {
  const within = (option: number, end: number): number | undefined => {
    const said = number(options, option) ?? 0
    return said > 0 && said <= end ? said : undefined
  }
  const rebindSeconds = within(dhcpOptions.rebindSeconds, seconds) ?? (seconds * 7) / 8
  const renewSeconds = within(dhcpOptions.renewSeconds, rebindSeconds) ?? Math.min(seconds / 2, rebindSeconds)
  return { renewSeconds, rebindSeconds }
}

/** Classless routes stand for all others and for the router (RFC 3442). */
function routesOf(options: Options, gateway: Address | undefined): readonly LeaseRoute[] {
  const classless = classlessRoutes(options.get(dhcpOptions.classlessRoutes))
  if (classless.length > 0) return classless
  const old = addresses(options, dhcpOptions.staticRoutes)
  const pairs = Array.from({ length: Math.floor(old.length / 2) }, (_, i): LeaseRoute => {
    const [to, via] = [old[2 * i] as Address, old[2 * i + 1] as Address]
    return { to: withPrefix(to, classLength(to)), via }
  })
  return gateway === undefined ? pairs : [...pairs, { to: '0.0.0.0/0' as Cidr, via: gateway }]
}

/** A length, as many bytes of the destination as it needs, a router. */
function classlessRoutes(bytes: Buffer | undefined): readonly LeaseRoute[] {
  const routes: LeaseRoute[] = []
  for (let at = 0; bytes !== undefined && at < bytes.length; ) {
    const length = bytes[at] as number
    const significant = Math.ceil(length / 8)
    const next = at + 1 + significant + 4
    if (length > 32 || next > bytes.length) return routes
    const destination = Buffer.alloc(4)
    bytes.copy(destination, 0, at + 1, at + 1 + significant)
    const router = bytes.subarray(next - 4, next)
    const to = withPrefix(fromBytes(destination), length)
    routes.push(router.readUInt32BE(0) === 0 ? { to } : { to, via: fromBytes(router) })
    at = next
  }
  return routes
}

/** Of the days before masks. */
function classLength(address: Address): number {
  const first = Number(address.slice(0, address.indexOf('.')))
  return first < 128 ? 8 : first < 192 ? 16 : 24
}

function onesIn(mask: Buffer): number {
  return mask.readUInt32BE(0).toString(2).padStart(32, '0').replace(/0.*$/, '').length
}

function number(options: Options, option: number): number | undefined {
  const bytes = options.get(option)
  return bytes?.length === 4 ? bytes.readUInt32BE(0) : undefined
}

function text(options: Options, option: number): string | undefined {
  // Some servers end it with a zero.
  const found = options.get(option)?.toString('latin1').replace(/\0+$/, '')
  return found === undefined || found === '' ? undefined : found
}

function addresses(options: Options, option: number): readonly Address[] {
  const bytes = options.get(option) ?? Buffer.alloc(0)
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) =>
    fromBytes(bytes.subarray(4 * i, 4 * i + 4)),
  )
}

/** Names as in DNS messages, with pointers within the option (RFC 3397). */
function names(bytes: Buffer | undefined): readonly string[] {
  const found: string[] = []
  for (let at = 0; bytes !== undefined && at < bytes.length; ) {
    const name = nameAt(bytes, at)
    if (name === undefined) return found
    found.push(name.text)
    at = name.next
  }
  return found
}

const pointer = 0xc0

function nameAt(bytes: Buffer, start: number): { readonly text: string; readonly next: number } | undefined {
  const parts: string[] = []
  let next: number | undefined
  for (let at = start, jumps = 0; ; ) {
    const length = bytes[at]
    if (length === undefined || jumps > bytes.length) return undefined
    if (length === 0) return { text: parts.join('.'), next: next ?? at + 1 }
    if ((length & pointer) === pointer) {
      next ??= at + 2
      at = ((length & 0x3f) << 8) | (bytes[at + 1] ?? 0)
      jumps++
      continue
    }
    parts.push(bytes.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
}
