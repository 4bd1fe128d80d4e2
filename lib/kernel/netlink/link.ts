/**
 * Links over rtnetlink: bridges, veth pairs, bridge ports.
 *
 * Links that were not made here are named by name; whoever deletes one names it
 * by the index of a look-up, so that a stranger who took the name meanwhile
 * keeps it. An alias cannot be given in the message that makes a link (Linux
 * 6.18 ignores it), nor can a veth peer be born up (ENOTCONN), nor its index
 * be chosen unless that of the host end is chosen too.
 *
 * @see rtnetlink(7), include/uapi/linux/if_link.h
 * @module
 */

import { existsSync } from 'node:fs'
import type { Mac } from '../../model/address.ts'
import { MIN_IPV6_MTU_BYTES } from '../../model/specs/scalar.ts'
import type { BridgePortStep, BridgeStep, VethStep } from '../../plan/step.ts'
import {
  type Attribute,
  decodeAttributes,
  decodeText,
  i32In,
  type Message,
  macBytes,
  NLM_F_CREATE,
  NLM_F_EXCL,
  nested,
  type Received,
  text,
  u8,
  u32,
  u32In,
} from './encode.ts'

const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18
const RTM_SETLINK = 19

const IFLA_ADDRESS = 1
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_MASTER = 10
const IFLA_LINKINFO = 18
const IFLA_IFALIAS = 20
const IFLA_AF_SPEC = 26
const IFLA_GROUP = 27
const IFLA_NET_NS_FD = 28
const IFLA_EXT_MASK = 29
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_INFO_SLAVE_DATA = 5
const VETH_INFO_PEER = 1
const IFLA_BRPORT_MODE = 4
const IFLA_BRPORT_ISOLATED = 33

const AF_INET6 = 10
const IFLA_INET6_CONF = 2
const IFLA_INET6_ADDR_GEN_MODE = 8
/** Its place among the 32-bit numbers of IFLA_INET6_CONF (linux/ipv6.h). */
const DEVCONF_DISABLE_IPV6 = 26
const IN6_ADDR_GEN_MODE_NONE = 1

const IFF_UP = 1
/** Leaves counters out of answers, which are half of their bytes. */
const RTEXT_FILTER_SKIP_STATS = 8

const linkHeadBytes = 16

/** A link as the kernel tells it. */
export interface Link {
  readonly index: number
  readonly name: string
  readonly kind: string
  readonly mac: Mac | undefined
  readonly mtuBytes: number
  readonly up: boolean
  /** Index of the bridge it is a port of. */
  readonly master: number | undefined
  readonly alias: string | undefined
  /** Number of the group it is in; 0 for all that nobody has put in one. */
  readonly group: number
  /** net.ipv6.conf.NAME.disable_ipv6; undefined where the kernel does not tell. */
  readonly ipv6Off: boolean | undefined
  readonly hairpin: boolean
  readonly isolated: boolean
}

/** struct ifinfomsg */
function linkHead(options: { index?: number; flags?: number }): Uint8Array {
  const head = Buffer.alloc(linkHeadBytes)
  head.writeInt32LE(options.index ?? 0, 4)
  head.writeUInt32LE(options.flags ?? 0, 8)
  head.writeUInt32LE(options.flags ?? 0, 12)
  return head
}

function ethernet(name: string, mac: Mac, mtuBytes: number): Attribute[] {
  return [
    { type: IFLA_IFNAME, value: text(name) },
    { type: IFLA_ADDRESS, value: macBytes(mac) },
    { type: IFLA_MTU, value: u32(mtuBytes) },
  ]
}

/** Fails with EEXIST if the name is taken. Its MTU is a draft: `bridgeSet` sets the real one. */
export function bridgeAdd({ name, mac, mtuBytes }: BridgeStep): Message {
  const draftBytes = mtuBytes < 65535 ? mtuBytes + 1 : mtuBytes - 1
  const info = nested([{ type: IFLA_INFO_KIND, value: text('bridge') }])
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    head: linkHead({}),
    attributes: [...ethernet(name, mac, draftBytes), { type: IFLA_LINKINFO, value: info }],
  }
}

