/**
 * What is in a packet, from its network header on. Pure; nothing here trusts a
 * length.
 *
 * @module
 */

import type { SeenPacket } from '../../kernel/packets/packets.ts'
import { type Address, fromBytes } from '../../model/address.ts'

const etherBytes = 14
const ARPHRD_ETHER = 1
const ARPHRD_LOOPBACK = 772
const IPV4 = 0x0800
const IPV6 = 0x86dd
const ARP = 0x0806
const dnsPorts = [53, 5353]

/** A packet in words, as `tsnet capture` prints it. */
export interface PacketView {
  /** ISO 8601 with microseconds, UTC. */
  readonly time: string
  readonly direction: 'in' | 'out'
  readonly interface: string
  /** On the wire, in bytes. */
  readonly length: number
  /** `tcp`, `udp`, `icmp`, `icmpv6`, `arp`, `sctp`, or the number of another protocol. */
  readonly protocol: string
  readonly from?: Address
  readonly fromPort?: number
  readonly to?: Address
  readonly toPort?: number
  /** What a person would want to know of it: flags, types, questions. */
  readonly about: string
}

type Content = Pick<PacketView, 'protocol' | 'from' | 'fromPort' | 'to' | 'toPort' | 'about'>

/** @param cooked the bytes begin at the network header */
export function viewPacket(packet: SeenPacket, cooked: boolean, name: string): PacketView {
  const { bytes, etherType, linkType, timeUs, outgoing, length } = packet
  const hasHeader = !cooked && (linkType === ARPHRD_ETHER || linkType === ARPHRD_LOOPBACK)
  const content = contentOf(hasHeader ? bytes.subarray(etherBytes) : bytes, etherType)
  return {
    time: `${new Date(Math.floor(timeUs / 1000)).toISOString().slice(0, -1)}${String(timeUs % 1000).padStart(3, '0')}Z`,
    direction: outgoing ? 'out' : 'in',
    interface: name,
    length,
    ...content,
  }
}

function contentOf(bytes: Buffer, etherType: number): Content {
  try {
    if (etherType === IPV4) return ipv4(bytes)
    if (etherType === IPV6) return ipv6(bytes)
    if (etherType === ARP) return arp(bytes)
  } catch (error) {
    // A read behind its end: cut, or not what it says.
    if (!(error instanceof RangeError)) throw error
    return { protocol: 'cut', about: 'cut short' }
  }
  return { protocol: `0x${etherType.toString(16).padStart(4, '0')}`, about: '' }
}

function ipv4(bytes: Buffer): Content {
  const head = (bytes.readUInt8(0) & 0xf) * 4
  const [from, to] = [fromBytes(slice(bytes, 12, 4)), fromBytes(slice(bytes, 16, 4))]
  const fragment = bytes.readUInt16BE(6) & 0x1fff
  const protocol = bytes.readUInt8(9)
  if (fragment > 0) return { protocol: nameOf(protocol), from, to, about: `fragment at ${fragment * 8}` }
  return { from, to, ...transport(protocol, bytes.subarray(head)) }
}

function ipv6(bytes: Buffer): Content {
  const [from, to] = [fromBytes(slice(bytes, 8, 16)), fromBytes(slice(bytes, 24, 16))]
  let next = bytes.readUInt8(6)
  let at = 40
  // Hop-by-hop, routing and destination options.
  while ([0, 43, 60].includes(next)) {
    next = bytes.readUInt8(at)
    at += (bytes.readUInt8(at + 1) + 1) * 8
  }
  return { from, to, ...transport(next, bytes.subarray(at)) }
}

function transport(protocol: number, bytes: Buffer): Omit<Content, 'from' | 'to'> {
  switch (protocol) {
    case 6:
      return { protocol: 'tcp', ...ports(bytes), about: tcpAbout(bytes) }
    case 17:
    case 132: {
      const named = ports(bytes)
      const isDns = protocol === 17 && (dnsPorts.includes(named.fromPort) || dnsPorts.includes(named.toPort))
      const size = protocol === 17 ? `${bytes.readUInt16BE(4) - 8} bytes` : ''
      return { protocol: nameOf(protocol), ...named, about: isDns ? dnsAbout(bytes.subarray(8)) : size }
    }
    case 1:
    case 58:
      return { protocol: nameOf(protocol), about: icmpAbout(protocol, bytes) }
    default:
      return { protocol: nameOf(protocol), about: '' }
  }
}

