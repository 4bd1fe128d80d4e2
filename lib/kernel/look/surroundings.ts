/**
 * Links, routes and policy rules of a namespace in full, in the words of
 * `ip -json -details`: what is compared with the configuration of a plugin, and
 * put back as it was. Three dumps over one socket; programs that print the same
 * cost 4 ms each.
 *
 * @see rtnetlink(7), ip-link(8), ip-route(8), ip-rule(8)
 * @module
 */

import { type Address, type Cidr, fromBytes, withPrefix } from '../../model/address.ts'
import type { DeviceFact, DeviceRoute, PolicyRule, Surroundings } from '../../plan/facts.ts'
import type { OpenSandbox } from '../kernel.ts'
import { ours } from '../namespace/sandbox.ts'
import { AF_INET, AF_INET6, addrList } from '../netlink/addr.ts'
import { decodeAttributes, type Message, type Received, u32In } from '../netlink/encode.ts'
import { decodeLinks, linkList } from '../netlink/link.ts'
import { routeList } from '../netlink/route.ts'
import { openRouteSocket, type RouteSocket } from '../netlink/socket.ts'

const RTM_NEWADDR = 20
const RTM_NEWROUTE = 24
const RTM_NEWRULE = 32
const RTM_GETRULE = 34
const IFF_PROMISC = 0x100
const IFF_ALLMULTI = 0x200
const IFLA_LINK = 5
const IFLA_TXQLEN = 13
const IFLA_LINKINFO = 18
const IFLA_PROMISCUITY = 30
const IFLA_LINK_NETNSID = 37
const IFLA_INFO_DATA = 2
/** IFLA_MACVLAN_MODE, IFLA_IPVLAN_MODE, IFLA_VLAN_ID, IFLA_VRF_TABLE: each the first of its kind. */
const FIRST_INFO = 1
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8
const IFA_F_DADFAILED = 0x08
const IFA_F_TENTATIVE = 0x40
const RTA_DST = 1
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PRIORITY = 6
const RTA_PREFSRC = 7
const RTA_TABLE = 15
const RTM_F_CLONED = 0x200
const RTN_UNICAST = 1
const RTPROT_BOOT = 3
const RT_SCOPE_UNIVERSE = 0
const RT_TABLE_MAIN = 254
const FRA_SRC = 2
const FRA_PRIORITY = 6
const FRA_TABLE = 15
const linkHeadBytes = 16
const addressHeadBytes = 8
const routeHeadBytes = 12
const ruleHeadBytes = 12

const macvlanModes: Readonly<Record<number, string>> = {
  1: 'private',
  2: 'vepa',
  4: 'bridge',
  8: 'passthru',
  16: 'source',
}
const ipvlanModes = ['l2', 'l3', 'l3s']
/** As iproute2 names them (rt_tables, rt_scopes, rt_protos); others are numbers. */
const tableNames: Readonly<Record<number, string>> = { 253: 'default', 254: 'main', 255: 'local' }
const scopeNames: Readonly<Record<number, string>> = { 200: 'site', 253: 'link', 254: 'host', 255: 'nowhere' }
const protocolNames: Readonly<Record<number, string>> = {
  1: 'redirect',
  2: 'kernel',
  4: 'static',
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  18: 'keepalived',
  42: 'babel',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
}

const named = (names: Readonly<Record<number, string>>, number: number): string =>
  names[number] ?? String(number)

/** @param sandbox undefined: of this namespace */
export async function readSurroundings(sandbox: OpenSandbox | undefined): Promise<Surroundings> {
  if (sandbox !== undefined) return read(ours(sandbox).socket)
  const socket = openRouteSocket()
  try {
    return await read(socket)
  } finally {
    socket.close()
  }
}

async function read(socket: RouteSocket): Promise<Surroundings> {
  const links = await socket.dump(linkList())
  const addresses = (await socket.dump(addrList())).flatMap(addressOf)
  const names = new Map(decodeLinks(links).map(({ index, name }) => [index, name]))
  const routes = (await socket.dump(routeList())).flatMap((message) => routeOf(message, names))
  const rules = [...(await socket.dump(ruleList(AF_INET))), ...(await socket.dump(ruleList(AF_INET6)))]
  return {
    devices: links.flatMap((message) => deviceOf(message, { addresses, names })),
    // IPv4 first, as two commands would print them.
    routes: [4, 6].flatMap((family) => routes.filter(({ to }) => to.includes(':') === (family === 6))),
    rules: rules.flatMap(ruleOf),
  }
}

interface AddressFact {
  readonly index: number
  readonly cidr: Cidr
  readonly flags: number
}

function addressOf({ type, payload }: Received): readonly AddressFact[] {
  const family = payload[0]
  if (type !== RTM_NEWADDR || (family !== AF_INET && family !== AF_INET6)) return []
  const attributes = decodeAttributes(payload, addressHeadBytes)
  const local = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS)
  if (local === undefined) return []
  const flags = u32In(attributes.get(IFA_FLAGS)) ?? payload[2] ?? 0
  return [{ index: payload.readUInt32LE(4), cidr: withPrefix(fromBytes(local), payload[1] ?? 0), flags }]
}