/**
 * Alias and MTU of a new bridge. An MTU that was changed, and was not there from
 * the beginning, stays; else the bridge follows its ports, and goes to 1500 when
 * the last one leaves (br_mtu_auto_adjust).
 */
export function bridgeSet({ name, mtuBytes, alias }: BridgeStep): Message {
  const set = linkSetAlias(name, alias)
  return { ...set, attributes: [...set.attributes, { type: IFLA_MTU, value: u32(mtuBytes) }] }
}

/** Where the two ends of a veth pair go. */
export interface VethPlace {
  readonly bridgeIndex: number
  /** Descriptor of the namespace the peer is born in; absent: our own. */
  readonly netns?: number
}

/** One message for the pair: host end up and in the bridge, peer in the sandbox and down. */
export function vethAdd(step: VethStep, place: VethPlace): Message {
  const { name, mac, mtuBytes, peer } = step
  const { bridgeIndex, netns } = place
  const elsewhere = netns === undefined ? [] : [{ type: IFLA_NET_NS_FD, value: u32(netns) }]
  const peerBody = nested([...ethernet(peer.name, peer.mac, mtuBytes), ...elsewhere], linkHead({}))
  const info = nested([
    { type: IFLA_INFO_KIND, value: text('veth') },
    { type: IFLA_INFO_DATA, value: nested([{ type: VETH_INFO_PEER, value: peerBody }]) },
  ])
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    head: linkHead({ flags: IFF_UP }),
    attributes: [
      ...ethernet(name, mac, mtuBytes),
      { type: IFLA_MASTER, value: u32(bridgeIndex) },
      { type: IFLA_LINKINFO, value: info },
    ],
  }
}

/** Gives a link its alias (`ip link set NAME alias TEXT`). */
export function linkSetAlias(name: string, alias: string): Message {
  return {
    type: RTM_SETLINK,
    flags: 0,
    head: linkHead({}),
    // Without a zero byte: the kernel would count it as part of the alias.
    attributes: [
      { type: IFLA_IFNAME, value: text(name) },
      { type: IFLA_IFALIAS, value: Buffer.from(alias) },
    ],
  }
}

/**
 * Alias of a bridge port, which gets no address of its own: without this the
 * kernel gives it a link-local one, a second or two after its other end came up.
 */
export function portSet({ name, alias, mtuBytes }: VethStep): Message {
  const set = linkSetAlias(name, alias)
  if (mtuBytes < MIN_IPV6_MTU_BYTES || !hasIpv6()) return set
  const six = nested([{ type: IFLA_INET6_ADDR_GEN_MODE, value: u8(IN6_ADDR_GEN_MODE_NONE) }])
  const spec = { type: IFLA_AF_SPEC, value: nested([{ type: AF_INET6, value: six }]) }
  return { ...set, attributes: [...set.attributes, spec] }
}

let ipv6: boolean | undefined

/** A kernel without IPv6 refuses a message that speaks of it; so does a link too small for it. */
function hasIpv6(): boolean {
  ipv6 ??= existsSync('/proc/sys/net/ipv6')
  return ipv6
}

/** Sets a link up or down (`ip link set NAME up`). */
export function linkSet(name: string, state: 'up' | 'down'): Message {
  const head = Buffer.from(linkHead({ flags: IFF_UP }))
  if (state === 'down') head.writeUInt32LE(0, 8)
  return { type: RTM_SETLINK, flags: 0, head, attributes: [{ type: IFLA_IFNAME, value: text(name) }] }
}

/** As NEWLINK without NLM_F_CREATE: RTM_SETLINK would want an index for bridge ports. */
export function bridgePortSet({ name, hairpin, isolated }: BridgePortStep): Message {
  const port = nested([
    { type: IFLA_BRPORT_MODE, value: u8(hairpin ? 1 : 0) },
    { type: IFLA_BRPORT_ISOLATED, value: u8(isolated ? 1 : 0) },
  ])
  return {
    type: RTM_NEWLINK,
    flags: 0,
    head: linkHead({}),
    attributes: [
      { type: IFLA_IFNAME, value: text(name) },
      { type: IFLA_LINKINFO, value: nested([{ type: IFLA_INFO_SLAVE_DATA, value: port }]) },
    ],
  }
}

