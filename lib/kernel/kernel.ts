/**
 * The kernel room's interface: the only door through which tsnet asks or
 * changes a host. `linux/` is the real one, `memory/` the fake with rules; the
 * contract suite in test/contract runs on both.
 *
 * @module
 */

import type { Address, Cidr, Family } from '../model/address.ts'
import type { Protocol } from '../model/portmapping.ts'
import type { SandboxIdentity } from '../model/sandbox.ts'
import type { ForeignDrop, HostFacts, LinkFact, WayOut } from '../plan/facts.ts'
import type { LoweredStep, RulesStep } from '../plan/step.ts'

/** An open sandbox: the descriptor keeps the namespace alive until `close`. */
export interface OpenSandbox {
  readonly path: string
  readonly identity: SandboxIdentity
  /** The namespace is the one tsnet runs in. */
  readonly own: boolean
  /** What is inside now: whoever decides by it has the container's lock, or somebody may be taking it away. */
  links(): Promise<readonly LinkFact[]>
  /** Current values of sysctls inside, undefined where the kernel has no such key. */
  sysctls(keys: readonly string[]): ReadonlyMap<string, string | undefined>
  /** Families that have a default route inside. */
  defaultRoutes(): Promise<readonly Family[]>
  /** The descriptor goes, and with it perhaps the namespace. */
  close(): void
}

/** What one step did. `existed`: it was already so, and is not ours to undo. */
export interface StepResult {
  readonly created: boolean
}

/**
 * Thrown by `apply`: steps before and, because steps travel in batches, even
 * after the failing one may have been carried out. `results[i]` is undefined
 * for steps that were not.
 */
export interface ApplyOutcome {
  readonly results: readonly (StepResult | undefined)[]
  /** How many steps, from the first, were begun: nothing of those behind can have been done. */
  readonly tried: number
  /** The first failure, if any; the steps not done are the failed one and those never tried. */
  readonly error?: unknown
}

/** The process behind a socket, as far as /proc tells. */
export interface PortHolder {
  readonly pid: number | undefined
  readonly program: string | undefined
}

/** Who has one port of a range. */
export interface RangeHolder extends PortHolder {
  readonly port: number
}

/** A sysctl the kernel would not take in a container. */
export interface RefusedSysctl {
  /** Its path below /proc/sys. */
  readonly key: string
  readonly value: string
  /** `EINVAL (invalid argument)` */
  readonly cause: string
  /** No value is taken: it is there to be read, and belongs to the host. */
  readonly isHosts: boolean
}

/** Ports of the host from `port` on; without an address those of every address. */
export interface HostPorts {
  readonly protocol: Protocol
  readonly address?: Address
  readonly port: number
  readonly count: number
}

/** Holding ports against processes of the host, as long as this process stays. */
export interface PortHolding {
  /** This process is one that stays. */
  isOn(): boolean
  /** As far as that goes; repeatable. */
  hold(ports: HostPorts): void
  /** What is not held is let alone. */
  letGo(ports: HostPorts): void
  /** By this process, now. */
  held(): readonly HostPorts[]
}

/** Owning the nft table of ours, so that no program of others takes it away; for a process that stays. */
export interface RulesOwning {
  /**
   * From now on it is made this process's own, and others of us have this process change it.
   *
   * @returns false where another process of ours is at it @throws SystemError where the kernel cannot (before 6.9)
   */
  begin(): boolean
  /** `own`: of this process; `left`: its owner has ended; `others`: of somebody who is none of us. */
  state(): 'none' | 'plain' | 'own' | 'left' | 'others'
  /** Of one that was left. */
  adopt(): void
  /**
   * Of a plain one to an owned one and back, without a moment without rules; by whoever has the host lock.
   *
   * @param refill makes all of it anew
   */
  remake(as: 'owned' | 'plain', refill: () => Promise<void>): Promise<void>
  /** It stays as it is, and is anybody's. */
  end(): void
}

/** Rules of one container, as the host has them. */
export interface TaggedRules extends RulesStep {
  /** Their comment. Undefined: what they were hooked to is gone, and they with it. */
  readonly tag: string | undefined
}