function ports(bytes: Buffer): { readonly fromPort: number; readonly toPort: number } {
  return { fromPort: bytes.readUInt16BE(0), toPort: bytes.readUInt16BE(2) }
}

const names: Readonly<Record<number, string>> = {
  1: 'icmp',
  2: 'igmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmpv6',
  132: 'sctp',
}
const nameOf = (protocol: number): string => names[protocol] ?? String(protocol)

const tcpFlags: readonly (readonly [bit: number, name: string])[] = [
  [0x02, 'SYN'],
  [0x01, 'FIN'],
  [0x04, 'RST'],
  [0x08, 'PSH'],
  [0x10, 'ACK'],
]

function tcpAbout(bytes: Buffer): string {
  const flags = bytes.readUInt8(13)
  const set = tcpFlags.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name)
  const seq = `seq ${bytes.readUInt32BE(4)}`
  const ack = (flags & 0x10) === 0 ? [] : [`ack ${bytes.readUInt32BE(8)}`]
  return [set.join('+'), seq, ...ack, `win ${bytes.readUInt16BE(14)}`].join(' ')
}

const icmp4: Readonly<Record<number, string>> = {
  0: 'echo reply',
  3: 'unreachable',
  5: 'redirect',
  8: 'echo request',
  11: 'time exceeded',
}
const icmp6: Readonly<Record<number, string>> = {
  1: 'unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  128: 'echo request',
  129: 'echo reply',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbour solicitation',
  136: 'neighbour advertisement',
  143: 'multicast report',
}
const unreachable: Readonly<Record<number, string>> = {
  0: 'network',
  1: 'host',
  3: 'port',
  4: 'needs fragmenting',
  9: 'network forbidden',
  10: 'host forbidden',
  13: 'forbidden',
}

function icmpAbout(protocol: number, bytes: Buffer): string {
  const [type, code] = [bytes.readUInt8(0), bytes.readUInt8(1)]
  const name = (protocol === 1 ? icmp4 : icmp6)[type] ?? `type ${type}`
  if (name.startsWith('echo')) return `${name} id ${bytes.readUInt16BE(4)} seq ${bytes.readUInt16BE(6)}`
  if (protocol === 1 && type === 3) {
    const mtu = code === 4 ? `, MTU ${bytes.readUInt16BE(6)}` : ''
    return `unreachable: ${unreachable[code] ?? `code ${code}`}${mtu}`
  }
  if (protocol === 58 && type === 2) return `${name}, MTU ${bytes.readUInt32BE(4)}`
  if (protocol === 58 && (type === 135 || type === 136))
    return `${name} for ${fromBytes(slice(bytes, 8, 16))}`
  return name
}

function arp(bytes: Buffer): Content {
  const operation = bytes.readUInt16BE(6)
  const [from, to] = [fromBytes(slice(bytes, 14, 4)), fromBytes(slice(bytes, 24, 4))]
  const mac = slice(bytes, 8, 6)
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1:')
  return { protocol: 'arp', from, to, about: operation === 1 ? `who has ${to}?` : `${from} is at ${mac}` }
}

const recordTypes: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  65: 'HTTPS',
  255: 'ANY',
}
const replyCodes: Readonly<Record<number, string>> = {
  0: 'no error',
  1: 'format error',
  2: 'server failure',
  3: 'no such name',
  4: 'not implemented',
  5: 'refused',
}

/** The question, and how a reply ended. */
function dnsAbout(bytes: Buffer): string {
  const flags = bytes.readUInt16BE(2)
  const labels: string[] = []
  let at = 12
  for (let length = bytes.readUInt8(at); length > 0 && length < 64; length = bytes.readUInt8(at)) {
    // Bytes that are no letters would play tricks on a terminal.
    labels.push(
      slice(bytes, at + 1, length)
        .toString('latin1')
        .replace(/[^!-~]/g, '?'),
    )
    at += length + 1
  }
  const type = bytes.readUInt16BE(at + 1)
  const question = `${recordTypes[type] ?? `type ${type}`} ${labels.join('.') || '.'}`
  if ((flags & 0x8000) === 0) return `asks ${question}`
  const code = flags & 0xf
  const count = bytes.readUInt16BE(6)
  return `answers ${question}: ${code === 0 ? `${count} record${count === 1 ? '' : 's'}` : (replyCodes[code] ?? `code ${code}`)}`
}

/** Where it ends too early an error, which `subarray` is not. */
function slice(bytes: Buffer, at: number, length: number): Buffer {
  if (at + length > bytes.length) throw new RangeError('cut')
  return bytes.subarray(at, at + length)
}
