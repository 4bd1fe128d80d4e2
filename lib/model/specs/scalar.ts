/**
 * Single values as people write them: addresses, ports, MTUs, names.
 *
 * Command line flags and JSON fields share these readers, so that the same
 * mistake gets the same answer; `field` is what the error names. Whether a
 * value fits its network is not known here (ipam and engine check that).
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import {
  type Address,
  familyOf,
  isLoopback,
  type Mac,
  parseAddress,
  parseCidr,
  parseMac,
  parseSubnet,
  type Subnet,
  subnetOf,
} from '../address.ts'
import { ifnameFault, isContainerName, isHostname, isNetworkName, RESERVED_NETWORK_NAMES } from '../names.ts'
import type { Protocol } from '../portmapping.ts'

/** A smaller link carries no IPv4 (RFC 791), and one below 1280 no IPv6 (RFC 8200). */
const MIN_MTU_BYTES = 68
export const MIN_IPV6_MTU_BYTES = 1280
const MAX_MTU_BYTES = 65_535

/** @throws TSNET_BAD_VALUE (invalid) */
export function readAddress(text: string, field: string, family?: 4 | 6): Address {
  const address = parseAddress(text)
  if (address === undefined) {
    const hint = addressHint(text)
    throw fail('TSNET_BAD_VALUE', {
      field,
      value: text,
      message: `reading ${field}: "${text}" is no IP address`,
      hint,
    })
  }
  if (family !== undefined && familyOf(address) !== family) {
    const message = `reading ${field}: "${text}" is an IPv${familyOf(address)} address, IPv${family} is wanted here`
    const other = `${/^--ip6?$/.test(field) ? '--' : ''}${family === 4 ? 'ip6' : 'ip'}`
    const hint = `give IPv${familyOf(address)} addresses with ${other}`
    throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint })
  }
  return address
}

/** An address an interface can have: not unspecified, loopback, multicast or broadcast. @throws TSNET_BAD_VALUE (invalid) */
export function readUnicast(text: string, field: string, family?: 4 | 6): Address {
  const address = readAddress(text, field, family)
  const fault = unicastFault(address)
  if (fault === undefined) return address
  const hint = 'give an address of the subnet, or leave it out to get the next free one'
  throw fail('TSNET_BAD_VALUE', { field, value: text, message: `reading ${field}: ${text} ${fault}`, hint })
}

/** @returns why no interface can have this address, undefined where one can */
function unicastFault(address: Address): string | undefined {
  if (address === '::' || address === '0.0.0.0') return 'is the unspecified address'
  if (address.startsWith('0.')) return 'is in 0.0.0.0/8, which no interface can have'
  if (isLoopback(address)) return 'is a loopback address'
  if (isMulticast(address)) return 'is a multicast or broadcast address'
  return undefined
}

/** 224.0.0.0/4, ff00::/8 and 255.255.255.255. */
export function isMulticast(address: Address): boolean {
  if (familyOf(address) === 6) return /^ff..:/.test(address)
  const head = Number(address.slice(0, address.indexOf('.')))
  return (head >= 224 && head <= 239) || address === '255.255.255.255'
}

/** @throws TSNET_BAD_VALUE (invalid) where it is no prefix or has host bits */
export function readSubnet(text: string, field: string): Subnet {
  const subnet = parseSubnet(text)
  if (subnet !== undefined) return subnet
  const cidr = parseCidr(text)
  const message =
    cidr === undefined
      ? `reading ${field}: "${text}" is no prefix such as ${text.includes(':') ? 'fd00:90::/64' : '10.90.0.0/24'}`
      : `reading ${field}: ${text} has bits set beyond its prefix length`
  const hint = cidr === undefined ? 'write ADDRESS/LENGTH' : `write ${subnetOf(cidr)}`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint })
}

/** @throws TSNET_BAD_VALUE (invalid) */
export function readMac(text: string, field: string): Mac {
  const mac = parseMac(text)
  if (mac !== undefined) return mac
  const message = `reading ${field}: "${text}" is no unicast MAC address`
  const hint = 'write six hex pairs with an even first one, such as 02:42:0a:59:00:02'
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint })
}

/** @returns bytes @throws TSNET_BAD_VALUE (invalid) */
export function readMtu(text: string | number, field: string): number {
  const mtu = typeof text === 'number' ? text : /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isInteger(mtu) && mtu >= MIN_MTU_BYTES && mtu <= MAX_MTU_BYTES) return mtu
  const message = `reading ${field}: ${text} is no MTU: a number of bytes from ${MIN_MTU_BYTES} to ${MAX_MTU_BYTES}`
  const hint = 'leave it out to follow the route out of the host'
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint })
}

/** @throws TSNET_BAD_VALUE (invalid) */
export function readPort(text: string | number, field: string): number {
  const port = typeof text === 'number' ? text : /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  const message = `reading ${field}: "${text}" is no port from 1 to 65535`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint: 'write a number from 1 to 65535' })
}

/** Upper case is fine, as in Docker. @throws TSNET_BAD_VALUE (invalid) */
export function readProtocol(text: string, field: string): Protocol {
  const protocol = text.toLowerCase()
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp') return protocol
  const message = `reading ${field}: "${text}" is no protocol that can be published`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint: 'use tcp, udp or sctp' })
}

/** Name of an interface in a sandbox: `lo` is there already. @throws TSNET_BAD_VALUE (invalid) */
export function readIfname(text: string, field: string): string {
  const fault = text === 'lo' ? 'is the loopback interface of every sandbox' : ifnameFault(text)
  if (fault === undefined) return text
  const message = `reading ${field}: interface name "${text}" ${fault}`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint: 'choose another, such as eth0' })
}

/** A container's id or name. @throws TSNET_BAD_VALUE (invalid) */
export function readContainerName(text: string, field: string): string {
  if (isContainerName(text)) return text
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: text,
    message: `reading ${field}: "${text}" is no name or id of a container`,
    hint: 'use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit',
  })
}

/** @throws TSNET_BAD_VALUE (invalid) */
export function readNetworkName(text: string, field: string): string {
  if (isNetworkName(text)) return text
  const reserved = RESERVED_NETWORK_NAMES.includes(text)
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: text,
    message: `reading ${field}: "${text}" ${reserved ? 'means a network mode' : 'is no name for a network'}`,
    hint: reserved
      ? 'choose another name'
      : 'use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit',
  })
}

/** @throws TSNET_BAD_VALUE (invalid) */
export function readHostname(text: string, field: string): string {
  if (isHostname(text)) return text
  const message = `reading ${field}: "${text}" is no host name`
  const hint = 'use labels of at most 63 letters, digits, "-" and "_", joined by "."'
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint })
}

function addressHint(text: string): string {
  if (text.includes('%')) return 'leave the zone id (after "%") out: it means nothing in another namespace'
  if (text.includes('/')) return "leave the prefix length out: it is the subnet's"
  if (/^::ffff:/i.test(text)) return 'write the IPv4 address itself'
  if (/^\[.*\]$/.test(text)) return 'leave the brackets out here'
  return 'write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2'
}
