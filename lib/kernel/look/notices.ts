/**
 * What the kernel announces of this namespace while we listen: links, addresses,
 * routes, and changes of nftables with the process that made them.
 *
 * Node cannot wait for such sockets: whoever listens asks again and again.
 * iptables-nft is announced as nftables; iptables-legacy announces nothing.
 *
 * @see netlink(7), include/uapi/linux/netfilter/nf_tables.h
 * @module
 */

import type { Cidr } from '../../model/address.ts'
import type { RouteFact } from '../../plan/facts.ts'
import { decodeAddresses } from '../netlink/addr.ts'
import {
  bigEndianIn,
  decodeAttributes,
  decodeMessages,
  decodeText,
  type Received,
} from '../netlink/encode.ts'
import { decodeLinks } from '../netlink/link.ts'
import { NETLINK_NETFILTER } from '../netlink/nftables.ts'
import { decodeRoutes } from '../netlink/route.ts'
import { errnoOf } from '../system/errno.ts'
import { closeDescriptor } from '../system/libc.ts'
import { openSocket, receiveNow, setSocketOption } from '../system/sockets.ts'

/** A link that has come, changed or gone. */
export interface LinkNotice {
  readonly index: number
  readonly name: string
  readonly kind: string
  readonly up: boolean
  readonly master: number | undefined
}

/** One announcement. */
export type Notice =
  | { readonly what: 'link'; readonly gone: boolean; readonly link: LinkNotice }
  | { readonly what: 'address'; readonly gone: boolean; readonly index: number; readonly cidr: Cidr }
  | {
      readonly what: 'route'
      readonly gone: boolean
      readonly route: Omit<RouteFact, 'dev'> & { readonly index: number | undefined }
    }
  | {
      readonly what: 'rules'
      readonly changes: readonly RulesChange[]
      readonly pid: number
      readonly program: string
    }
  /** More came than the socket could hold. */
  | { readonly what: 'lost' }

/** One thing of one transaction. */
export interface RulesChange {
  readonly action: 'added' | 'removed'
  readonly object: 'table' | 'chain' | 'rule' | 'set' | 'element' | 'object'
  /** `inet tsnet` */
  readonly table: string
  /** Chain or set, where the kernel says. */
  readonly name: string
}

/** What has been announced, kept until it is read. */
export interface Notices {
  /** All that have come in since. */
  read(): readonly Notice[]
  /** Gives the descriptors back. */
  close(): void
}

const AF_NETLINK = 16
const SOCK_RAW = 3
const NETLINK_ROUTE = 0
/** RTNLGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE */
const routeGroups = [1, 5, 7, 9, 11]
const NFNLGRP_NFTABLES = 7
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
const ENOBUFS = 105
const receiveBytes = 4 * 1024 * 1024
const datagramBytes = 256 * 1024

const RTM = { newLink: 16, delLink: 17, newAddress: 20, delAddress: 21, newRoute: 24, delRoute: 25 } as const
const NFNL_SUBSYS_NFTABLES = 10
const NFT_MSG_NEWGEN = 15

/** Listens from now on, in the namespace the calling thread is in. */
export function openNotices(): Notices {
  const route = listen(NETLINK_ROUTE, routeGroups)
  const room = Buffer.alloc(datagramBytes)
  const rules = openRuleNotices(room)
  return {
    read: () => [...drain(route, room, routeNotice), ...rules.read()],
    close: () => {
      closeDescriptor(route)
      rules.close()
    },
  }
}

/** The same of changes of rules alone. */
export function openRuleNotices(room: Buffer = Buffer.alloc(datagramBytes)): Notices {
  const netfilter = listen(NETLINK_NETFILTER, [NFNLGRP_NFTABLES])
  // Of the transaction that has not been told to be over.
  let changes: RulesChange[] = []
  const nftNotice = (received: Received): Notice | undefined => {
    const kind = received.type & 0xff
    if (received.type >> 8 !== NFNL_SUBSYS_NFTABLES) return undefined
    if (kind !== NFT_MSG_NEWGEN) {
      const change = changeOf(kind, received.payload)
      if (change !== undefined) changes.push(change)
      return undefined
    }
    const attributes = decodeAttributes(received.payload, 4)
    const notice: Notice = {
      what: 'rules',
      changes,
      pid: bigEndianIn(attributes.get(2)) ?? 0,
      program: decodeText(attributes.get(3)) ?? '',
    }
    changes = []
    return notice
  }
  return {
    read: () => drain(netfilter, room, nftNotice),
    close: () => closeDescriptor(netfilter),
  }
}

