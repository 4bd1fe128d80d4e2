/**
 * tsnet/netlink: rtnetlink as tsnet speaks it. Messages are plain values; a
 * socket sends a batch in one kernel round trip and answers each message.
 *
 * @module
 */

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
export { decodeRoutes, type Route, routeAdd, routeDel, routeGet, routeList } from './kernel/netlink/route.ts'
export { openRouteSocket, type Reply, type RouteSocket } from './kernel/netlink/socket.ts'
