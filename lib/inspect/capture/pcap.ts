/**
 * The pcap file format, microseconds, little endian. Pure.
 *
 * @see https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html
 * @module
 */

import type { SeenPacket } from '../../kernel/packets/packets.ts'

/** LINKTYPE_… of the file. */
export const linkTypes = { ethernet: 1, raw: 101, cooked: 113 } as const
export type LinkTypeName = keyof typeof linkTypes

export function pcapHeader(link: LinkTypeName, snapBytes: number): Buffer {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(0xa1b2c3d4, 0)
  head.writeUInt16LE(2, 4)
  head.writeUInt16LE(4, 6)
  head.writeUInt32LE(snapBytes, 16)
  head.writeUInt32LE(linkTypes[link], 20)
  return head
}

export function pcapRecord(packet: SeenPacket, link: LinkTypeName): Buffer {
  const before = link === 'cooked' ? cookedHeader(packet) : Buffer.alloc(0)
  const head = Buffer.alloc(16)
  head.writeUInt32LE(Math.floor(packet.timeUs / 1_000_000), 0)
  head.writeUInt32LE(packet.timeUs % 1_000_000, 4)
  head.writeUInt32LE(before.length + packet.bytes.length, 8)
  head.writeUInt32LE(before.length + packet.length, 12)
  return Buffer.concat([head, before, packet.bytes])
}

/** LINKTYPE_LINUX_SLL: direction, kind of link, ether type; we keep no MAC. */
function cookedHeader({ outgoing, linkType, etherType }: SeenPacket): Buffer {
  const head = Buffer.alloc(16)
  head.writeUInt16BE(outgoing ? 4 : 0, 0)
  head.writeUInt16BE(linkType, 2)
  head.writeUInt16BE(etherType, 14)
  return head
}
