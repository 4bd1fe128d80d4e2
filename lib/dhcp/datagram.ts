/**
 * DHCP messages in IPv4 and UDP: a client without an address sends and takes
 * packets the kernel would not make or give it.
 *
 * Checksums of what comes in are not looked at: on a veth pair nobody fills them
 * in. The transaction's number and the MAC tell our answers from others'.
 *
 * @module
 */

import { type Address, bytesOf, fromBytes } from '../model/address.ts'

const CLIENT_PORT = 68
const SERVER_PORT = 67

const udp = 17
const ipBytes = 20
const udpBytes = 8
const timeToLive = 64

export interface Datagram {
  readonly from?: Address
  readonly to: Address
  readonly payload: Buffer
}

export function encodeDatagram({ from, to, payload }: Datagram): Buffer {
  const bytes = Buffer.alloc(ipBytes + udpBytes + payload.length)
  bytes.writeUInt8(0x45, 0)
  // What routers of the way should let through first (CS6), as other clients do.
  bytes.writeUInt8(0xc0, 1)
  bytes.writeUInt16BE(bytes.length, 2)
  bytes.writeUInt8(timeToLive, 8)
  bytes.writeUInt8(udp, 9)
  if (from !== undefined) bytes.set(bytesOf(from), 12)
  bytes.set(bytesOf(to), 16)
  bytes.writeUInt16BE(checksum([bytes.subarray(0, ipBytes)]), 10)
  bytes.writeUInt16BE(CLIENT_PORT, ipBytes)
  bytes.writeUInt16BE(SERVER_PORT, ipBytes + 2)
  bytes.writeUInt16BE(udpBytes + payload.length, ipBytes + 4)
  payload.copy(bytes, ipBytes + udpBytes)
  const pseudo = Buffer.alloc(12)
  bytes.copy(pseudo, 0, 12, 20)
  pseudo.writeUInt8(udp, 9)
  pseudo.writeUInt16BE(udpBytes + payload.length, 10)
  // Zero means "no checksum" in UDP.
  bytes.writeUInt16BE(checksum([pseudo, bytes.subarray(ipBytes)]) || 0xffff, ipBytes + 6)
  return bytes
}

/** @returns undefined for packets that are no UDP from a server's port to a client's */
export function decodeDatagram(bytes: Buffer): (Datagram & { readonly from: Address }) | undefined {
  const header = ((bytes[0] ?? 0) & 0x0f) * 4
  if (bytes.length < header + udpBytes || header < ipBytes || (bytes[0] as number) >> 4 !== 4)
    return undefined
  if (bytes[9] !== udp || (bytes.readUInt16BE(6) & 0x1fff) !== 0) return undefined
  if (bytes.readUInt16BE(header) !== SERVER_PORT || bytes.readUInt16BE(header + 2) !== CLIENT_PORT)
    return undefined
  const length = bytes.readUInt16BE(header + 4)
  if (length < udpBytes || header + length > bytes.length) return undefined
  return {
    from: fromBytes(bytes.subarray(12, 16)),
    to: fromBytes(bytes.subarray(16, 20)),
    payload: bytes.subarray(header + udpBytes, header + length),
  }
}

/** RFC 1071 over several pieces, all but the last of even length. */
function checksum(parts: readonly Buffer[]): number {
  let sum = 0
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += ((part[at] as number) << 8) | (part[at + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
