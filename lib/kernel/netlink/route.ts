/**
 * Routes over rtnetlink.
 *
 * What is added equals what `ip route add` adds: protocol boot, table main.
 *
 * @see rtnetlink(7), include/uapi/linux/rtnetlink.h
 * @module
 */

import {
  type Address,
  addressOf,
  bytesOf,
  type Family,
  familyOf,
  fromBytes,
  prefixLength,
  type Subnet,
  withPrefix,
} from '../../model/address.ts'
import type { RouteStep } from '../../plan/step.ts'
import { AF_INET, AF_INET6 } from './addr.ts'
import {
  type Attribute,
  decodeAttributes,
  type Message,
  NLM_F_CREATE,
  NLM_F_EXCL,
  type Received,
  u32,
  u32In,
} from './encode.ts'

const RTM_NEWROUTE = 24
const RTM_DELROUTE = 25
const RTM_GETROUTE = 26
const RTA_DST = 1
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PRIORITY = 6
const RTA_PREFSRC = 7
const RTA_METRICS = 8
const RTA_TABLE = 15
const RTAX_MTU = 2
const RT_TABLE_MAIN = 254
const RT_TABLE_LOCAL = 255
const RTPROT_BOOT = 3
const RT_SCOPE_UNIVERSE = 0
const RT_SCOPE_LINK = 253
const RT_SCOPE_NOWHERE = 255
const RTN_UNICAST = 1
/** Answers with the route that was matched and not with the path it leads to (Linux 4.13). */
const RTM_F_FIB_MATCH = 0x2000
const routeHeadBytes = 12

/** A route as the kernel tells it. */
export interface Route {
  readonly to: Subnet
  readonly via: Address | undefined
  /** Index of the link it leaves by; undefined for several or none. */
  readonly out: number | undefined
  readonly metric: number
  readonly source: Address | undefined
  readonly mtuBytes: number | undefined
  /** Undefined: main. */
  readonly table: number | undefined
}

interface RouteHead {
  readonly family: Family
  readonly length: number
  readonly protocol: number
  readonly scope: number
  readonly type: number
  readonly flags: number
}

/** struct rtmsg */
function routeHead(fields: RouteHead): Uint8Array {
  const head = Buffer.alloc(routeHeadBytes)
  head[0] = fields.family === 4 ? AF_INET : AF_INET6
  head[1] = fields.length
  head[4] = RT_TABLE_MAIN
  head[5] = fields.protocol
  head[6] = fields.scope
  head[7] = fields.type
  head.writeUInt32LE(fields.flags, 8)
  return head
}

function routeAttributes({ to, via, metric }: RouteStep, index: number): Attribute[] {
  const attributes: Attribute[] = []
  if (prefixLength(to) > 0) attributes.push({ type: RTA_DST, value: bytesOf(addressOf(to)) })
  if (via !== undefined) attributes.push({ type: RTA_GATEWAY, value: bytesOf(via) })
  attributes.push({ type: RTA_OIF, value: u32(index) })
  if (metric !== undefined) attributes.push({ type: RTA_PRIORITY, value: u32(metric) })
  return attributes
}

/** Fails with EEXIST if there is one to the same place with the same metric. */
export function routeAdd(step: RouteStep, index: number): Message {
  const family = familyOf(step.to)
  // IPv6 knows no scopes.
  const scope = family === 4 && step.via === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE
  const length = prefixLength(step.to)
  const head = routeHead({ family, length, protocol: RTPROT_BOOT, scope, type: RTN_UNICAST, flags: 0 })
  const attributes = routeAttributes(step, index)
  return { type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_EXCL, head, attributes }
}

/** Only the route with the same gateway, link and metric, and only if it was made by hand or by us. */
export function routeDel(step: RouteStep, index: number): Message {
  const family = familyOf(step.to)
  const length = prefixLength(step.to)
  const fields = {
    family,
    length,
    protocol: RTPROT_BOOT,
    scope: RT_SCOPE_NOWHERE,
    type: RTN_UNICAST,
    flags: 0,
  }
  return { type: RTM_DELROUTE, flags: 0, head: routeHead(fields), attributes: routeAttributes(step, index) }
}

/** For a dump of both families. */
export function routeList(): Message {
  return { type: RTM_GETROUTE, flags: 0, head: Buffer.alloc(routeHeadBytes), attributes: [] }
}

/**
 * Two questions about the way to one address: the path a packet takes, and the
 * route it follows. To be sent together.
 */
export function routeGet(to: Address): readonly [path: Message, route: Message] {
  const family = familyOf(to)
  const address = bytesOf(to)
  const ask = (flags: number): Message => ({
    type: RTM_GETROUTE,
    flags: 0,
    head: routeHead({ family, length: address.length * 8, protocol: 0, scope: 0, type: 0, flags }),
    attributes: [{ type: RTA_DST, value: address }],
  })
  return [ask(0), ask(RTM_F_FIB_MATCH)]
}

/** The unicast routes among received messages, without those of the kernel's own local table. */
export function decodeRoutes(messages: readonly Received[]): readonly Route[] {
  const routes: Route[] = []
  for (const { type, payload } of messages) {
    const family = payload[0]
    if (type !== RTM_NEWROUTE || (family !== AF_INET && family !== AF_INET6)) continue
    if (payload[7] !== RTN_UNICAST || payload[4] === RT_TABLE_LOCAL) continue
    routes.push(decodeRoute(payload, family === AF_INET ? 4 : 16))
  }
  return routes
}

/** Families whose main table has a default route. */
export function decodeDefaults(messages: readonly Received[]): readonly Family[] {
  const main = messages.filter(({ payload }) => payload[4] === RT_TABLE_MAIN)
  const routes = decodeRoutes(main).filter(({ to }) => to === '0.0.0.0/0' || to === '::/0')
  return [...new Set(routes.map(({ to }) => familyOf(to)))]
}

function decodeRoute(payload: Buffer, addressBytes: number): Route {
  const attributes = decodeAttributes(payload, routeHeadBytes)
  const address = (type: number): Address | undefined => {
    const bytes = attributes.get(type)
    return bytes?.length === addressBytes ? fromBytes(bytes) : undefined
  }
  const metrics = decodeAttributes(attributes.get(RTA_METRICS) ?? Buffer.alloc(0), 0)
  const destination = address(RTA_DST) ?? fromBytes(Buffer.alloc(addressBytes))
  const table = u32In(attributes.get(RTA_TABLE)) ?? payload[4]
  return {
    to: withPrefix(destination, payload[1] ?? 0) as Subnet,
    via: address(RTA_GATEWAY),
    out: u32In(attributes.get(RTA_OIF)),
    metric: u32In(attributes.get(RTA_PRIORITY)) ?? 0,
    source: address(RTA_PREFSRC),
    mtuBytes: u32In(metrics.get(RTAX_MTU)),
    table: table === RT_TABLE_MAIN ? undefined : table,
  }
}
