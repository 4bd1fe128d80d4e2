/**
 * Both sides as they are now, for comparing with what steps wanted.
 *
 * @module
 */

import { addrList, decodeAddresses } from '../netlink/addr.ts'
import { decodeLinks, linkList } from '../netlink/link.ts'
import { decodeRoutes, routeList } from '../netlink/route.ts'
import type { RouteSocket } from '../netlink/socket.ts'
import type { Sides, SideView, View } from './handler.ts'

export async function readView(sides: Sides): Promise<View> {
  const [host, sandbox] = await Promise.all([
    readSide(sides.host.socket),
    sides.sandbox === undefined ? undefined : readSide(sides.sandbox.socket),
  ])
  return { host, sandbox, sides }
}

async function readSide(socket: RouteSocket): Promise<SideView> {
  const [links, addresses, routes] = await Promise.all([
    socket.dump(linkList()),
    socket.dump(addrList()),
    socket.dump(routeList()),
  ])
  return { links: decodeLinks(links), addresses: decodeAddresses(addresses), routes: decodeRoutes(routes) }
}
