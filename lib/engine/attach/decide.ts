/**
 * The decisions of a set-up: addresses, names, MACs, MTU, ports, and the result
 * that follows from them. Reads, and takes reservations through the functions
 * it is given; changes nothing else, so a dry run decides with the same code.
 *
 * @module
 */

import { type BridgeAttachmentInput, planAttachment } from '../../drivers/bridge.ts'
import { planSandbox } from '../../drivers/sandbox.ts'
import type { OpenSandbox } from '../../kernel/kernel.ts'
import {
  type Address,
  addressOf,
  type Cidr,
  type Family,
  familyOf,
  type Mac,
  macFromAddress,
} from '../../model/address.ts'
import type {
  ContainerNetwork,
  EndpointRequest,
  FirewallBackend,
  SetupRequest,
} from '../../model/attachment.ts'
import { macFromNames } from '../../model/names.ts'
import type { NetworkConfig } from '../../model/network.ts'
import type { PortBinding, PortMapping } from '../../model/portmapping.ts'
import type { AttachmentPlan } from '../../plan/plan.ts'
import type { Step } from '../../plan/step.ts'
import type { OwnedStep } from '../../state/records.ts'
import type { EngineContext } from '../context.ts'
import { isDriven, planDrivenEndpoint } from '../drivers.ts'
import { withNameServers } from '../names/names.ts'
import { beforeValues, lower } from './apply.ts'
import {
  publishingEndpoint,
  type WantedEndpoint,
  wantedEndpoints,
  wantedMappings,
  wantedNetworks,
} from './endpoints.ts'
import { decideFiles } from './files.ts'
import { askedMtu, bridgeMtu, chooseHostIfname, rulesSeeBridge } from './linkchoice.ts'
import { decideLinks } from './links.ts'
import { refuseUnknownSysctls } from './sysctls.ts'
import type { Target } from './target.ts'

export interface Reserve {
  lease(endpoint: WantedEndpoint): Promise<readonly Cidr[]>
  ports(mappings: readonly PortMapping[]): Promise<readonly PortBinding[]>
}

export interface DecidedSetup {
  readonly result: ContainerNetwork
  /** Once per sandbox. */
  readonly sandboxSteps: readonly Step[]
  readonly plans: readonly AttachmentPlan[]
  /** Written last: what they say is true then. */
  readonly fileSteps: readonly Step[]
  readonly backend: FirewallBackend
}

export async function decideEndpoints(
  context: EngineContext,
  request: SetupRequest,
  target: Target,
  configs: ReadonlyMap<string, NetworkConfig>,
  reserve: Reserve,
): Promise<DecidedSetup> {
  const backend = request.firewall ?? context.backend
  const wanted = wantedNetworks(request)
  const carried = await carriedElsewhere(wanted, target)
  const endpoints =
    target.sandbox === undefined ? [] : wantedEndpoints(wanted, configs, target.links, carried)
  if (target.sandbox !== undefined) {
    const ifnames = endpoints.map(({ ifname }) => ifname)
    refuseUnknownSysctls(request.sysctls, target.sandbox, ifnames)
  }
  const mappings = request.mode === 'bridge' ? wantedMappings(request) : []
  const publisher = publishingEndpoint(endpoints, mappings, request)
  const leased: (readonly Cidr[])[] = []
  for (const endpoint of endpoints) leased.push(await reserve.lease(endpoint))
  const bindings =
    publisher === undefined
      ? []
      : await reserve.ports(servedBy(mappings, leased[endpoints.indexOf(publisher)] ?? []))
  const plans: AttachmentPlan[] = []
  for (const [i, endpoint] of endpoints.entries()) {
    const { config, request: wish } = endpoint
    const driven = isDriven(config)
    // The kernel is asked once, and not where nobody wants to know.
    const networkMtu = driven || wish.mtuBytes === undefined ? await bridgeMtu(context, config) : 0
    const input = {
      ...settingsOf(context, target, endpoint, leased[i] as readonly Cidr[]),
      mtuBytes: wish.mtuBytes === undefined ? networkMtu : askedMtu(wish, config),
      severalNetworks: endpoints.length > 1 || wish.guest !== undefined,
      ...(wish.guest === undefined ? {} : { answersOverIt: carried }),
      bindings: endpoint === publisher ? bindings : [],
      backend,
    }
    plans.push(driven ? await planDrivenEndpoint(context, input, networkMtu) : planAttachment(input))
  }
  const sandboxSteps =
    target.sandbox === undefined ? [] : planSandbox({ links: target.links, sysctls: request.sysctls })
  const result = await resultOf(context, request, target, plans)
  const named = withNameServers(context, request, configs, result)
  const files = decideFiles(context, request, target, named)
  return { result: files.result, sandboxSteps, plans, fileSteps: files.steps, backend }
}

function servedBy(mappings: readonly PortMapping[], cidrs: readonly Cidr[]): readonly PortMapping[] {
  const families = cidrs.map(familyOf)
  return mappings.filter(
    ({ onlyIfServed, hostAddress }) =>
      onlyIfServed !== true || hostAddress === undefined || families.includes(familyOf(hostAddress)),
  )
}

