/**
 * One endpoint on a bridge network: its veth pair, the inside of its sandbox,
 * and its published ports.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
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
import { shortHash } from '../model/hash.ts'
import { attachmentOwner, endpointAlias } from '../model/names.ts'
import type { IpamSubnet, NetworkConfig } from '../model/network.ts'
import type { PortBinding } from '../model/portmapping.ts'
import type { ContainerInfo } from '../model/sandbox.ts'
import type { ProtectIntent } from '../plan/intent.ts'
import type { AttachmentPlan } from '../plan/plan.ts'
import type { Step } from '../plan/step.ts'
import { sysctl } from '../plan/sysctl.ts'
import { routedFamilies } from './gatewaymodes.ts'
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
  /** Families whose default route is another engine's: what leaves with addresses of this endpoint leaves by it all the same. */
  readonly answersOverIt?: readonly Family[]
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

function planEndpoint(input: BridgeAttachmentInput): readonly Step[] {
  const { config, container, hostIfname, ifname, mac, mtuBytes, backend, hostPeer } = input
  const { rulesSeeBridge = false } = input
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
  const port: Step = { kind: 'bridgePort', where: 'host', name: hostIfname, hairpin, isolated }
  return [veth, ...(hairpin || !icc ? [port] : []), ...planProtection(input)]
}

/** @throws TSNET_MODE_MISMATCH (invalid) without a backend: nothing would hold */
function planProtection(input: BridgeAttachmentInput): readonly Step[] {
  const { config, container, ifname, hostIfname: port, mac, cidrs, backend } = input
  if (config.options.protect === undefined) return []
  if (backend === 'none') {
    throw fail('TSNET_MODE_MISMATCH', {
      message: `joining network ${config.name}: it has protect=strict, and with firewall backend none nothing would protect it`,
      field: 'firewall',
      value: backend,
      hint: 'choose --firewall iptables or nftables',
    })
  }
  const intent: ProtectIntent = {
    kind: 'protect',
    owner: attachmentOwner(container.id, ifname),
    port,
    mac,
    addresses: [...linkLocal(input), ...cidrs].map(addressOf),
    gateways: config.subnets.map(({ gateway }) => gateway),
  }
  return [{ kind: 'firewall', where: 'host', intent }]
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
    ...ownTable(input),
  ]
}

/** Who asks at this endpoint is answered over it, and by nobody who filters reverse paths dropped on the way. */
function ownTable({ config, cidrs, ifname, answersOverIt = [] }: BridgeAttachmentInput): readonly Step[] {
  if (config.internal) return []
  return cidrs.flatMap((cidr): readonly Step[] => {
    const family = familyOf(cidr)
    const [via] = gatewaysFor(config, cidr)
    if (via === undefined || !answersOverIt.includes(family)) return []
    const table = tableOf(ifname)
    const rule = `from ${addressOf(cidr)} lookup ${table}`
    const ip = family === 6 ? '-6 ' : ''
    return [
      {
        kind: 'batch',
        where: 'sandbox',
        tool: 'ip',
        add: [
          `route replace ${everything(family)} via ${via} dev ${ifname} table ${table}`,
          `${ip}rule add ${rule}`,
        ],
        remove: [`${ip}rule delete ${rule}`],
      },
    ]
  })
}

/** A routing table for an interface of that name: those that people and other tools choose have smaller numbers. */
const tableOf = (ifname: string): number => 0x74730000 + Number.parseInt(shortHash([ifname], 4), 16)

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
  if (families.includes(6)) steps.push(sysctl('sandbox', `net/ipv6/conf/${ifname}/disable_ipv6`, '0'))
  // Answers to a published port leave by the default route, whichever network the question came from: strict
  // reverse path filtering would drop the question (decisions 11).
  if (severalNetworks && families.includes(4))
    steps.push(sysctl('sandbox', `net/ipv4/conf/${ifname}/rp_filter`, '2'))
  return steps
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
  const routed = routedFamilies(config)
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
    ...(routed.length === 0 ? {} : { routed }),
    firewall: backend,
  }
}
