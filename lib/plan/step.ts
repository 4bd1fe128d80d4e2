/**
 * The steps a plan is made of: flat data, one effect each, with its inverse.
 *
 * A step says what shall be true and carries all that is needed to take it back
 * later, without the sandbox and without the request: `before` values are
 * filled in from facts before the plan is written to the journal. Executors
 * (kernel/linux, kernel/memory) have `apply` and `revert` per kind in one table
 * typed over `StepKind`, so a kind without an inverse does not compile. Revert
 * means "as before, if it is still ours": it never fails because a thing is
 * gone.
 *
 * @module
 */

import type { Address, Cidr, Mac, Subnet } from '../model/address.ts'
import type { Protocol } from '../model/portmapping.ts'
import type { FirewallIntent } from './intent.ts'

/** Host steps run in tsnet's own namespace, sandbox steps in one trip into the sandbox. */
export type Where = 'host' | 'sandbox'

/** A bridge with a fixed MAC. Revert deletes it if the alias is still ours. */
export interface BridgeStep {
  readonly kind: 'bridge'
  readonly where: 'host'
  readonly name: string
  readonly mac: Mac
  readonly mtuBytes: number
  /** Link alias that marks it as ours: `tsnet:network/NAME`. */
  readonly alias: string
}

/**
 * A veth pair, the peer born inside the sandbox, the host end up in the bridge. Revert deletes the host end.
 *
 * A peer `where: 'host'` is born there: an engine that moves interfaces itself (Docker) takes it away.
 */
export interface VethStep {
  readonly kind: 'veth'
  readonly where: 'host'
  readonly name: string
  readonly mac: Mac
  readonly mtuBytes: number
  readonly alias: string
  readonly bridge: string
  readonly peer: { readonly name: string; readonly mac: Mac; readonly where?: 'host' }
}

/** Flags of a bridge port; gone with the port, so revert does nothing. */
export interface BridgePortStep {
  readonly kind: 'bridgePort'
  readonly where: 'host'
  readonly name: string
  readonly hairpin: boolean
  /** Isolated ports reach the bridge and unisolated ports only (BR_ISOLATED). */
  readonly isolated: boolean
}

/** `ip link set DEV up` */
export interface LinkUpStep {
  readonly kind: 'linkUp'
  readonly where: Where
  readonly dev: string
  /** Revert sets the link down only if it was down before. */
  readonly before?: 'up' | 'down'
}

/** IPv6 addresses are added without duplicate detection, so they are usable at once. */
export interface AddressStep {
  readonly kind: 'address'
  readonly where: Where
  readonly dev: string
  readonly cidr: Cidr
}

/** `ip route add TO via VIA dev DEV metric METRIC`; without `via` whatever is there is a neighbour. */
export interface RouteStep {
  readonly kind: 'route'
  readonly where: Where
  readonly to: Subnet
  readonly via?: Address
  readonly dev: string
  readonly metric?: number
}

/** One sysctl below /proc/sys, with `/` between parts: `net/ipv4/ip_forward`. */
export interface SysctlStep {
  readonly kind: 'sysctl'
  readonly where: Where
  readonly key: string
  readonly value: string
  /** What was there; written back by revert unless `keep`. */
  readonly before?: string
  /** Host-wide settings that others may rely on by now are never turned back (documented). */
  readonly keep: boolean
  /** Not an error if the kernel has no such key (IPv6 off). */
  readonly optional: boolean
}

/** What must be true of packets. The engine lowers it to a `rules` step before the journal is written. */
export interface FirewallStep {
  readonly kind: 'firewall'
  readonly where: 'host'
  readonly intent: FirewallIntent
}

/** Ready scripts for one tool: what adds, and what takes exactly that away. */
export interface RulesStep {
  readonly kind: 'rules'
  readonly where: 'host'
  readonly tool: RulesTool
  readonly add: string
  readonly remove: string
}

/**
 * Lines for `ip -batch`, `bridge -batch` or `tc -batch`, and lines that take
 * them back: what single plugins need of the kernel and no network of ours has
 * (macvlan, queueing, policy routing). `$NETNS` stands for the sandbox. Lines
 * for `firewall-cmd` are words of one call.
 */
export interface BatchStep {
  readonly kind: 'batch'
  readonly where: Where
  readonly tool: 'ip' | 'bridge' | 'tc' | 'firewall-cmd'
  readonly add: readonly string[]
  readonly remove: readonly string[]
  /** SELinux context that `add` runs in: what it makes is for a process of that context. */
  readonly context?: string
}

/**
 * `nft`: nft -f text. The others: iptables-restore text for that family and
 * variant; plain `iptables`/`ip6tables` is whatever the host's default is.
 */
export type RulesTool =
  | 'nft'
  | 'iptables'
  | 'ip6tables'
  | 'iptables-nft'
  | 'ip6tables-nft'
  | 'iptables-legacy'
  | 'ip6tables-legacy'

/**
 * Forget tracked flows to exactly this published port, and to this container
 * address on that port: a reused UDP port would go on talking to the old
 * container. Both apply and revert flush.
 */
export interface ConntrackStep {
  readonly kind: 'conntrack'
  readonly where: 'host'
  readonly protocol: Protocol
  /** Absent: any destination address of the family of `containerAddress`. */
  readonly hostAddress?: Address
  readonly hostPort: number
  readonly containerAddress: Address
  readonly containerPort: number
  readonly count: number
}

/**
 * A text file of the host that a container reads as its own: resolv.conf, hosts.
 * Revert puts back what was there if the file is still as we wrote it, else
 * takes out the marked lines only; a file that is gone stays gone.
 */
export interface FileStep {
  readonly kind: 'file'
  readonly where: 'host'
  /** Absolute; its folder is there, and the last part is no link. */
  readonly path: string
  /** Whole lines: of the file, or with `mark` of our part of it. */
  readonly text: string
  /** Ours is what stands between `# tsnet begin MARK` and `# tsnet end MARK`; absent: the file. */
  readonly mark?: string
  /** What was there, our own lines left out; absent: no file. */
  readonly before?: string
}

/** One effect on the host, flat and with all its inverse needs. */
export type Step =
  | BridgeStep
  | VethStep
  | BridgePortStep
  | LinkUpStep
  | AddressStep
  | RouteStep
  | SysctlStep
  | FirewallStep
  | RulesStep
  | BatchStep
  | ConntrackStep
  | FileStep

export type StepKind = Step['kind']
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>

/** What executors see: intents have been lowered to rules. */
export type LoweredStep = Exclude<Step, FirewallStep>
export type LoweredKind = LoweredStep['kind']
