/**
 * What the host looks like, read over one rtnetlink socket.
 *
 * @module
 */

import { type Address, type Cidr, type Family, prefixLength } from '../../model/address.ts'
import type { AddressFact, HostFacts, LinkFact, RouteFact, WayOut } from '../../plan/facts.ts'
import { addrList, decodeAddresses } from '../netlink/addr.ts'
import { decodeLinks, type Link, linkGet, linkList } from '../netlink/link.ts'
import { decodeRoutes, type Route, routeGet, routeList } from '../netlink/route.ts'
import { openRouteSocket, type RouteSocket } from '../netlink/socket.ts'
import { ENODEV, SystemError } from '../system/errno.ts'

export function toLinkFacts(links: readonly Link[]): readonly LinkFact[] {
  const names = new Map(links.map(({ index, name }) => [index, name]))
  return links.map((link) => toLinkFact(link, link.master === undefined ? undefined : names.get(link.master)))
}

export function toLinkFact(link: Link, master: string | undefined): LinkFact {
  const { name, kind, mac, mtuBytes, up, alias } = link
  return { name, kind, mac, mtuBytes, up, master, alias }
}

/** The link of that name or index, undefined where there is none. */
export async function findLink(socket: RouteSocket, link: string | number): Promise<Link | undefined> {
  return (await findLinks(socket, [link]))[0]
}

/** All in one round trip; undefined for those that are not there. */
export async function findLinks(
  socket: RouteSocket,
  links: readonly (string | number)[],
): Promise<readonly (Link | undefined)[]> {
  const replies = await socket.batch(links.map(linkGet))
  return replies.map((reply) => {
    if (reply.errno !== 0 && reply.errno !== ENODEV) throw new SystemError('reading a link', reply.errno)
    return decodeLinks(reply.messages)[0]
  })
}

export interface HostDump {
  readonly links: readonly Link[]
  readonly facts: HostFacts
}

/** Three dumps, one after the other: a socket carries one at a time. */
export async function readHost(socket: RouteSocket): Promise<HostDump> {
  const links = decodeLinks(await socket.dump(linkList()))
  const names = new Map(links.map(({ index, name }) => [index, name]))
  const addresses = decodeAddresses(await socket.dump(addrList())).flatMap(
    ({ index, cidr }): AddressFact[] => {
      const dev = names.get(index)
      return dev === undefined ? [] : [{ dev, cidr }]
    },
  )
  const routes = await readRoutes(socket, names)
  return { links, facts: { links: toLinkFacts(links), addresses, routes } }
}

/** Of all tables. @param names of links, by index */
export async function readRoutes(
  socket: RouteSocket,
  names: ReadonlyMap<number, string>,
): Promise<readonly RouteFact[]> {
  return decodeRoutes(await socket.dump(routeList())).map(({ to, via, out, metric, table }) => ({
    to,
    via,
    dev: out === undefined ? undefined : names.get(out),
    metric,
    ...(table === undefined ? {} : { table }),
  }))
}

/** The host's addresses that mean something to other hosts: no loopback, no link-local ones. */
export async function readHostAddresses(socket: RouteSocket): Promise<readonly Cidr[]> {
  return decodeAddresses(await socket.dump(addrList()))
    .filter(({ global }) => global)
    .map(({ cidr }) => cidr)
}

/**
 * Addresses to ask the way to. The first are reserved for documentation (RFC
 * 5737, 3849), the second are root name servers: should a host have a route of
 * its own to one, the other still shows the way to everywhere else.
 */
const farAway: Readonly<Record<Family, readonly Address[]>> = {
  4: ['192.0.2.1', '198.41.0.4'] as readonly string[] as readonly Address[],
  6: ['2001:db8::1', '2001:503:ba3e::2:30'] as readonly string[] as readonly Address[],
}

/** Default routes, the halves a full-tunnel VPN splits them into, and 2000::/3. */
const longestDefault = 3

/** The link the way led out by when it was asked for last: nearly always it does again. */
const lastOut = new WeakMap<RouteSocket, number>()

/**
 * Asked of the kernel and not looked for in a dump: it knows policy rules, and
 * a router's full table would take seconds.
 */
export async function findWayOut(socket: RouteSocket, family: Family): Promise<WayOut | undefined> {
  for (const address of farAway[family]) {
    const guess = lastOut.get(socket)
    const questions = [...routeGet(address), ...(guess === undefined ? [] : [linkGet(guess)])]
    const [pathReply, routeReply, guessed] = await socket.batch(questions)
    const [path, route] = [decodeReply(pathReply), decodeReply(routeReply)]
    if (path?.out === undefined || route === undefined || prefixLength(route.to) > longestDefault) continue
    lastOut.set(socket, path.out)
    const link =
      path.out === guess ? decodeLinks(guessed?.messages ?? [])[0] : await findLink(socket, path.out)
    if (link === undefined) continue
    const mtuBytes = Math.min(link.mtuBytes, path.mtuBytes ?? link.mtuBytes)
    return { family, dev: link.name, mtuBytes, source: path.source }
  }
  return undefined
}

/** Of this namespace, for who keeps no socket. */
export async function readWaysOut(): Promise<Readonly<Record<Family, WayOut | undefined>>> {
  const socket = openRouteSocket()
  try {
    return { 4: await findWayOut(socket, 4), 6: await findWayOut(socket, 6) }
  } finally {
    socket.close()
  }
}

function decodeReply(
  reply: { readonly messages: Parameters<typeof decodeRoutes>[0] } | undefined,
): Route | undefined {
  return decodeRoutes(reply?.messages ?? [])[0]
}
