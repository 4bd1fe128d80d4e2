/**
 * Neighbours (ARP and NDP entries) over rtnetlink.
 *
 * @see rtnetlink(7), include/uapi/linux/neighbour.h
 * @module
 */

import { type Address, bytesOf, familyOf, fromBytes, type Mac } from '../../model/address.ts'
import { AF_INET, AF_INET6 } from './addr.ts'
import { decodeAttributes, type Message, macBytes, NLM_F_CREATE, type Received } from './encode.ts'

const RTM_NEWNEIGH = 28
const RTM_DELNEIGH = 29
const RTM_GETNEIGH = 30
const NDA_DST = 1
const NDA_LLADDR = 2
const NUD_PERMANENT = 0x80
const NLM_F_REPLACE = 0x100
const headBytes = 12

/** NUD_*, the lowest bit first. */
const states = ['incomplete', 'reachable', 'stale', 'delay', 'probe', 'failed', 'noarp', 'permanent'] as const

/** What the kernel knows of a neighbour: `none` until it has asked. */
export type NeighbourState = (typeof states)[number] | 'none'

/** One entry of a link. */
export interface Neighbour {
  /** Of the link. */
  readonly index: number
  readonly address: Address
  /** Absent while nobody has answered. */
  readonly mac?: Mac
  readonly state: NeighbourState
}

/** struct ndmsg */
function neighbourHead(family: number, index: number, state: number): Uint8Array {
  const head = Buffer.alloc(headBytes)
  head[0] = family
  head.writeInt32LE(index, 4)
  head.writeUInt16LE(state, 8)
  return head
}

const familyNumber = (address: Address): number => (familyOf(address) === 4 ? AF_INET : AF_INET6)

/** For good, in the place of what is there (`ip neigh replace … nud permanent`). */
export function neighbourSet(index: number, address: Address, mac: Mac): Message {
  return {
    type: RTM_NEWNEIGH,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    head: neighbourHead(familyNumber(address), index, NUD_PERMANENT),
    attributes: [
      { type: NDA_DST, value: bytesOf(address) },
      { type: NDA_LLADDR, value: macBytes(mac) },
    ],
  }
}

/** Fails with ENOENT where there is none. */
export function neighbourDel(index: number, address: Address): Message {
  return {
    type: RTM_DELNEIGH,
    flags: 0,
    head: neighbourHead(familyNumber(address), index, 0),
    attributes: [{ type: NDA_DST, value: bytesOf(address) }],
  }
}

/** For a dump of both families and all links. */
export function neighbourList(): Message {
  return { type: RTM_GETNEIGH, flags: 0, head: Buffer.alloc(headBytes), attributes: [] }
}

/** The neighbours among received messages. */
export function decodeNeighbours(messages: readonly Received[]): readonly Neighbour[] {
  return messages.flatMap(({ type, payload }): Neighbour[] => {
    const family = payload[0]
    if (type !== RTM_NEWNEIGH || payload.length < headBytes || (family !== AF_INET && family !== AF_INET6))
      return []
    const attributes = decodeAttributes(payload, headBytes)
    const address = attributes.get(NDA_DST)
    if (address === undefined) return []
    const mac = attributes.get(NDA_LLADDR)
    const state = payload.readUInt16LE(8)
    return [
      {
        index: payload.readInt32LE(4),
        address: fromBytes(address),
        ...(mac?.length === 6 ? { mac: macOf(mac) } : {}),
        state: states.find((_, bit) => (state & (1 << bit)) !== 0) ?? 'none',
      },
    ]
  })
}

const macOf = (bytes: Buffer): Mac =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':') as Mac
