/**
 * Tracked flows as people look at them: both directions, state, counters, time
 * left. Reading only; flow.ts asks for them and names them for deletion.
 *
 * @see include/uapi/linux/netfilter/nfnetlink_conntrack.h
 * @module
 */

import { type Address, type Family, fromBytes } from '../../model/address.ts'
import { AF_INET, AF_INET6 } from './addr.ts'
import { bigEndianIn, decodeAttributes, type Received } from './encode.ts'

const CTA = {
  original: 1,
  reply: 2,
  status: 3,
  protocolInfo: 4,
  timeout: 7,
  mark: 8,
  countersOriginal: 9,
  countersReply: 10,
} as const
const IPS_SEEN_REPLY = 1 << 1
const IPS_ASSURED = 1 << 2
const headBytes = 4

/** One direction of a flow. */
export interface FlowTuple {
  readonly source: Address
  readonly destination: Address
  /** Absent for protocols without ports. */
  readonly sourcePort?: number
  readonly destinationPort?: number
}

/** Packets and bytes of one direction of a tracked connection. */
export interface FlowCount {
  readonly packets: number
  readonly bytes: number
}

export interface FlowFact {
  readonly family: Family
  /** IP protocol number. */
  readonly protocol: number
  /** As the first packet came. */
  readonly original: FlowTuple
  /** As answers come: after translation, the other way round. */
  readonly reply: FlowTuple
  /** Of TCP, such as ESTABLISHED. */
  readonly state?: string
  /** There has been an answer. */
  readonly replied: boolean
  /** Packets both ways: the kernel does not drop it when it runs out of room. */
  readonly assured: boolean
  readonly secondsLeft: number
  readonly mark: number
  /** Only where net.netfilter.nf_conntrack_acct was 1 when the flow began. */
  readonly sent?: FlowCount
  readonly received?: FlowCount
}

/** enum tcp_conntrack */
const tcpStates = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
]

export function decodeFlowFact({ payload }: Received): FlowFact | undefined {
  const family = payload[0] === AF_INET ? 4 : payload[0] === AF_INET6 ? 6 : undefined
  const attributes = decodeAttributes(payload, headBytes)
  const [one, other] = [attributes.get(CTA.original), attributes.get(CTA.reply)]
  if (family === undefined || one === undefined || other === undefined) return undefined
  const [original, reply] = [tupleOf(one, family), tupleOf(other, family)]
  if (original === undefined || reply === undefined) return undefined
  const status = bigEndianIn(attributes.get(CTA.status)) ?? 0
  const state = stateOf(attributes.get(CTA.protocolInfo))
  const sent = countOf(attributes.get(CTA.countersOriginal))
  const received = countOf(attributes.get(CTA.countersReply))
  return {
    family,
    protocol: original.protocol,
    original: original.tuple,
    reply: reply.tuple,
    ...(state === undefined ? {} : { state }),
    replied: (status & IPS_SEEN_REPLY) !== 0,
    assured: (status & IPS_ASSURED) !== 0,
    secondsLeft: bigEndianIn(attributes.get(CTA.timeout)) ?? 0,
    mark: bigEndianIn(attributes.get(CTA.mark)) ?? 0,
    ...(sent === undefined ? {} : { sent }),
    ...(received === undefined ? {} : { received }),
  }
}

function tupleOf(
  bytes: Buffer,
  family: Family,
): { readonly tuple: FlowTuple; readonly protocol: number } | undefined {
  const parts = decodeAttributes(bytes, 0)
  const ip = decodeAttributes(parts.get(1) ?? Buffer.alloc(0), 0)
  const proto = decodeAttributes(parts.get(2) ?? Buffer.alloc(0), 0)
  // CTA_IP_V4_SRC and _DST, then those of IPv6.
  const first = family === 4 ? 1 : 3
  const [source, destination] = [ip.get(first), ip.get(first + 1)]
  const protocol = proto.get(1)?.[0]
  if (source === undefined || destination === undefined || protocol === undefined) return undefined
  const [sourcePort, destinationPort] = [bigEndianIn(proto.get(2)), bigEndianIn(proto.get(3))]
  const tuple = {
    source: fromBytes(source),
    destination: fromBytes(destination),
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
  }
  return { tuple, protocol }
}

function stateOf(info: Buffer | undefined): string | undefined {
  if (info === undefined) return undefined
  const tcp = decodeAttributes(info, 0).get(1)
  const state = tcp === undefined ? undefined : decodeAttributes(tcp, 0).get(1)?.[0]
  return state === undefined ? undefined : tcpStates[state]
}

function countOf(counters: Buffer | undefined): FlowCount | undefined {
  if (counters === undefined) return undefined
  const parts = decodeAttributes(counters, 0)
  const of = (type: number): number => bigEndianIn(parts.get(type)) ?? 0
  return { packets: of(1), bytes: of(2) }
}
