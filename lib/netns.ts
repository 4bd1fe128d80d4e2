/**
 * tsnet/netns: network namespaces from Node: open, recognise, enter for one
 * synchronous call.
 *
 * Node cannot listen in another namespace; a socket that was opened inside stays
 * there, and its descriptor is Node's to serve from here:
 *
 * ```ts
 * import { createServer } from 'node:http'
 * import { readAddress } from 'tsnet'
 * import { openListeningSocket, openNetns, withNetns } from 'tsnet/netns'
 *
 * const netns = openNetns('/proc/4242/ns/net')
 * const address = readAddress('0.0.0.0', 'listen')
 * const fd = withNetns(netns, () => openListeningSocket({ address, port: 80 }))
 * createServer((_, response) => response.end('from inside\n')).listen({ fd })
 * ```
 *
 * @module
 */

export { bootId, identityHere, isAlive, isOwnNetns, openNetns, withNetns } from './kernel/namespace/netns.ts'
export { openDatagramSocket, openListeningSocket, type SocketPlace } from './kernel/packets/dnssocket.ts'
export type { SandboxIdentity } from './model/sandbox.ts'