function listen(protocol: number, groups: readonly number[]): number {
  // Bound to no number in particular, but bound: a socket that is not hears nothing.
  const address = Buffer.alloc(12)
  address.writeUInt16LE(AF_NETLINK, 0)
  address.writeUInt32LE(
    groups.reduce((mask, group) => mask | (1 << (group - 1)), 0),
    8,
  )
  return openSocket({ domain: AF_NETLINK, type: SOCK_RAW, protocol, address }, (fd) =>
    setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, receiveBytes),
  )
}

function drain(
  fd: number,
  room: Buffer,
  decode: (received: Received) => Notice | undefined,
): readonly Notice[] {
  const notices: Notice[] = []
  for (;;) {
    let length: number | undefined
    try {
      length = receiveNow(fd, room)
    } catch (error) {
      if (errnoOf(error) !== ENOBUFS) throw error
      notices.push({ what: 'lost' })
      continue
    }
    if (length === undefined) return notices
    const bytes = Buffer.from(room.subarray(0, Math.min(length, room.length)))
    for (const received of decodeMessages(bytes)) {
      const notice = decode(received)
      if (notice !== undefined) notices.push(notice)
    }
  }
}

function routeNotice(received: Received): Notice | undefined {
  const { type } = received
  // What is deleted is told in the same form.
  const as = (like: number): readonly Received[] => [{ ...received, type: like }]
  if (type === RTM.newLink || type === RTM.delLink) {
    // A port that leaves its bridge is told as a deleted link of family AF_BRIDGE.
    if (received.payload[0] !== 0) return undefined
    const [link] = decodeLinks(as(RTM.newLink))
    if (link === undefined) return undefined
    const { index, name, kind, up, master } = link
    return { what: 'link', gone: type === RTM.delLink, link: { index, name, kind, up, master } }
  }
  if (type === RTM.newAddress || type === RTM.delAddress) {
    const [address] = decodeAddresses(as(RTM.newAddress))
    if (address === undefined) return undefined
    return { what: 'address', gone: type === RTM.delAddress, index: address.index, cidr: address.cidr }
  }
  if (type !== RTM.newRoute && type !== RTM.delRoute) return undefined
  const [route] = decodeRoutes(as(RTM.newRoute))
  if (route === undefined) return undefined
  const { to, via, out, metric } = route
  return { what: 'route', gone: type === RTM.delRoute, route: { to, via, index: out, metric } }
}

const families: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
}

/** NFT_MSG_…: what is made has an even number, what goes the number after next but one. */
const kinds: Readonly<Record<number, readonly [RulesChange['action'], RulesChange['object'], number]>> = {
  0: ['added', 'table', 1],
  2: ['removed', 'table', 1],
  3: ['added', 'chain', 3],
  5: ['removed', 'chain', 3],
  6: ['added', 'rule', 2],
  8: ['removed', 'rule', 2],
  9: ['added', 'set', 2],
  11: ['removed', 'set', 2],
  12: ['added', 'element', 2],
  14: ['removed', 'element', 2],
  18: ['added', 'object', 2],
  20: ['removed', 'object', 2],
}

function changeOf(kind: number, payload: Buffer): RulesChange | undefined {
  const told = kinds[kind]
  if (told === undefined) return undefined
  const [action, object, nameAttribute] = told
  const attributes = decodeAttributes(payload, 4)
  const table = `${families[payload[0] ?? 0] ?? payload[0]} ${decodeText(attributes.get(1)) ?? ''}`
  return {
    action,
    object,
    table,
    name: object === 'table' ? '' : (decodeText(attributes.get(nameAttribute)) ?? ''),
  }
}
