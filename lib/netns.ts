/**
 * tsnet/netns: network namespaces from Node: open, recognise, enter for one
 * synchronous call.
 *
 * @module
 */

export { bootId, identityHere, isAlive, isOwnNetns, openNetns, withNetns } from './kernel/netns.ts'
export type { SandboxIdentity } from './model/sandbox.ts'
