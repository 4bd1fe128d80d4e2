/**
 * Pictures of a host and a sandbox, and what counts as a difference.
 *
 * @module
 */
import { type Snapshot, snapshotDifference } from '../../../netns-fixtures/snapshot.ts'

/**
 * Never turned back, and documented: lib/drivers/bridge.ts. Forwarding shows in
 * each interface, and makes the host a router that takes no redirects.
 */
const kept: readonly RegExp[] = [
  /^[-+] sysctl: ipv4\/conf\/all\/accept_redirects:/,
  /^[-+] sysctl: ipv4\/ip_forward:/,
  /^[-+] sysctl: ipv4\/conf\/[^/]+\/forwarding:/,
  /^[-+] sysctl: ipv6\/conf\/[^/]+\/forwarding:/,
]

/**
 * What the kernel does by itself when a bridge that was there before gets its
 * first port: link-local addresses, in its own time, and other offload limits.
 */
const byItself: readonly RegExp[] = [
  /^link: \S+ tso_max_size=/,
  // A link that was up once has another queue than one that never was.
  /^link: \S+ qdisc="no(op|queue)"/,
  /^address: .*"local":"fe80:/,
  /^route6: .*"dst":"(fe80:|ff00::\/8)/,
  // Of an address, which is compared itself: the kernel makes them when it has time to.
  /^route6: .*"type":"(local|anycast)"/,
]

export interface Pictures {
  readonly host: Snapshot
  readonly sandbox: Snapshot
}

/** In what two pictures differ that is not the kernel's own doing; empty: nothing. */
export function differences(one: Pictures, other: Pictures): readonly string[] {
  const inside = snapshotDifference(one.sandbox, other.sandbox, { except: byItself })
  return [
    ...snapshotDifference(one.host, other.host, { except: byItself }),
    ...inside.map((line) => `in the sandbox: ${line}`),
  ]
}

/** {@link differences} but for documented settings, which stay. */
export function changes(before: Pictures, after: Pictures): readonly string[] {
  return differences(before, after).filter((line) => !kept.some((pattern) => pattern.test(line)))
}
