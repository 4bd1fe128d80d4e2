/**
 * Links as people look at them: with counters, peers and what a bridge says of
 * itself. Reading only; link.ts makes and changes them, and reads without the
 * counters, which are half of the bytes.
 *
 * @see rtnetlink(7), include/uapi/linux/if_link.h, include/uapi/linux/net_namespace.h
 * @module
 */

import type { TrafficCounters } from '../../model/traffic.ts'
import { type Attribute, decodeAttributes, i32In, type Message, type Received, u32, u32In } from './encode.ts'
import { decodeLinks, type Link } from './link.ts'

const RTM_GETLINK = 18
const RTM_NEWNSID = 88
const RTM_GETNSID = 90
const IFLA_LINK = 5
const IFLA_LINKINFO = 18
const IFLA_STATS64 = 23
const IFLA_CARRIER = 33
const IFLA_LINK_NETNSID = 37
const IFLA_INFO_DATA = 2
const IFLA_INFO_SLAVE_DATA = 5
const IFLA_BRPORT_STATE = 1
const IFLA_BR_STP_STATE = 5
const IFLA_BR_VLAN_FILTERING = 7
const IFLA_BR_BRIDGE_ID = 11
const NETNSA_NSID = 1
const NETNSA_FD = 3
const linkHeadBytes = 16
const nsidHeadBytes = 4

export interface LinkDetail extends Link {
  readonly carrier: boolean
  readonly traffic: TrafficCounters
  /** Index of the other end of a veth pair, or of the link a macvlan or VLAN sits on. */
  readonly peerIndex: number | undefined
  /** Number that this namespace has for the one `peerIndex` is of; undefined: this very one. */
  readonly peerNsid: number | undefined
  readonly portState: string | undefined
  readonly bridge: BridgeDetail | undefined
}

export interface BridgeDetail {
  /** `8000.0242ac110001`, as brctl prints it. */
  readonly id: string
  readonly stp: boolean
  readonly vlanFiltering: boolean
}

/** linux/if_bridge.h, BR_STATE_… */
const portStates = ['disabled', 'listening', 'learning', 'forwarding', 'blocking']

/** For a dump. */
export function linkDetailList(): Message {
  return { type: RTM_GETLINK, flags: 0, head: Buffer.alloc(linkHeadBytes), attributes: [] }
}

export function decodeLinkDetails(messages: readonly Received[]): readonly LinkDetail[] {
  return messages.flatMap((message) => {
    const [link] = decodeLinks([message])
    return link === undefined ? [] : [{ ...link, ...detailsOf(message.payload, link.kind) }]
  })
}

function detailsOf(payload: Buffer, kind: string): Omit<LinkDetail, keyof Link> {
  const attributes = decodeAttributes(payload, linkHeadBytes)
  const info = decodeAttributes(attributes.get(IFLA_LINKINFO) ?? Buffer.alloc(0), 0)
  const port = decodeAttributes(info.get(IFLA_INFO_SLAVE_DATA) ?? Buffer.alloc(0), 0)
  const state = port.get(IFLA_BRPORT_STATE)?.[0]
  return {
    carrier: attributes.get(IFLA_CARRIER)?.[0] === 1,
    traffic: trafficOf(attributes.get(IFLA_STATS64)),
    peerIndex: u32In(attributes.get(IFLA_LINK)) || undefined,
    peerNsid: i32In(attributes.get(IFLA_LINK_NETNSID)),
    portState: state === undefined ? undefined : portStates[state],
    bridge: kind === 'bridge' ? bridgeOf(info.get(IFLA_INFO_DATA)) : undefined,
  }
}

function trafficOf(stats: Buffer | undefined): TrafficCounters {
  // struct rtnl_link_stats64
  const at = (index: number): number =>
    stats === undefined || stats.length < (index + 1) * 8 ? 0 : Number(stats.readBigUInt64LE(index * 8))
  return {
    rxPackets: at(0),
    txPackets: at(1),
    rxBytes: at(2),
    txBytes: at(3),
    errors: at(4) + at(5),
    rxDropped: at(6),
    txDropped: at(7),
  }
}

function bridgeOf(data: Buffer | undefined): BridgeDetail {
  const fields = decodeAttributes(data ?? Buffer.alloc(0), 0)
  const id = fields.get(IFLA_BR_BRIDGE_ID)?.toString('hex') ?? ''
  return {
    id: `${id.slice(0, 4)}.${id.slice(4)}`,
    stp: (u32In(fields.get(IFLA_BR_STP_STATE)) ?? 0) !== 0,
    vlanFiltering: fields.get(IFLA_BR_VLAN_FILTERING)?.[0] === 1,
  }
}

/** Which number this namespace has for the one behind `fd`. Gives it none where it has none. */
export function nsidGet(fd: number): Message {
  const attributes: Attribute[] = [{ type: NETNSA_FD, value: u32(fd) }]
  return { type: RTM_GETNSID, flags: 0, head: Buffer.alloc(nsidHeadBytes), attributes }
}

/** @returns undefined where it has none */
export function decodeNsid(messages: readonly Received[]): number | undefined {
  const answer = messages.find(({ type }) => type === RTM_NEWNSID)
  if (answer === undefined) return undefined
  const nsid = i32In(decodeAttributes(answer.payload, nsidHeadBytes).get(NETNSA_NSID))
  return nsid === undefined || nsid < 0 ? undefined : nsid
}