function deviceOf(
  message: Received,
  known: { readonly addresses: readonly AddressFact[]; readonly names: ReadonlyMap<number, string> },
): readonly DeviceFact[] {
  const [link] = decodeLinks([message])
  if (link === undefined) return []
  const { payload } = message
  const { index, name, kind, mac = '', mtuBytes, up, alias } = link
  const attributes = decodeAttributes(payload, linkHeadBytes)
  const flags = payload.readUInt32LE(8)
  const master = link.master === undefined ? undefined : known.names.get(link.master)
  const peer = attributes.has(IFLA_LINK_NETNSID) ? u32In(attributes.get(IFLA_LINK)) : undefined
  const mine = known.addresses.filter((address) => address.index === index)
  const flagged = (flag: number): readonly Cidr[] =>
    mine.flatMap((address) => ((address.flags & flag) === 0 ? [] : [address.cidr]))
  const [tentative, duplicate] = [flagged(IFA_F_TENTATIVE), flagged(IFA_F_DADFAILED)]
  return [
    {
      index,
      name,
      kind,
      mac,
      mtuBytes,
      up,
      promisc: (u32In(attributes.get(IFLA_PROMISCUITY)) ?? 0) > 0 && (flags & IFF_PROMISC) !== 0,
      allmulti: (flags & IFF_ALLMULTI) !== 0,
      queueLength: u32In(attributes.get(IFLA_TXQLEN)) ?? 0,
      ...(master === undefined ? {} : { master }),
      ...(alias === undefined ? {} : { alias }),
      ...(peer === undefined || peer === 0 ? {} : { linkIndex: peer }),
      ...kindFacts(kind, attributes.get(IFLA_LINKINFO)),
      addresses: mine.map(({ cidr }) => cidr),
      ...(tentative.length === 0 ? {} : { tentative }),
      ...(duplicate.length === 0 ? {} : { duplicate }),
    },
  ]
}

function kindFacts(kind: string, info: Buffer | undefined): Pick<DeviceFact, 'mode' | 'vlanId' | 'table'> {
  const data = info === undefined ? undefined : decodeAttributes(info, 0).get(IFLA_INFO_DATA)
  const first = data === undefined ? undefined : decodeAttributes(data, 0).get(FIRST_INFO)
  if (first === undefined) return {}
  if (kind === 'vlan') return { vlanId: first.readUInt16LE(0) }
  if (kind === 'vrf') return { table: first.readUInt32LE(0) }
  const mode =
    kind === 'macvlan'
      ? macvlanModes[first.readUInt32LE(0)]
      : kind === 'ipvlan'
        ? ipvlanModes[first.readUInt16LE(0)]
        : undefined
  return mode === undefined ? {} : { mode }
}

function routeOf({ type, payload }: Received, names: ReadonlyMap<number, string>): readonly DeviceRoute[] {
  const family = payload[0]
  if (type !== RTM_NEWROUTE || (family !== AF_INET && family !== AF_INET6)) return []
  if (payload[7] !== RTN_UNICAST || (payload.readUInt32LE(8) & RTM_F_CLONED) !== 0) return []
  const attributes = decodeAttributes(payload, routeHeadBytes)
  const addressBytes = family === AF_INET ? 4 : 16
  const address = (kind: number): Address | undefined => {
    const bytes = attributes.get(kind)
    return bytes?.length === addressBytes ? fromBytes(bytes) : undefined
  }
  const dev = names.get(u32In(attributes.get(RTA_OIF)) ?? 0)
  if (dev === undefined) return []
  const [via, source] = [address(RTA_GATEWAY), address(RTA_PREFSRC)]
  const metric = u32In(attributes.get(RTA_PRIORITY))
  const table = u32In(attributes.get(RTA_TABLE)) ?? payload[4] ?? 0
  const [protocol = 0, scope = 0] = [payload[5], payload[6]]
  return [
    {
      to: withPrefix(address(RTA_DST) ?? fromBytes(Buffer.alloc(addressBytes)), payload[1] ?? 0),
      dev,
      ...(via === undefined ? {} : { via }),
      ...(source === undefined ? {} : { source }),
      ...(metric === undefined ? {} : { metric }),
      ...(table === RT_TABLE_MAIN ? {} : { table: named(tableNames, table) }),
      ...(scope === RT_SCOPE_UNIVERSE ? {} : { scope: named(scopeNames, scope) }),
      ...(protocol === RTPROT_BOOT ? {} : { protocol: named(protocolNames, protocol) }),
    },
  ]
}

function ruleList(family: number): Message {
  const head = Buffer.alloc(ruleHeadBytes)
  head[0] = family
  return { type: RTM_GETRULE, flags: 0, head, attributes: [] }
}

function ruleOf({ type, payload }: Received): readonly PolicyRule[] {
  if (type !== RTM_NEWRULE) return []
  const attributes = decodeAttributes(payload, ruleHeadBytes)
  const from = attributes.get(FRA_SRC)
  const table = u32In(attributes.get(FRA_TABLE)) ?? payload[4] ?? 0
  return [
    {
      family: payload[0] === AF_INET ? 4 : 6,
      priority: u32In(attributes.get(FRA_PRIORITY)) ?? 0,
      from: from === undefined ? 'all' : fromBytes(from),
      table: table === 0 ? '' : named(tableNames, table),
    },
  ]
}
