/**
 * Addresses, prefixes and the arithmetic on them.
 *
 * The only file that imports `ip-address`. Texts inside tsnet are canonical
 * (RFC 5952 for IPv6), so equal addresses are equal strings. IPv4-mapped IPv6
 * addresses and zone ids are refused: the kernel would treat them as something
 * else than the user meant.
 *
 * @module
 */

import { Address6 } from 'ip-address'

/** 4 or 6, as in IPv4 and IPv6. */
export type Family = 4 | 6

/** A canonical IP address without prefix length, such as `10.89.0.2` or `fd00::2`. */
export type Address = string & { readonly __brand: 'Address' }

/** A canonical address with its prefix length, host bits kept, such as `10.89.0.2/24`. */
export type Cidr = string & { readonly __brand: 'Cidr' }

/** A canonical network prefix, host bits zero, such as `10.89.0.0/24`. */
export type Subnet = Cidr & { readonly __subnet: true }

/** Colon-separated lower-case MAC address. */
export type Mac = string & { readonly __brand: 'Mac' }

/** No leading zeros ("010.0.0.1") and no short forms ("10.1"): the kernel and people disagree on their meaning. */
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
/** ::ffff:0:0/96 in canonical text: five zero groups, ffff, and two more. */
const MAPPED = /^::ffff:[^:]+:[^:]+$/

const bitsOf = (family: Family): number => (family === 4 ? 32 : 128)

export function familyOf(address: Address | Cidr): Family {
  return address.includes(':') ? 6 : 4
}

/** @returns the canonical address, or undefined where `text` is no plain IPv4 or IPv6 address */
export function parseAddress(text: string): Address | undefined {
  if (text.includes('/') || text.includes('%')) return undefined
  if (text.includes(':')) {
    // Dotted tails are mapped, NAT64 or deprecated notations: all mean an IPv4 address in the end.
    if (text.includes('.')) return undefined
    const address = isCanonical6(text) ? text : canonical6(text)
    return address === undefined || MAPPED.test(address) ? undefined : (address as Address)
  }
  return IPV4.test(text) ? (text as Address) : undefined
}

/** @returns the address with its prefix, or undefined where `text` is not `ADDRESS/LENGTH` */
export function parseCidr(text: string): Cidr | undefined {
  const [head, length, rest] = text.split('/')
  const address = head === undefined ? undefined : parseAddress(head)
  if (address === undefined || length === undefined || rest !== undefined || !/^\d{1,3}$/.test(length))
    return undefined
  const bits = Number(length)
  return bits > bitsOf(familyOf(address)) ? undefined : (`${address}/${bits}` as Cidr)
}

/** @returns the prefix, or undefined where `text` is no prefix or has host bits set */
export function parseSubnet(text: string): Subnet | undefined {
  const cidr = parseCidr(text)
  return cidr !== undefined && subnetOf(cidr) === cidr ? (cidr as Subnet) : undefined
}

/** The address of a CIDR: `10.89.0.2/24` is `10.89.0.2`. */
export function addressOf(cidr: Cidr): Address {
  return cidr.slice(0, cidr.indexOf('/')) as Address
}

export function prefixLength(cidr: Cidr): number {
  return Number(cidr.slice(cidr.indexOf('/') + 1))
}

export function withPrefix(address: Address, length: number): Cidr {
  return `${address}/${length}` as Cidr
}

function canonical6(text: string): string | undefined {
  return Address6.isValid(text) ? new Address6(text).correctForm() : undefined
}

/** Most texts are ours. The package takes 50 µs for what is seen here at once. */
function isCanonical6(text: string): boolean {
  if (!/^[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,8}$/.test(text)) return false
  const groups = groupsOf(text as Address)
  return groups.length === 8 && textOf(groups) === text
}

/** Of the last addresses that were asked for: each one of an attach is wanted half a dozen times. */
const knownBytes = new Map<Address, Uint8Array>()
const mostBytes = 256

/** The address in network byte order: 4 or 16 bytes, not to be changed by whoever gets them. */
export function bytesOf(address: Address): Uint8Array {
  const known = knownBytes.get(address)
  if (known !== undefined) return known
  const bytes = familyOf(address) === 4 ? Uint8Array.from(address.split('.'), Number) : bytesOf6(address)
  if (knownBytes.size === mostBytes) knownBytes.clear()
  knownBytes.set(address, bytes)
  return bytes
}

function bytesOf6(address: Address): Uint8Array {
  const bytes = new Uint8Array(16)
  for (const [i, group] of groupsOf(address).entries()) {
    bytes[2 * i] = group >> 8
    bytes[2 * i + 1] = group & 255
  }
  return bytes
}

