/**
 * tsnet: the network backend of container runtimes, as a library.
 *
 * ```ts
 * import { decodeSetupRequest, openEngine } from 'tsnet'
 *
 * const engine = await openEngine()
 * const request = decodeSetupRequest({ sandbox: '/proc/4242/ns/net', publish: ['8080:80'] })
 * const network = await engine.setup(request)
 * console.log(network.attachments[0]?.addresses)
 * await engine.teardown({ container: network.container.id })
 * await engine.close()
 * ```
 *
 * The same operations as the command line, typed.
 *
 * @module
 */

export { definePlugin, type Plugin } from './adapters/cni/plugin.ts'
export { type OpenOptions, openEngine } from './daemon/open.ts'
export {
  type Driver,
  type DriverEndpoint,
  type DriverNetwork,
  type DriverPlan,
  type DriverStep,
  defineDriver,
} from './drivers/driver.ts'
export type {
  CreateNetworkRequest,
  Engine,
  EngineOptions,
  Finding,
  FindingKind,
  GcReport,
  Interruption,
  NetworkInspect,
  NetworkUpdate,
  PlannedSetup,
  Selector,
  SubnetRequest,
} from './engine/engine.ts'
export {
  type CaseResult,
  type ConformanceOptions,
  type Lookup,
  type LookupRequest,
  type NameDoor,
  type NameRoute,
  openNames,
  type RenderedRecord,
  type RenderedReply,
  type ServedName,
} from './engine/names/lookup.ts'
export { engineOn } from './engine/open.ts'
export { asTsnetError, type ErrorCode, errorCodes, fail, isTsnetError, retold } from './errors/codes.ts'
export { type ErrorDetails, type ErrorKind, type ErrorView, TsnetError } from './errors/error.ts'
export { exitCode } from './errors/exit.ts'
export { connectAny, inspectAny, type Published, publishAny, selectKnown } from './guests.ts'
// Looking around: every namespace of the machine, whoever made it.
export type { PacketView } from './inspect/capture/packet.ts'
export { type Capture, type CaptureRequest, openCapture } from './inspect/capture/session.ts'
export { type ContainerEndpoint, type ContainerView, containersOf } from './inspect/containers.ts'
export { dockerView } from './inspect/dockerview.ts'
export type { Ailment, AilmentCode } from './inspect/doctor/ailment.ts'
export { diagnose } from './inspect/doctor/doctor.ts'
export { type EventKind, type EventView, eventKinds } from './inspect/events/event.ts'
export { type EventWatch, watchEvents } from './inspect/events/watch.ts'
export { findNamespace, pickBridges } from './inspect/find.ts'
export { type FlowEnd, type FlowView, takeFlows } from './inspect/flows.ts'
export { type AddressHolder, type AddressReport, whoHolds } from './inspect/holder.ts'
export { takeInventory } from './inspect/inventory.ts'
export { type LinkReport, linkNamespaces, unlinkNamespaces } from './inspect/linking.ts'
export { type HostMap, type MapBridge, type MapLeaf, type MapUplink, mapOf } from './inspect/map.ts'
export { mapMermaid } from './inspect/mapmermaid.ts'
export { mapSvg } from './inspect/mapsvg.ts'
export { type MapWord, mapText } from './inspect/maptext.ts'
export type { EngineName } from './inspect/origin.ts'
export { firstPid, type Place, placeAt, placeOf, type Reach, reachOf } from './inspect/place.ts'
export {
  type RulePlace,
  type RuleReport,
  type RuleView,
  takeRules,
} from './inspect/rules/report.ts'
export type { Hook, RuleTool } from './inspect/rules/rule.ts'
export { renderTemplate } from './inspect/template.ts'
export { openTop, type Top, type TopView } from './inspect/top.ts'
export type { TopPeer, TopRow } from './inspect/toprow.ts'
export type {
  TraceHop,
  TraceReason,
  TraceReport,
  TraceStage,
  TraceStop,
  TraceTarget,
} from './inspect/trace/report.ts'
export { trace } from './inspect/trace/trace.ts'
export type {
  BridgePort,
  BridgeView,
  InterfaceView,
  Inventory,
  NamespaceView,
  RouteView,
} from './inspect/views.ts'
export { becomeInside, becomeProgram, type Entry, type FileInPlace } from './kernel/namespace/enter.ts'
export type { FlowCount } from './kernel/packets/flows.ts'
export type { SeenPacket } from './kernel/packets/packets.ts'
export { type Mended, mend } from './mend.ts'
export {
  type Address,
  addressOf,
  type Cidr,
  contains,
  type Family,
  type Mac,
  type Subnet,
  subnetOf,
} from './model/address.ts'
export type {
  Attachment,
  ContainerLink,
  ContainerNetwork,
  EndpointRequest,
  FirewallBackend,
  HostEntry,
  LinkRequest,
  ResolverRequest,
  SetupRequest,
} from './model/attachment.ts'
export { nothingMore } from './model/attachment.ts'
// Readers of what people write, for command lines and runtimes of your own.
export {
  decodeBridgeOptions,
  decodeDriverOptions,
  type OptionValue,
  readDriver,
} from './model/bridgeoptions.ts'
export { shellLine } from './model/commandline.ts'
export { parseJson } from './model/json.ts'
export { DEFAULT_NETWORK } from './model/names.ts'
export { nearest } from './model/nearest.ts'
export type { BridgeOptions, DriverName, GatewayMode, IpamSubnet, NetworkConfig } from './model/network.ts'
export { decodeCreateNetwork } from './model/networkrequest.ts'
export { type OpenPort, openPorts, shortPorts } from './model/openports.ts'
export type { PortBinding, PortMapping, Protocol } from './model/portmapping.ts'
export { decodeSetupRequest } from './model/request.ts'
export type { ContainerInfo, Sandbox, SandboxIdentity } from './model/sandbox.ts'
export { parseAddHost } from './model/specs/addhost.ts'
export { parseExpose } from './model/specs/expose.ts'
export { readFilePath } from './model/specs/filepath.ts'
export { parseKeyValues } from './model/specs/keyvalue.ts'
export { parseLink } from './model/specs/link.ts'
export {
  combineNetworkFlags,
  meantNetwork,
  type NetworkFlag,
  parseNetworkFlag,
  readJoinedNetwork,
} from './model/specs/network.ts'
export { parsePublish } from './model/specs/publish.ts'
export { readSandbox, type SandboxSpec } from './model/specs/sandbox.ts'
export {
  readAddress,
  readContainerName,
  readHostname,
  readMac,
  readMtu,
  readNetworkName,
  readPort,
  readSubnet,
  readUnicast,
} from './model/specs/scalar.ts'
export { readSysctls } from './model/sysctl.ts'
export type { TrafficCounters } from './model/traffic.ts'
export { readResolverOption, readSearchDomain } from './model/validate.ts'
export type {
  AddressStep,
  BatchStep,
  BridgePortStep,
  BridgeStep,
  ConntrackStep,
  FileStep,
  FirewallStep,
  LinkUpStep,
  LoweredStep,
  RouteStep,
  RulesStep,
  RulesTool,
  Step,
  SysctlStep,
  VethStep,
  Where,
} from './plan/step.ts'