export function linkSetGroup(index: number, group: number): Message {
  const attributes = [{ type: IFLA_GROUP, value: u32(group) }]
  return { type: RTM_SETLINK, flags: 0, head: linkHead({ index }), attributes }
}

/** Deletes the link of that index (`ip link delete`). */
export function linkDel(index: number): Message {
  return { type: RTM_DELLINK, flags: 0, head: linkHead({ index }), attributes: [] }
}

/** Deletes every link of the group, whoever put it there: compare its members first. */
export function linkDelGroup(group: number): Message {
  const attributes = [{ type: IFLA_GROUP, value: u32(group) }]
  return { type: RTM_DELLINK, flags: 0, head: linkHead({}), attributes }
}

const extMask: Attribute = { type: IFLA_EXT_MASK, value: u32(RTEXT_FILTER_SKIP_STATS) }

/** Asks for one link by name or index (`ip link show NAME`). */
export function linkGet(link: string | number): Message {
  const byName = typeof link === 'string'
  const attributes = byName ? [{ type: IFLA_IFNAME, value: text(link) }, extMask] : [extMask]
  return { type: RTM_GETLINK, flags: 0, head: linkHead(byName ? {} : { index: link }), attributes }
}

/** For a dump. */
export function linkList(): Message {
  return { type: RTM_GETLINK, flags: 0, head: linkHead({}), attributes: [extMask] }
}

/** The links among received messages. */
export function decodeLinks(messages: readonly Received[]): readonly Link[] {
  return messages.filter(isLink).map(({ payload }) => decodeLink(payload))
}

/** Only which group each link is in: of a thousand links that is a tenth of the work. */
export function decodeGroups(messages: readonly Received[]): readonly Pick<Link, 'index' | 'group'>[] {
  return messages.filter(isLink).map(({ payload }) => ({
    index: payload.readInt32LE(4),
    group: u32In(decodeAttributes(payload, linkHeadBytes).get(IFLA_GROUP)) ?? 0,
  }))
}

function isLink({ type, payload }: Received): boolean {
  return type === RTM_NEWLINK && payload.length >= linkHeadBytes
}

const nothing: Buffer = Buffer.alloc(0)

function decodeLink(payload: Buffer): Link {
  const attributes = decodeAttributes(payload, linkHeadBytes)
  const info = decodeAttributes(attributes.get(IFLA_LINKINFO) ?? nothing, 0)
  const kind = decodeText(info.get(IFLA_INFO_KIND)) ?? ''
  const port = decodeAttributes(info.get(IFLA_INFO_SLAVE_DATA) ?? nothing, 0)
  const families = decodeAttributes(attributes.get(IFLA_AF_SPEC) ?? nothing, 0)
  const settings = decodeAttributes(families.get(AF_INET6) ?? nothing, 0).get(IFLA_INET6_CONF)
  const disabled = i32In(settings?.subarray(4 * DEVCONF_DISABLE_IPV6))
  const mac = attributes.get(IFLA_ADDRESS)
  return {
    index: payload.readInt32LE(4),
    name: decodeText(attributes.get(IFLA_IFNAME)) ?? '',
    kind,
    mac: mac?.length === 6 ? ((mac.toString('hex').match(/../g) ?? []).join(':') as Mac) : undefined,
    mtuBytes: u32In(attributes.get(IFLA_MTU)) ?? 0,
    up: (payload.readUInt32LE(8) & IFF_UP) !== 0,
    master: u32In(attributes.get(IFLA_MASTER)),
    alias: decodeText(attributes.get(IFLA_IFALIAS)),
    group: u32In(attributes.get(IFLA_GROUP)) ?? 0,
    ipv6Off: disabled === undefined ? undefined : disabled !== 0,
    hairpin: port.get(IFLA_BRPORT_MODE)?.[0] === 1,
    isolated: port.get(IFLA_BRPORT_ISOLATED)?.[0] === 1,
  }
}