/** The eight groups of an IPv6 address. Canonical text needs no parser: one `::` at most, no dotted tail. */
function groupsOf(address: Address): readonly number[] {
  const gap = address.indexOf('::')
  if (gap === -1) return hexGroups(address)
  const [before, after] = [hexGroups(address.slice(0, gap)), hexGroups(address.slice(gap + 2))]
  return [...before, ...new Array<number>(Math.max(8 - before.length - after.length, 0)).fill(0), ...after]
}

function hexGroups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

/** Eight groups as RFC 5952 has them: the first of the longest runs of zeros, of two at least, is left out. */
function textOf(groups: readonly number[]): string {
  let [from, length] = [0, 1]
  for (let at = 0; at < groups.length; at++) {
    let end = at
    while (groups[end] === 0) end++
    if (end - at > length) [from, length] = [at, end - at]
    at = Math.max(at, end)
  }
  const hex = (some: readonly number[]): string => some.map((group) => group.toString(16)).join(':')
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, from))}::${hex(groups.slice(from + length))}`
}

/** @param bytes 4 or 16 bytes in network byte order */
export function fromBytes(bytes: Uint8Array): Address {
  if (bytes.length === 4) return bytes.join('.') as Address
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  return textOf(groups) as Address
}

/** The address as one unsigned number, for arithmetic within its family. */
export function toNumber(address: Address): bigint {
  const bytes = bytesOf(address)
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length === 4) return BigInt(words.getUint32(0))
  return (words.getBigUint64(0) << 64n) | words.getBigUint64(8)
}

export function fromNumber(family: Family, number: bigint): Address {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 255n).join('.') as Address
  const hex = number.toString(16).padStart(32, '0')
  return textOf(
    Array.from({ length: 8 }, (_, i) => Number.parseInt(hex.slice(4 * i, 4 * i + 4), 16)),
  ) as Address
}

interface Bounds {
  readonly first: bigint
  readonly last: bigint
}

/** Of the last prefixes that were asked for: those of a few networks, again and again. */
const knownBounds = new Map<Cidr, Bounds>()
const mostBounds = 256

/** First and last address of a prefix as numbers, network and broadcast included. */
export function boundsOf(cidr: Cidr): Bounds {
  const known = knownBounds.get(cidr)
  if (known !== undefined) return known
  const hostBits = BigInt(bitsOf(familyOf(cidr)) - prefixLength(cidr))
  const first = (toNumber(addressOf(cidr)) >> hostBits) << hostBits
  const bounds = { first, last: first + (1n << hostBits) - 1n }
  if (knownBounds.size === mostBounds) knownBounds.clear()
  knownBounds.set(cidr, bounds)
  return bounds
}

/** The subnet a CIDR is in, host bits cleared: `10.89.0.2/24` is in `10.89.0.0/24`. */
export function subnetOf(cidr: Cidr): Subnet {
  return withPrefix(fromNumber(familyOf(cidr), boundsOf(cidr).first), prefixLength(cidr)) as Subnet
}

/** Whether an address lies in a subnet; false where their families differ. */
export function contains(subnet: Cidr, address: Address): boolean {
  if (familyOf(subnet) !== familyOf(address)) return false
  const { first, last } = boundsOf(subnet)
  const number = toNumber(address)
  return first <= number && number <= last
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  if (familyOf(a) !== familyOf(b)) return false
  const [x, y] = [boundsOf(a), boundsOf(b)]
  return x.first <= y.last && y.first <= x.last
}

export function isUnspecified(address: Address): boolean {
  return address === '0.0.0.0' || address === '::'
}

export function isLoopback(address: Address): boolean {
  return address === '::1' || address.startsWith('127.')
}

/** Square brackets around IPv6, as in URLs and `-p` specs. */
export function bracketed(address: Address): string {
  return familyOf(address) === 6 ? `[${address}]` : address
}

/**
 * A locally administered unicast MAC that says which address it belongs to, so
 * that a reused address keeps its neighbour entries right: `02:42` and the IPv4
 * bytes as Docker does, or `02:43` and the last four bytes of an IPv6 address.
 */
export function macFromAddress(address: Address): Mac {
  const tail = bytesOf(address).slice(-4)
  const head = familyOf(address) === 4 ? [0x02, 0x42] : [0x02, 0x43]
  return [...head, ...tail].map((byte) => byte.toString(16).padStart(2, '0')).join(':') as Mac
}

/** The link-local address the kernel gives a link with this MAC (RFC 4291, appendix A). */
export function linkLocalOf(mac: Mac): Cidr {
  const bytes = mac.split(':').map((part) => Number.parseInt(part, 16))
  const [first = 0, ...rest] = bytes
  const identifier = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)]
  return withPrefix(fromBytes(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...identifier)), 64)
}

/** @returns the MAC in lower case, or undefined where `text` is none, is multicast or all zero */
export function parseMac(text: string): Mac | undefined {
  const mac = text.toLowerCase().replaceAll('-', ':')
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) || mac === '00:00:00:00:00:00') return undefined
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1 ? undefined : (mac as Mac)
}