/** What an engine needs of a host. */
export interface Kernel {
  /** @throws TSNET_NOT_A_NETNS (invalid) */
  openSandbox(path: string): Promise<OpenSandbox>
  /** Cookie and boot id match what lives at `path` now. Never throws. */
  isAlive(path: string, identity: SandboxIdentity): boolean
  /** Of this boot: a cookie means nothing in another. */
  bootId(): string
  /** Of the host's own namespace. Absent: there is one host for each of these. Undefined: before Linux 5.14. */
  identity?(): SandboxIdentity | undefined
  /** Links, addresses and routes of the host, all of them: not for the path of one attach. */
  hostFacts(): Promise<HostFacts>
  /** One link of the host by name: one round trip. */
  hostLink(name: string): Promise<LinkFact | undefined>
  /** Only whether it is there: a twentieth of the cost. */
  hasHostLink(name: string): boolean
  /** The default way out, or undefined where the host has no default route. */
  wayOut(family: Family): Promise<WayOut | undefined>
  /** Addresses of the host that others can reach. */
  hostAddresses(): Promise<readonly Cidr[]>
  /** Current values, undefined where the kernel has no such key. */
  hostSysctls(keys: readonly string[]): ReadonlyMap<string, string | undefined>
  /** Of settings for a container, by path below /proc/sys, the first that would be refused; changes nothing. */
  refusedSysctl(wanted: Readonly<Record<string, string>>): RefusedSysctl | undefined
  /** A text file as any program reads it, links followed; undefined where it cannot be read. */
  hostText(path: string): string | undefined
  /**
   * The text of a file that a `file` step is to change; undefined where there is none yet.
   *
   * @throws TSNET_FILE_UNUSABLE (invalid) where such a step could not change or make it
   */
  changeableText(path: string): string | undefined
  /** Those of the chains of others that would drop what comes by. */
  foreignDrops<Drop extends ForeignDrop>(chains: readonly Drop[]): Promise<readonly Drop[]>
  /** Somebody else's socket is bound to it: who, as far as /proc tells. */
  portHolder(protocol: Protocol, address: Address | undefined, port: number): Promise<PortHolder | undefined>
  /**
   * The same for `count` ports from `first`, in order, at the cost of one look however many: does not see TCP
   * sockets that are bound and neither listen nor are connected.
   */
  portHolders(
    protocol: Protocol,
    address: Address | undefined,
    first: number,
    count: number,
  ): Promise<readonly RangeHolder[]>
  /** Ports bound by this process, so that no process of the host can. Absent: this kernel holds none. */
  readonly portHolding?: PortHolding
  /** Absent: this kernel has no table that can be owned. */
  readonly rulesOwning?: RulesOwning
  /** An admin has put rules into TSNET-USER of that backend: it must stay. */
  userRules(backend: 'iptables' | 'nftables'): Promise<boolean>
  /** What plain `iptables` is on this host; undefined where it is not installed. */
  iptablesVariant(): 'nft' | 'legacy' | undefined
  /** @throws TSNET_NOT_ROOT (forbidden) */
  requireRoot(): void
  /**
   * Starts a name server that listens at `socketPath` from now on and outlives this process.
   * Absent: this kernel has none, so no container has names.
   *
   * @returns what kills it
   */
  startNameServer?(place: {
    readonly socketPath: string
    readonly logPath: string
    readonly workers: number
  }): () => void
  /** Programs or libraries the backend needs are there; else the error that names the package. */
  requireBackend(backend: 'iptables' | 'nftables'): void

  /** Carries out steps in order, batched where the kernel allows. Never throws for a failing step. */
  apply(steps: readonly LoweredStep[], sandbox: OpenSandbox | undefined): Promise<ApplyOutcome>
  /**
   * Takes steps back, in reverse order, going on through errors.
   * `sandbox` undefined: the namespace is gone, and what was in it too.
   *
   * @returns what could not be taken back
   */
  revert(steps: readonly LoweredStep[], sandbox: OpenSandbox | undefined): Promise<readonly unknown[]>
  /**
   * Somebody will call `apply` or `revert` soon: rules and link deletions that are due wait a moment for theirs,
   * because several cost hardly more than one. A kernel that does not gain by it has none.
   *
   * @returns to be called when it has been called, or will not be
   */
  approach?(what: 'apply' | 'revert'): () => void
  /** Which steps do not hold any more, for `tsnet check`. */
  missing(steps: readonly LoweredStep[], sandbox: OpenSandbox | undefined): Promise<readonly LoweredStep[]>
  /** The steps that rules are missing of: nothing is changed, and nobody's lock is asked for. */
  lostRules(steps: readonly RulesStep[]): Promise<readonly RulesStep[]>
  /**
   * Puts missing rules back, in few transactions however many there are. Steps in the order they were made in, and all
   * of them: a chain or set of ours that lacks something is filled with them alone.
   *
   * @returns of how many of the steps rules were missing
   */
  mendRules(steps: readonly RulesStep[]): Promise<number>
  /**
   * All rules that carry a container's tag, whoever knows of them: as steps that take them back.
   *
   * @param backends that there are rules of ours of
   */
  taggedRules(backends: readonly ('iptables' | 'nftables')[]): Promise<readonly TaggedRules[]>
  /** Gives back sockets and descriptors. */
  close(): void
}

/** Which moment of a step: before its kernel call, or after the kernel has done it. */
export type StepPhase = 'before' | 'after'

/**
 * Called around each step, below the executor. Shows progress (`--verbose`),
 * and lets the undo tests make a step fail: an error thrown in `before` keeps
 * the step from being done, in `after` it counts as failed although it was done.
 * With a hook, steps travel one by one.
 */
export type StepHook = (step: LoweredStep, phase: StepPhase) => void

/** What every kernel can be made with. */
export interface KernelOptions {
  readonly onStep?: StepHook
}
