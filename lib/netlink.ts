/**
 * tsnet/netlink: rtnetlink as tsnet speaks it. Messages are plain values; a
 * socket sends a batch in one kernel round trip and answers each message.
 *
 * ```ts
 * import { decodeLinks, linkList, openRouteSocket } from 'tsnet/netlink'
 *
 * const socket = openRouteSocket()
 * console.log(decodeLinks(await socket.dump(linkList())).map(({ name }) => name))
 * socket.close()
 * ```
 *
 * {@link openNotices} listens to what the kernel announces.
 *
 * @module
 */

export {
  type LinkNotice,
  type Notice,
  type Notices,
  openNotices,
  type RulesChange,
} from './kernel/look/notices.ts'
export { addrAdd, addrDel, addrList, decodeAddresses, type LinkAddress } from './kernel/netlink/addr.ts'
export type { Attribute, Message, Nested, Received } from './kernel/netlink/encode.ts'
export {
  bridgeAdd,
  bridgePortSet,
  decodeLinks,
  type Link,
  linkDel,
  linkGet,
  linkList,
  linkSet,
  linkSetAlias,
  type VethPlace,
  vethAdd,
} from './kernel/netlink/link.ts'
export { decodeNsid, nsidGet } from './kernel/netlink/linkdetail.ts'
export {
  decodeNeighbours,
  type Neighbour,
  type NeighbourState,
  neighbourDel,
  neighbourList,
  neighbourSet,
} from './kernel/netlink/neighbour.ts'
export {
  decodeQdiscs,
  type Qdisc,
  type QdiscWish,
  qdiscAdd,
  qdiscDel,
  qdiscList,
} from './kernel/netlink/qdisc.ts'
export { decodeRoutes, type Route, routeAdd, routeDel, routeGet, routeList } from './kernel/netlink/route.ts'
export { openRouteSocket, type Reply, type RouteSocket } from './kernel/netlink/socket.ts'
