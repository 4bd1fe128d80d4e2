/**
 * tsnet: the network backend of container runtimes, as a library.
 *
 * ```ts
 * import { openEngine } from 'tsnet'
 *
 * const engine = await openEngine()
 * const network = await engine.setup(setupRequest({ sandbox: '/proc/4242/ns/net', publish: ['8080:80'] }))
 * console.log(network.attachments[0]?.addresses)
 * await engine.teardown({ container: network.container.id })
 * await engine.close()
 * ```
 *
 * The same operations as the command line, typed.
 *
 * @module
 */

export type {
  CreateNetworkRequest,
  Engine,
  EngineOptions,
  Finding,
  GcReport,
  NetworkInspect,
  PlannedSetup,
  Selector,
  SubnetRequest,
} from './engine/engine.ts'
export { engineOn, openEngine } from './engine/open.ts'
export { type ErrorCode, errorCodes, isTsnetError } from './errors/codes.ts'
export { type ErrorKind, TsnetError } from './errors/error.ts'
export type { Address, Cidr, Family, Mac, Subnet } from './model/address.ts'
export type {
  Attachment,
  ContainerNetwork,
  EndpointRequest,
  FirewallBackend,
  HostEntry,
  ResolverRequest,
  SetupRequest,
} from './model/attachment.ts'
export type { BridgeOptions, DriverName, IpamSubnet, NetworkConfig } from './model/network.ts'
export type { PortBinding, PortMapping, Protocol } from './model/portmapping.ts'
export type { ContainerInfo, Sandbox, SandboxIdentity } from './model/sandbox.ts'
export type { Step } from './plan/step.ts'
