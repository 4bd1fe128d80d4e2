/**
 * Packets of a namespace as they pass its interfaces, for looking at.
 *
 * A packet socket inside, with a filter the kernel runs, so that only what is
 * wanted is copied. Nothing in the namespace changes. The socket keeps the
 * namespace alive: whoever reads asks `gone()` now and then.
 *
 * @see packet(7), https://www.kernel.org/doc/html/latest/networking/filter.html
 * @module
 */

import { closeSync, fstatSync } from 'node:fs'
import { fail } from '../../errors/codes.ts'
import { openNetns, withNetns } from '../namespace/netns.ts'
import { EPERM, errnoOf, errnoText, SystemError } from '../system/errno.ts'
import { closeDescriptor, ioctlInto } from '../system/libc.ts'
import { pinned } from '../system/native.ts'
import { inodeAt } from '../system/processes.ts'
import {
  openSocket,
  receiveFromNow,
  setSocketOption,
  setSocketStructure,
  socketStructure,
} from '../system/sockets.ts'

/** Code, jump if true, jump if false, value: struct sock_filter. */
export type BpfInstruction = readonly [code: number, yes: number, no: number, value: number]

/** A packet as it was seen on an interface. */
export interface SeenPacket {
  /** From the network header on where `cooked`, else from the link's. */
  readonly bytes: Buffer
  /** On the wire; more than `bytes` has where it was cut. */
  readonly length: number
  /** Microseconds since 1970. */
  readonly timeUs: number
  /** Sent by this namespace. */
  readonly outgoing: boolean
  /** Of the interface. */
  readonly index: number
  readonly etherType: number
  /** ARPHRD_…; Ethernet is 1. */
  readonly linkType: number
}

export interface PacketSource {
  /** All that have come in since; at most `most`. */
  read(most: number): readonly SeenPacket[]
  /** Packets the kernel could not keep for us since the last time it was asked. */
  lost(): number
  /** Nobody lives there any more. */
  gone(): boolean
  close(): void
}

export interface PacketSourceOptions {
  /** Of one interface; 0: all but lo. */
  readonly index: number
  /** Without link headers, as several interfaces may have different ones. */
  readonly cooked: boolean
  readonly filter: readonly BpfInstruction[]
  readonly snapBytes: number
}

const AF_PACKET = 17
const SOCK_RAW = 3
const SOCK_DGRAM = 2
const ETH_P_ALL = 3
const ARPHRD_LOOPBACK = 772
const PACKET_OUTGOING = 4
const SOL_SOCKET = 1
const SO_ATTACH_FILTER = 26
const SO_RCVBUFFORCE = 33
const SOL_PACKET = 263
const PACKET_STATISTICS = 6
/** asm-generic/sockios.h: of the packet that was read last. */
const SIOCGSTAMPNS = 0x8907
const receiveBytes = 16 * 1024 * 1024

/** @throws TSNET_NOT_A_NETNS (invalid), TSNET_NOT_PERMITTED (forbidden), TSNET_KERNEL_FEATURE_MISSING (unsupported) */
export function openPackets(path: string, options: PacketSourceOptions): PacketSource {
  const netns = openNetns(path)
  try {
    const inode = String(fstatSync(netns).ino)
    const fd = withNetns(netns, () => openInside(options))
    return sourceOf(fd, options, () => inodeAt(path) !== inode)
  } finally {
    closeSync(netns)
  }
}

function openInside({ index, cooked, filter }: PacketSourceOptions): number {
  const address = Buffer.alloc(20)
  address.writeUInt16LE(AF_PACKET, 0)
  address.writeUInt16BE(ETH_P_ALL, 2)
  address.writeInt32LE(index, 4)
  try {
    return openSocket({ domain: AF_PACKET, type: cooked ? SOCK_DGRAM : SOCK_RAW, address }, (fd) => {
      setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, receiveBytes)
      attachFilter(fd, filter)
    })
  } catch (error) {
    const errno = errnoOf(error) ?? 0
    const message = `opening a packet socket: ${errnoText(errno)}`
    if (errno === EPERM) throw fail('TSNET_NOT_PERMITTED', { message, hint: 'run as root, with CAP_NET_RAW' })
    throw fail('TSNET_KERNEL_FEATURE_MISSING', { message, hint: 'the kernel needs CONFIG_PACKET' })
  }
}

export function attachFilter(fd: number, filter: readonly BpfInstruction[]): void {
  const program = pinned(filter.length * 8)
  filter.forEach(([code, yes, no, value], i) => {
    program.bytes.writeUInt16LE(code, 8 * i)
    program.bytes.writeUInt8(yes, 8 * i + 2)
    program.bytes.writeUInt8(no, 8 * i + 3)
    program.bytes.writeUInt32LE(value >>> 0, 8 * i + 4)
  })
  const structure = Buffer.alloc(16)
  structure.writeUInt16LE(filter.length, 0)
  structure.writeBigUInt64LE(program.address, 8)
  setSocketStructure(fd, SOL_SOCKET, SO_ATTACH_FILTER, structure)
}

function sourceOf(fd: number, { index, snapBytes }: PacketSourceOptions, gone: () => boolean): PacketSource {
  const room = Buffer.alloc(snapBytes)
  const sender = Buffer.alloc(20)
  const stamp = Buffer.alloc(16)
  // Asked for once, the kernel stamps packets when they come in.
  ioctlInto(fd, SIOCGSTAMPNS, stamp)
  let open = true
  const next = (): SeenPacket | undefined => {
    for (;;) {
      const length = receive(fd, room, sender)
      if (length === undefined) return undefined
      const [linkType, kind] = [sender.readUInt16LE(8), sender.readUInt8(10)]
      // Its packets come by twice, on the way out and in; of all interfaces it is left out.
      if (linkType === ARPHRD_LOOPBACK && (index === 0 || kind === PACKET_OUTGOING)) continue
      return {
        bytes: Buffer.from(room.subarray(0, Math.min(length, snapBytes))),
        length,
        timeUs: stampOf(fd, stamp),
        outgoing: kind === PACKET_OUTGOING,
        index: sender.readInt32LE(4),
        etherType: sender.readUInt16BE(2),
        linkType,
      }
    }
  }
  return {
    read: (most) => {
      const packets: SeenPacket[] = []
      while (packets.length < most) {
        const packet = next()
        if (packet === undefined) break
        packets.push(packet)
      }
      return packets
    },
    lost: () => {
      const counts = Buffer.alloc(8)
      socketStructure(fd, SOL_PACKET, PACKET_STATISTICS, counts)
      return counts.readUInt32LE(4)
    },
    gone,
    close: () => {
      if (open) closeDescriptor(fd)
      open = false
    },
  }
}

/** A link that goes down tells its sockets once; the next packet may come all the same. */
function receive(fd: number, room: Buffer, sender: Buffer): number | undefined {
  try {
    return receiveFromNow(fd, room, sender)
  } catch (error) {
    if (error instanceof SystemError) return undefined
    throw error
  }
}

function stampOf(fd: number, into: Buffer): number {
  if (!ioctlInto(fd, SIOCGSTAMPNS, into)) return Date.now() * 1000
  return Number(into.readBigInt64LE(0)) * 1_000_000 + Math.floor(Number(into.readBigInt64LE(8)) / 1000)
}
