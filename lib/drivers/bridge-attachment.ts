/**
 * One endpoint on a bridge network: its veth pair, the inside of its sandbox,
 * and its published ports.
 *
 * @module
 */

import {
  type Address,
  addressOf,
  type Cidr,
  contains,
  type Family,
  familyOf,
  linkLocalOf,
  type Mac,
  type Subnet,
} from '../model/address.ts'
import type { Attachment, FirewallBackend } from '../model/attachment.ts'
import { endpointAlias } from '../model/names.ts'
import type { IpamSubnet, NetworkConfig } from '../model/network.ts'
import type { PortBinding } from '../model/portmapping.ts'
import type { ContainerInfo } from '../model/sandbox.ts'
import type { AttachmentPlan } from '../plan/plan.ts'
import type { Step } from '../plan/step.ts'
import { planPublish } from './publish.ts'

export interface BridgeAttachmentInput {
  readonly config: NetworkConfig
  readonly container: ContainerInfo
  /** Inside the sandbox. */
  readonly ifname: string
  readonly hostIfname: string
  /** Leased, at most one per family. */
  readonly cidrs: readonly Cidr[]
  /** Of the end inside the sandbox. */
  readonly mac: Mac
  readonly mtuBytes: number
  /** The families this endpoint carries the default route of; ignored on internal networks. */
  readonly defaultRoute: readonly Family[]
  /** The container is on other networks too. */
  readonly severalNetworks: boolean
  readonly bindings: readonly PortBinding[]
  readonly backend: FirewallBackend
  /** `bridge-nf-call-iptables` and `-ip6tables` are 1: rules see what stays inside a bridge. */
  readonly rulesSeeBridge?: boolean
  readonly aliases: readonly string[]
  /** Beside the default route; without `via` by the gateway of the family. */
  readonly routes?: readonly { readonly to: Subnet; readonly via?: Address; readonly metric?: number }[]
  /** Of the default routes. */
  readonly routeMetric?: number
  /** The end for the sandbox stays on the host under this name: the engine takes it there itself, and sets it up. */
  readonly hostPeer?: string
}

/**
 * @throws TSNET_MODE_MISMATCH (invalid) if ports are to be published where they cannot be
 * @throws TSNET_NOT_SUPPORTED (unsupported) for a port on `[::1]`
 */
export function planAttachment(input: BridgeAttachmentInput): AttachmentPlan {
  return {
    endpoint: planEndpoint(input),
    sandbox: planInside(input),
    publish: planPublish(input),
    attachment: attachmentOf(input),
  }
}

function planEndpoint({
  config,
  container,
  hostIfname,
  ifname,
  mac,
  mtuBytes,
  backend,
  rulesSeeBridge = false,
  hostPeer,
}: BridgeAttachmentInput): readonly Step[] {
  const { bridge, hairpin, icc } = config.options
  // Where rules see them, the rules keep the ports apart: an isolated port could not even reach its own published
  // ports then, because the kernel turns those packets around inside the bridge.
  const isolated = !icc && !(rulesSeeBridge && backend !== 'none')
  const alias = endpointAlias({ containerId: container.id, containerName: container.name, ifname })
  const veth: Step = {
    kind: 'veth',
    where: 'host',
    name: hostIfname,
    mac: hostMac(mac),
    mtuBytes,
    alias,
    bridge,
    peer: hostPeer === undefined ? { name: ifname, mac } : { name: hostPeer, mac, where: 'host' },
  }
  if (!hairpin && icc) return [veth]
  return [veth, { kind: 'bridgePort', where: 'host', name: hostIfname, hairpin, isolated }]
}

/** The inside of a sandbox, once the interface is there. */
export function planInside(input: BridgeAttachmentInput): readonly Step[] {
  if (input.hostPeer !== undefined) return []
  const { cidrs, ifname: dev, routeMetric } = input
  return [
    ...interfaceSysctls(input),
    ...[...linkLocal(input), ...cidrs].map(
      (cidr): Step => ({ kind: 'address', where: 'sandbox', dev, cidr }),
    ),
    { kind: 'linkUp', where: 'sandbox', dev },
    ...defaultRoutes(input).map(
      ({ family, via }): Step => ({
        kind: 'route',
        where: 'sandbox',
        to: everything(family),
        via,
        dev,
        ...(routeMetric === undefined ? {} : { metric: routeMetric }),
      }),
    ),
    ...furtherRoutes(input),
  ]
}

