/**
 * What every command prints with `--json`, as types: `print/json.ts` writes nothing else, and
 * `.config/schemas.mjs` makes the JSON Schema of them that `tsnet help --schema COMMAND` shows.
 *
 * The promise to programs: members are added, never renamed, moved or given another meaning; a member that is not known is
 * left out. A command not listed here prints nothing, or what another program says (`exec`, `curl`, `daemon
 * metrics`).
 *
 * @module
 */

import type { CachedAttachment } from '../../lib/adapters/cni/runtime.ts'
import type { Change, PodmanStatus } from '../../lib/adapters/netavark/install.ts'
import type { DaemonStatus, DockerStatus } from '../../lib/daemon.ts'
import type {
  AddressReport,
  Ailment,
  BridgeView,
  CaseResult,
  ContainerNetwork,
  ContainerView,
  ErrorView,
  EventView,
  Finding,
  FlowView,
  GcReport,
  HostMap,
  LinkReport,
  Lookup,
  Mended,
  NameRoute,
  NamespaceView,
  NetworkConfig,
  NetworkInspect,
  PacketView,
  PlannedSetup,
  PortBinding,
  RouteView,
  RuleReport,
  ServedName,
  TopView,
  TraceReport,
} from '../../lib/index.ts'
import type { Candidate } from './candidates.ts'

/** A published port, and the interface it leads to. */
export interface PublishedPort extends PortBinding {
  readonly network: string
  readonly ifname: string
}

/** A published port of one of several containers. */
export interface ContainerPort extends PublishedPort {
  /** Id of the container. */
  readonly container: string
  /** Its name, where it has one. */
  readonly name?: string
}

/** What `doctor --fix` found again afterwards, and what it has mended. */
export interface Treatment {
  /** What is left. */
  readonly findings: readonly Ailment[]
  readonly mended: readonly Mended[]
}

/** Groups of packet rules that were missing and are back: those of a network, or of a container's ports. */
export interface ReloadedRules {
  readonly rules: number
}

/** Names of networks that are gone now. */
export interface RemovedNetworks {
  readonly removed: readonly string[]
}

/** Versions that belong in a report of a fault. */
export interface Versions {
  readonly tsnet: string
  readonly node: string
  /** Of Linux. */
  readonly kernel: string
}

/** A page of the help. */
export interface HelpPage {
  /** Such as `network create`; empty: the first page. */
  readonly command: string
  readonly text: string
}

/** A script that completes command lines. */
export interface CompletionScript {
  readonly shell: string
  readonly script: string
}

/** The daemon that has ended. */
export interface EndedDaemon {
  readonly pid: number
}

/** What stands on standard error where a command fails. */
export interface ErrorDocument {
  readonly error: ErrorView
}

/** By command: one document. */
export interface Documents {
  readonly setup: ContainerNetwork
  /** Of one container, null where nothing was set up; of several or with --all a list. */
  readonly teardown: ContainerNetwork | null | readonly (ContainerNetwork | null)[]
  /** Also of `setup --dry-run`. */
  readonly plan: PlannedSetup
  readonly ls: readonly ContainerNetwork[]
  readonly ps: readonly ContainerView[]
  readonly map: HostMap
  readonly inspect: ContainerNetwork
  readonly port: readonly PublishedPort[]
  readonly route: readonly RouteView[]
  readonly rules: RuleReport
  readonly conntrack: readonly FlowView[]
  readonly top: TopView
  readonly 'bridge show': readonly BridgeView[]
  readonly 'ipam who': AddressReport
  readonly 'ns ls': readonly NamespaceView[]
  readonly 'ns link': LinkReport
  readonly 'network create': NetworkConfig
  readonly 'network ls': readonly NetworkInspect[]
  readonly 'network inspect': NetworkInspect
  readonly 'network update': NetworkConfig
  readonly 'network connect': ContainerNetwork
  /** Null where it was not on that network. */
  readonly 'network disconnect': ContainerNetwork | null
  readonly 'network rm': RemovedNetworks
  readonly 'network prune': RemovedNetworks
  readonly 'publish add': readonly PortBinding[]
  readonly 'publish rm': readonly PortBinding[]
  readonly 'publish ls': readonly ContainerPort[]
  readonly 'dns ls': readonly ServedName[]
  readonly 'dns query': Lookup
  readonly 'dns explain': Lookup
  readonly 'dns route': readonly NameRoute[]
  readonly 'dns conformance': readonly CaseResult[]
  /** With --fix: what is left, and what was mended. */
  readonly doctor: readonly Ailment[] | Treatment
  readonly trace: TraceReport
  readonly check: readonly Finding[]
  readonly gc: GcReport
  readonly prune: GcReport
  readonly 'firewall reload': ReloadedRules
  /** Files that were written, or taken away. */
  readonly 'cni install': readonly string[]
  readonly 'cni list': readonly CachedAttachment[]
  /** The result of the last plugin, in the words of the CNI specification. */
  readonly 'cni add': Readonly<Record<string, unknown>>
  readonly 'cni gc': readonly CachedAttachment[]
  readonly 'podman install': Change
  readonly 'podman uninstall': Change
  readonly 'podman status': PodmanStatus
  readonly 'docker install': DockerStatus
  readonly 'docker uninstall': DockerStatus
  readonly 'docker status': DockerStatus
  /** The bundle's config.json, in the words of the OCI runtime specification. */
  readonly 'oci patch': object
  readonly 'daemon start': DaemonStatus
  /** Null where none runs. */
  readonly 'daemon stop': EndedDaemon | null
  /** Null where none runs. */
  readonly 'daemon status': DaemonStatus | null
  /** With --man the man pages by the names of their files. */
  readonly help: HelpPage | Readonly<Record<string, string>>
  /** With `words`: what may come next. */
  readonly completion: CompletionScript | readonly Candidate[]
  readonly version: Versions
  /** Of every command that fails, on standard error. */
  readonly error: ErrorDocument
}

/** One thing tsnetd has done. */
export interface LogLine {
  /** ISO 8601. */
  readonly time: string
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  /** In words that stay the same: `listening`, `tsnet setup`. */
  readonly text: string
  readonly [about: string]: unknown
}

/** By command: one document a line, as things happen. */
export interface Lines {
  readonly capture: PacketView
  readonly events: EventView
  /** Also without --json. */
  readonly 'daemon logs': LogLine
}
