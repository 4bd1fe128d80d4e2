/**
 * Parts: what one plugin of a chain does for one attachment, decided here.
 *
 * A part is planned from options and facts like everything else, but its words
 * are those of the CNI reference plugins: same link names, chains and files, so
 * that either set can take down what the other made (decisions 33).
 *
 * @module
 */

import type { Address, Cidr, Family } from '../../model/address.ts'
import type { AttachmentNames } from '../../model/attachment.ts'
import type { DeviceFact, DeviceRoute, PolicyRule, TableDrop } from '../../plan/facts.ts'
import type { Step } from '../../plan/step.ts'

export type LinkDetail = DeviceFact
export type RouteDetail = DeviceRoute

/** Rules of one family by table and chain, in the words of `iptables-save`. */
export type RuleText = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>

export interface PartFacts {
  readonly host: readonly LinkDetail[]
  readonly hostRoutes: readonly RouteDetail[]
  /** Absent where the sandbox is gone, or none is concerned. */
  readonly sandbox?: readonly LinkDetail[]
  readonly sandboxRoutes: readonly RouteDetail[]
  /** Of both families. */
  readonly sandboxRules: readonly PolicyRule[]
  readonly iptables: { readonly 4: RuleText; readonly 6: RuleText }
  /** Which tool plain `iptables` is; undefined where there is none. */
  readonly hasIptables: boolean
  /** nft tables as `nft list table` prints them, absent ones left out; by `inet NAME`. */
  readonly nft: ReadonlyMap<string, string>
  /** Queueing, from `tc -json qdisc show`: device and kind. */
  readonly qdiscs: readonly {
    readonly dev: string
    readonly kind: string
    readonly rateBytes?: number
    readonly burstBytes?: number
  }[]
  /** Sources of the zone that was asked for; absent where firewalld does not run. */
  readonly firewalld?: readonly string[]
  /** What the name server answers with, one for each attachment; absent where none runs. */
  readonly names?: readonly {
    readonly network: string
    readonly addresses: readonly Address[]
    readonly names: readonly string[]
  }[]
  /** Input chains that would drop what comes to the host, with their rules. */
  readonly inputDrops?: readonly (TableDrop & { readonly rules: readonly string[] })[]
  /** Texts of files that were asked for and are there. */
  readonly files: ReadonlyMap<string, string>
  /** Host settings that were asked for. */
  readonly sysctls: ReadonlyMap<string, string | undefined>
  readonly sandboxSysctls: ReadonlyMap<string, string | undefined>
}

/** What has to be read before a part can be planned. */
export type Look =
  | { readonly what: 'links' }
  | { readonly what: 'sandbox' }
  | { readonly what: 'iptables'; readonly tables: readonly string[] }
  | { readonly what: 'nft'; readonly table: string }
  | { readonly what: 'qdiscs' }
  | { readonly what: 'firewalld'; readonly zone: string }
  | { readonly what: 'names' }
  | { readonly what: 'inputDrops'; readonly families: readonly Family[] }
  | { readonly what: 'file'; readonly path: string }
  | { readonly what: 'sysctls'; readonly keys: readonly string[] }
  | { readonly what: 'sandboxSysctls'; readonly keys: readonly string[] }

export interface PartId {
  readonly network: string
  readonly container: string
  readonly ifname: string
}

export interface PartAddress {
  readonly cidr: Cidr
  readonly gateway?: Address
}

export interface PartRoute {
  readonly to: Cidr
  readonly via?: Address
  readonly mtu?: number
  readonly advmss?: number
  readonly metric?: number
  readonly table?: number
  readonly scope?: number
}

/** What the runtime and the plugins before say about the interface. */
export interface PartInput<O> {
  readonly id: PartId
  readonly options: O
  readonly facts: PartFacts
}

export interface PartInterface {
  readonly name: string
  readonly mac?: string
  readonly mtu?: number
  readonly inSandbox: boolean
}

export interface PartPlan {
  /** For the whole host or network: stays when the attachment goes. */
  readonly shared: readonly Step[]
  /** Of this attachment; taken back with it. */
  readonly steps: readonly Step[]
  readonly interfaces: readonly PartInterface[]
  /** Its addresses are looked for duplicates of, and the attachment fails where there is one. */
  readonly settle?: boolean
  /** Answered from when the attachment is there until it goes. */
  readonly names?: AttachmentNames
}

export interface Obstacle {
  readonly reason: string
  /** What is attached already suffers too. */
  readonly cutsOff: boolean
}

export interface PartPlanner<O> {
  /** `id` where one attachment is concerned. */
  readonly looks: (options: O, doing: 'add' | 'remove' | 'check', id?: PartId) => readonly Look[]
  readonly add: (input: PartInput<O>) => PartPlan
  /** The second half of `add`, where addresses are known only once the link is there (DHCP asks over it). */
  readonly address?: (input: PartInput<O>) => Omit<PartPlan, 'interfaces'>
  /** For an attachment without a record (another plugin set made it): steps to be taken back. */
  readonly remove: (input: PartInput<O>) => readonly Step[]
  /** Containers of a network that rules speak of, whoever made them. */
  readonly seen?: (network: string, facts: PartFacts) => readonly string[]
  /** Why `add` would fail now, from what is on the host. */
  readonly obstacle?: (options: O, facts: PartFacts) => Obstacle | undefined
  /** What is not as it should be; empty: all is well. */
  readonly check: (input: PartInput<O>) => readonly string[]
  /** Only `shared` steps, and as often as one likes: no record is kept. */
  readonly unrecorded?: true
  /** No `shared` steps, ever: attachments need not wait for each other. */
  readonly alone?: true
}

export const noPlan: PartPlan = { shared: [], steps: [], interfaces: [] }

export function linkNamed(links: readonly LinkDetail[] | undefined, name: string): LinkDetail | undefined {
  return links?.find((link) => link.name === name)
}

/**
 * The device of the default route, of IPv4 before IPv6. Of the main table: those of others are for some packets only
 * (VPNs, hosts with several uplinks), and the kernel names most of them first.
 */
export function defaultDevice(routes: readonly RouteDetail[]): string | undefined {
  const main = routes.filter(({ table }) => table === undefined)
  const way = main.find(({ to }) => to === '0.0.0.0/0') ?? main.find(({ to }) => to === '::/0')
  return way?.dev
}

/** The host end of a pair whose other end has this link index inside. */
export function hostPeer(facts: PartFacts, inside: LinkDetail | undefined): LinkDetail | undefined {
  if (inside?.kind !== 'veth' || inside.linkIndex === undefined) return undefined
  return facts.host.find(({ index, kind }) => index === inside.linkIndex && kind === 'veth')
}