/**
 * The one the kernel would give the interface, given here so that it is usable
 * at once as the others are, without duplicate address detection.
 */
function linkLocal({ cidrs, mac }: BridgeAttachmentInput): readonly Cidr[] {
  return cidrs.some((cidr) => familyOf(cidr) === 6) ? [linkLocalOf(mac)] : []
}

/** Settings of the interface: they go with it, so there is nothing to put back. */
function interfaceSysctls({ cidrs, ifname, severalNetworks }: BridgeAttachmentInput): readonly Step[] {
  const families = cidrs.map(familyOf)
  const steps: Step[] = []
  // Engines make sandboxes with IPv6 off by default; an address could not be added.
  if (families.includes(6)) steps.push(sysctl(`net/ipv6/conf/${ifname}/disable_ipv6`, '0'))
  // Answers to a published port leave by the default route, whichever network the question came from: strict
  // reverse path filtering would drop the question (decisions 11).
  if (severalNetworks && families.includes(4)) steps.push(sysctl(`net/ipv4/conf/${ifname}/rp_filter`, '2'))
  return steps
}

function sysctl(key: string, value: string): Step {
  return { kind: 'sysctl', where: 'sandbox', key, value, keep: false, optional: false }
}

/**
 * A MAC for the host end: the sandbox's with `fe` in front, as libvirt does.
 * Equal ones would make the bridge take the container's frames for its own.
 */
function hostMac(mac: Mac): Mac {
  return `${mac.startsWith('fe:') ? 'fa' : 'fe'}${mac.slice(2)}` as Mac
}

function defaultRoutes({ config, cidrs, defaultRoute }: BridgeAttachmentInput): readonly {
  readonly family: Family
  readonly via: IpamSubnet['gateway']
}[] {
  if (config.internal) return []
  const all = cidrs
    .filter((cidr) => defaultRoute.includes(familyOf(cidr)))
    .flatMap((cidr) => gatewaysFor(config, cidr).map((via) => ({ family: familyOf(cidr), via })))
  // With several subnets of a family the first one leads out.
  return all.filter(({ family }, i) => all.findIndex((other) => other.family === family) === i)
}

function gatewaysFor(config: NetworkConfig, cidr: Cidr): readonly IpamSubnet['gateway'][] {
  return config.subnets
    .filter(({ subnet }) => contains(subnet, addressOf(cidr)))
    .map(({ gateway }) => gateway)
}

function furtherRoutes({ config, cidrs, ifname: dev, routes = [] }: BridgeAttachmentInput): readonly Step[] {
  return routes.flatMap(({ to, via, metric }): readonly Step[] => {
    const own = cidrs.find((cidr) => familyOf(cidr) === familyOf(to))
    const gateway = via ?? (own === undefined ? undefined : gatewaysFor(config, own)[0])
    if (gateway === undefined) return []
    const rest = metric === undefined ? {} : { metric }
    return [{ kind: 'route', where: 'sandbox', to, via: gateway, dev, ...rest }]
  })
}

function everything(family: Family): Subnet {
  return (family === 4 ? '0.0.0.0/0' : '::/0') as Subnet
}

function attachmentOf(input: BridgeAttachmentInput): Attachment {
  const { config, ifname, hostIfname, cidrs, mac, mtuBytes, aliases, bindings, backend } = input
  return {
    network: config.name,
    driver: 'bridge',
    ifname,
    hostIfname,
    bridge: config.options.bridge,
    addresses: cidrs,
    // An internal network's gateway is the host, and no way anywhere.
    gateways: config.internal ? [] : cidrs.flatMap((cidr) => gatewaysFor(config, cidr)),
    mac,
    mtuBytes,
    aliases,
    defaultRoute: defaultRoutes(input).map(({ family }) => family),
    ports: bindings,
    firewall: backend,
  }
}