/** Nothing has to be asked for a sandbox with nothing but `lo`. */
async function carriedElsewhere(
  wanted: readonly EndpointRequest[],
  { sandbox, links }: Target,
): Promise<readonly Family[]> {
  const yields = wanted.some(
    ({ yieldsDefaultRoute, guest }) => yieldsDefaultRoute === true || guest !== undefined,
  )
  return yields && sandbox !== undefined && links.length > 1 ? sandbox.defaultRoutes() : []
}

type Settings = Omit<BridgeAttachmentInput, 'mtuBytes' | 'severalNetworks' | 'bindings' | 'backend'>

function settingsOf(
  context: EngineContext,
  { container }: Target,
  { config, request, ifname, defaultRoute }: WantedEndpoint,
  cidrs: readonly Cidr[],
): Settings {
  const { id: containerId, name: containerName } = container
  return {
    config,
    container,
    ifname,
    hostIfname: chooseHostIfname(context, request.hostIfname, {
      containerId,
      containerName,
      network: config.name,
      ifname,
    }),
    cidrs,
    mac: request.mac ?? chosenMac(cidrs, [config.name, containerId, ifname]),
    defaultRoute,
    aliases: request.aliases ?? [],
    routes: request.routes ?? [],
    ...(request.routeMetric === undefined ? {} : { routeMetric: request.routeMetric }),
    rulesSeeBridge: rulesSeeBridge(context, config),
  }
}

/** Stable: from the first address, else from what the endpoint is called. */
function chosenMac([first]: readonly Cidr[], names: readonly string[]): Mac {
  return first === undefined ? macFromNames(names) : macFromAddress(addressOf(first))
}

async function resultOf(
  context: EngineContext,
  request: SetupRequest,
  target: Target,
  plans: readonly AttachmentPlan[],
): Promise<ContainerNetwork> {
  const attachments = plans.map(({ attachment }) => attachment)
  const { servers = [], search = [], options = [] } = request.resolver
  const { path, identity, container, shares } = target
  const links = decideLinks(context, request, container, attachments)
  return {
    container,
    sandbox: { path, identity },
    mode: request.mode,
    ...(shares === undefined ? {} : { shareWith: shares.container.id }),
    attachments,
    hostAddresses: request.mode === 'host' ? await context.kernel.hostAddresses() : [],
    resolver: {
      servers,
      search,
      options,
      hosts: await hostEntries(context, request, shares?.attachments ?? attachments),
    },
    ...(links.length === 0 ? {} : { links }),
    createdAt: new Date().toISOString(),
  }
}

type HostEntries = ContainerNetwork['resolver']['hosts']

/** `host-gateway` is the host as the container reaches it: the gateway, in host mode the address of the way out. */
async function hostEntries(
  context: EngineContext,
  request: SetupRequest,
  attachments: ContainerNetwork['attachments'],
): Promise<HostEntries> {
  const gateway = await hostGateway(context, request, attachments)
  const asked = (request.resolver.hosts ?? []).flatMap(({ name, address }) => {
    const resolved = address === 'host-gateway' ? gateway : address
    return resolved === undefined ? [] : [{ name, address: resolved }]
  })
  const own = 'host.containers.internal'
  if (gateway === undefined || request.mode === 'none' || asked.some(({ name }) => name === own)) return asked
  return [...asked, { name: own, address: gateway }]
}

async function hostGateway(
  context: EngineContext,
  request: SetupRequest,
  attachments: ContainerNetwork['attachments'],
): Promise<Address | undefined> {
  if (request.mode === 'host')
    return (await context.kernel.wayOut(4))?.source ?? (await context.kernel.wayOut(6))?.source
  const primary = attachments.find((attachment) => attachment.defaultRoute.length > 0) ?? attachments[0]
  return primary?.gateways[0]
}

/** In the order to apply: host ends, one trip into the sandbox, publishing, then files. */
export function planContainer(
  context: EngineContext,
  { plans, sandboxSteps, fileSteps, backend }: DecidedSetup,
  sandbox: OpenSandbox | undefined,
): readonly OwnedStep[] {
  const owned = (of: string, steps: readonly Step[]): readonly OwnedStep[] =>
    lower(steps, backend).map((step) => ({ of, step }))
  const section = (name: 'endpoint' | 'sandbox' | 'publish'): readonly OwnedStep[] =>
    plans.flatMap((plan) => owned(plan.attachment.ifname, plan[name]))
  const steps = [
    ...section('endpoint'),
    ...owned('', sandboxSteps),
    ...section('sandbox'),
    ...section('publish'),
    ...owned('', fileSteps),
  ]
  const fill = beforeValues(
    steps.map(({ step }) => step),
    context.kernel,
    sandbox,
  )
  return steps.flatMap(({ of, step }) => fill(step).map((filled) => ({ of, step: filled })))
}
