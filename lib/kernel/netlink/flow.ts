/**
 * Tracked flows over nfnetlink: asking for some, and deleting one exactly.
 *
 * A flow is named to the kernel by the bytes of its original tuple as they came
 * in the dump, its zone and its id, so that another flow that has taken the same
 * tuple meanwhile is left alone.
 *
 * @see include/uapi/linux/netfilter/nfnetlink_conntrack.h
 * @module
 */

import { type Address, bytesOf, type Family, fromBytes } from '../../model/address.ts'
import { AF_INET, AF_INET6 } from './addr.ts'
import {
  type Attribute,
  bigEndianIn,
  decodeAttributes,
  type Message,
  nested,
  type Received,
  u8,
  u32,
} from './encode.ts'

const AF_UNSPEC = 0
const IPCTNL_MSG_CT_GET = 0x0101
const IPCTNL_MSG_CT_DELETE = 0x0102
const NLA_F_NESTED = 0x8000

const CTA_TUPLE_ORIG = 1
const CTA_TUPLE_REPLY = 2
const CTA_ID = 12
const CTA_ZONE = 18
const CTA_FILTER = 25
const CTA_TUPLE_IP = 1
const CTA_TUPLE_PROTO = 2
const CTA_PROTO_NUM = 1
const CTA_PROTO_SRC_PORT = 2
const CTA_PROTO_DST_PORT = 3
const CTA_FILTER_ORIG_FLAGS = 1
const CTA_FILTER_REPLY_FLAGS = 2

/** Which fields of a tuple a filter looks at: not in uapi, libnetfilter_conntrack has the same list. */
const FILTER_IP = { src: 1 << 0, dst: 1 << 1 }
const FILTER_PROTO_NUM = 1 << 3
const FILTER_PORT = { src: 1 << 4, dst: 1 << 5 }

const headBytes = 4

/** One end of a tracked connection. */
export interface FlowEnd {
  readonly address: Address
  readonly port: number
}

export interface Flow {
  readonly family: Family
  /** IP protocol number. */
  readonly protocol: number
  /** Where the first packet was sent to. */
  readonly originalDestination: FlowEnd
  /** Where answers come from: after translation, the container. */
  readonly replySource: FlowEnd
  /** Attributes that name exactly this flow. */
  readonly name: readonly Attribute[]
}

/** What the kernel shall leave out of a dump. Linux before 5.8 ignores it: look at the flows again. */
export interface FlowFilter {
  readonly family: Family
  readonly protocol: number
  /** `original`: destination of the first packet; `reply`: source of the answers. */
  readonly direction: 'original' | 'reply'
  readonly address?: Address
  readonly port?: number
}

/** @param filter undefined: all there are, of both families */
export function flowsRequest(filter: FlowFilter | undefined): Message {
  if (filter === undefined) {
    return { type: IPCTNL_MSG_CT_GET, flags: 0, head: Uint8Array.of(AF_UNSPEC, 0, 0, 0), attributes: [] }
  }
  const { family, protocol, direction, address, port } = filter
  const side = direction === 'original' ? 'dst' : 'src'
  const flags =
    FILTER_PROTO_NUM |
    (address === undefined ? 0 : FILTER_IP[side]) |
    (port === undefined ? 0 : FILTER_PORT[side])
  const tuple = [
    ...(address === undefined
      ? []
      : [nest(CTA_TUPLE_IP, [{ type: addressType(family, side), value: bytesOf(address) }])]),
    nest(CTA_TUPLE_PROTO, [
      { type: CTA_PROTO_NUM, value: u8(protocol) },
      ...(port === undefined
        ? []
        : [{ type: side === 'dst' ? CTA_PROTO_DST_PORT : CTA_PROTO_SRC_PORT, value: portBytes(port) }]),
    ]),
  ]
  return {
    type: IPCTNL_MSG_CT_GET,
    flags: 0,
    head: headOf(family),
    attributes: [
      nest(direction === 'original' ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY, tuple),
      nest(CTA_FILTER, [
        { type: CTA_FILTER_ORIG_FLAGS, value: u32(direction === 'original' ? flags : 0) },
        { type: CTA_FILTER_REPLY_FLAGS, value: u32(direction === 'reply' ? flags : 0) },
      ]),
    ],
  }
}

export function flowDelete(flow: Flow): Message {
  return { type: IPCTNL_MSG_CT_DELETE, flags: 0, head: headOf(flow.family), attributes: flow.name }
}

/** @returns undefined for flows without ports */
export function decodeFlow({ payload }: Received): Flow | undefined {
  const family = payload[0] === AF_INET ? 4 : payload[0] === AF_INET6 ? 6 : undefined
  const attributes = decodeAttributes(payload, headBytes)
  const [original, reply] = [attributes.get(CTA_TUPLE_ORIG), attributes.get(CTA_TUPLE_REPLY)]
  if (family === undefined || original === undefined || reply === undefined) return undefined
  const [to, from] = [endOf(original, family, 'dst'), endOf(reply, family, 'src')]
  if (to === undefined || from === undefined) return undefined
  const name = [CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID].flatMap((type) => {
    const value = attributes.get(type)
    if (value === undefined) return []
    return [{ type: type === CTA_TUPLE_ORIG ? type | NLA_F_NESTED : type, value }]
  })
  const { protocol } = to
  return { family, protocol, originalDestination: to, replySource: from, name }
}

function endOf(
  tuple: Buffer,
  family: Family,
  side: 'src' | 'dst',
): (FlowEnd & { readonly protocol: number }) | undefined {
  const parts = decodeAttributes(tuple, 0)
  const ip = decodeAttributes(parts.get(CTA_TUPLE_IP) ?? Buffer.alloc(0), 0)
  const proto = decodeAttributes(parts.get(CTA_TUPLE_PROTO) ?? Buffer.alloc(0), 0)
  const address = ip.get(addressType(family, side))
  const port = proto.get(side === 'dst' ? CTA_PROTO_DST_PORT : CTA_PROTO_SRC_PORT)
  const protocol = proto.get(CTA_PROTO_NUM)?.[0]
  if (address === undefined || port === undefined || protocol === undefined) return undefined
  return { address: fromBytes(address), port: bigEndianIn(port) ?? 0, protocol }
}

/** CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST */
function addressType(family: Family, side: 'src' | 'dst'): number {
  return (family === 4 ? 1 : 3) + (side === 'dst' ? 1 : 0)
}

function nest(type: number, attributes: readonly Attribute[]): Attribute {
  return { type: type | NLA_F_NESTED, value: nested(attributes) }
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff)
}

/** struct nfgenmsg */
function headOf(family: Family): Uint8Array {
  return Uint8Array.of(family === 4 ? AF_INET : AF_INET6, 0, 0, 0)
}
