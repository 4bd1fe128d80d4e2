/**
 * The bridge driver: one Linux bridge for each network, a veth pair for each
 * endpoint.
 *
 * Plans what belongs to the network: bridge, gateways, host settings, packet
 * rules. What belongs to one endpoint is in `bridge-attachment.ts`. Decides
 * only: names, addresses and subnets were chosen by its caller, rule text is
 * printed by firewall/.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import {
  type Cidr,
  type Family,
  familyOf,
  macFromAddress,
  prefixLength,
  withPrefix,
} from '../model/address.ts'
import type { FirewallBackend } from '../model/attachment.ts'
import { DEFAULT_NETWORK, macFromNames, networkAlias } from '../model/names.ts'
import { DNS_PORT, type IpamSubnet, type NetworkConfig } from '../model/network.ts'
import type { ForeignDrop, LinkFact } from '../plan/facts.ts'
import type { NamesPlace } from '../plan/intent.ts'
import type { Step } from '../plan/step.ts'
import { sysctl } from '../plan/sysctl.ts'
import { gatewayModesOf } from './gatewaymodes.ts'

export { type BridgeAttachmentInput, planAttachment } from './bridge-attachment.ts'

export interface BridgeNetworkInput {
  readonly config: NetworkConfig
  /** The link named `config.options.bridge`, if there is one already. */
  readonly bridge: LinkFact | undefined
  /** What that link has already. */
  readonly bridgeAddresses: readonly Cidr[]
  /** For a bridge that is made now; an existing one keeps its own. */
  readonly mtuBytes: number
  /** Host interfaces whose IPv6 default route came by router advertisement. */
  readonly acceptRaDevs: readonly string[]
}

/**
 * The bridge with its gateways, and the host settings it needs.
 *
 * An existing bridge (an admin's own, or ours again) is completed: what is
 * there already is not planned, so it is not taken back either.
 *
 * @throws TSNET_NAME_IN_USE (conflict) if the link of that name is no bridge, or another network's
 */
export function planNetworkLinks(input: BridgeNetworkInput): readonly Step[] {
  const { config, bridge, bridgeAddresses } = input
  const { bridge: dev, addressed = true, unmanaged = false } = config.options
  if (unmanaged) {
    if (bridge === undefined) throw noBridge(config)
    return []
  }
  if (bridge !== undefined) refuseOthersLink(config, bridge)
  const gateways = (addressed ? config.subnets : [])
    .map(gatewayCidr)
    .filter((cidr) => !bridgeAddresses.includes(cidr))
  return [
    ...(bridge === undefined ? [bridgeStep(input)] : []),
    ...(bridge === undefined ? [deafToRouters(dev)] : []),
    ...ipv6On(config),
    // First up, so that on the way back IPv6 addresses are deleted before they would go by themselves.
    ...linkUp(dev, bridge),
    ...gateways.map((cidr): Step => ({ kind: 'address', where: 'host', dev, cidr })),
    ...forwardingSysctls(input),
  ]
}

/**
 * What must be true of the network's packets, then one accept for each foreign
 * chain that would drop them anyway (decisions 1).
 *
 * An internal network gets its foreign accepts too: with
 * `bridge-nf-call-iptables` its own containers' packets pass those chains.
 */
export function planNetworkRules(input: {
  readonly config: NetworkConfig
  readonly foreignDrops: readonly ForeignDrop[]
  /** A name server listens on its gateways. */
  readonly named?: boolean
  /** `none`: no rules, so nothing that needs them either. */
  readonly backend?: FirewallBackend
}): readonly Step[] {
  const { config, foreignDrops, named, backend } = input
  if (backend === 'none' || config.options.unmanaged) return []
  const { bridge, icc, isolate, isolateFrom, masquerade, protect, conntrackLimit, sources } = config.options
  const { name: network, internal } = config
  const subnets = config.subnets.map(({ subnet }) => subnet)
  const names = namesPlace(config)
  const redirect = named === true && names.port !== DNS_PORT ? { names } : {}
  return [
    {
      kind: 'firewall',
      where: 'host',
      intent: {
        ...{ kind: 'network', network, bridge, subnets, internal, icc, isolate, masquerade },
        ...(isolateFrom === undefined ? {} : { isolateFrom }),
        ...(sources === undefined ? {} : { sources }),
        ...gatewayModesOf(config),
        ...(protect === undefined ? {} : { protect }),
        ...(conntrackLimit === undefined ? {} : { conntrackLimit }),
        ...redirect,
      },
    },
    ...routeLocalnet(config),
    ...planForeignAccepts(config, foreignDrops),
  ]
}

/** Accepts in each chain of others that drops packets of a family the network has. */
export function planForeignAccepts(config: NetworkConfig, drops: readonly ForeignDrop[]): readonly Step[] {
  const { name: network } = config
  const { bridge } = config.options
  const families = familiesOf(config)
  return drops
    .filter(({ family }) => families.includes(family))
    .map(({ chain, tool, family }): Step => {
      if (tool === 'firewalld') return trusted(bridge)
      const names = chain === 'INPUT' ? { names: namesPlace(config, family) } : {}
      return {
        ...{ kind: 'firewall', where: 'host' },
        intent: { kind: 'foreignAccept', network, bridge, tool, family, ...names },
      }
    })
}

/** A setting of the runtime, as engines make it: what is permanent is the admin's. */
function trusted(bridge: string): Step {
  const words = (verb: 'add' | 'remove'): readonly string[] => [
    '--zone=trusted',
    `--${verb}-interface=${bridge}`,
  ]
  return { kind: 'batch', where: 'host', tool: 'firewall-cmd', add: words('add'), remove: words('remove') }
}

/** Where the name server of a network listens, in one family or in all. */
function namesPlace({ subnets, options }: NetworkConfig, family?: Family): NamesPlace {
  const gateways = subnets.map(({ gateway }) => gateway)
  return {
    gateways: gateways.filter((gateway) => family === undefined || familyOf(gateway) === family),
    port: options.dnsPort ?? DNS_PORT,
  }
}

/** The chains all networks of one backend hang on. */
export function planBaseRules(): readonly Step[] {
  return [{ kind: 'firewall', where: 'host', intent: { kind: 'base' } }]
}

/** The families a network has a subnet in. */
function familiesOf(config: NetworkConfig): readonly Family[] {
  return config.subnets.map(({ subnet }) => familyOf(subnet))
}

function noBridge({ name, options: { bridge } }: NetworkConfig): Error {
  return fail('TSNET_BAD_VALUE', {
    message: `using bridge ${bridge} for network ${name}: there is no such link, and it is not tsnet's to make`,
    field: 'options.bridge',
    value: bridge,
    hint: `make it first: ip link add ${bridge} type bridge`,
  })
}

function refuseOthersLink(config: NetworkConfig, bridge: LinkFact): void {
  const subject = `making bridge ${bridge.name} for network ${config.name}`
  const hint =
    config.name === DEFAULT_NETWORK
      ? 'rename that link, or use a network of your own: "tsnet network create"'
      : 'choose another name with -o bridge=NAME'
  if (bridge.kind !== 'bridge') {
    throw fail('TSNET_NAME_IN_USE', {
      message: `${subject}: a link of that name is there and is no bridge${bridge.kind === '' ? '' : ` but a ${bridge.kind}`}`,
      field: 'options.bridge',
      value: bridge.name,
      hint,
    })
  }
  const { alias } = bridge
  if (alias?.startsWith(networkAlias('')) && alias !== networkAlias(config.name)) {
    throw fail('TSNET_NAME_IN_USE', {
      message: `${subject}: it is the bridge of another network (${alias})`,
      field: 'options.bridge',
      value: bridge.name,
      hint: 'choose another name with -o bridge=NAME, or see `tsnet network ls`',
    })
  }
}

function bridgeStep({ config, mtuBytes }: BridgeNetworkInput): Step {
  // A bridge without a MAC of its own takes the lowest of its ports and changes it whenever they come and go.
  const first = config.subnets.find(({ subnet }) => familyOf(subnet) === 4) ?? config.subnets[0]
  const { bridge: name } = config.options
  const mac = first === undefined ? macFromNames([config.name]) : macFromAddress(first.gateway)
  return { kind: 'bridge', where: 'host', name, mac, mtuBytes, alias: networkAlias(config.name) }
}

function gatewayCidr({ subnet, gateway }: IpamSubnet): Cidr {
  return withPrefix(gateway, prefixLength(subnet))
}

function linkUp(dev: string, bridge: LinkFact | undefined): readonly Step[] {
  if (bridge === undefined) return [{ kind: 'linkUp', where: 'host', dev }]
  return bridge.up ? [] : [{ kind: 'linkUp', where: 'host', dev, before: 'down' }]
}

/**
 * Where IPv6 is off by default for new links, adding the gateway would be
 * refused. And without a link-local address the host asks for nobody's MAC on
 * behalf of packets it forwards: with duplicate detection that is two seconds
 * in which nothing comes in (measured, Linux 6.18). Gone with the bridge, put
 * back on a bridge that stays.
 */
function ipv6On(config: NetworkConfig): readonly Step[] {
  if (!familiesOf(config).includes(6)) return []
  const path = `net/ipv6/conf/${config.options.bridge}`
  return [sysctl('host', `${path}/disable_ipv6`, '0'), sysctl('host', `${path}/accept_dad`, '0')]
}

/** Containers are no routers of the host: it takes its way out from none of them (CVE-2020-13401). Gone with the bridge. */
function deafToRouters(dev: string): Step {
  return sysctl('host', `net/ipv6/conf/${dev}/accept_ra`, '0', { optional: true })
}

/**
 * Lets 127.0.0.1 of the host reach published ports. It opens the host's
 * loopback to the bridge, so it comes and goes with the rules, whose base has
 * the guard (decisions 7).
 */
function routeLocalnet(config: NetworkConfig): readonly Step[] {
  if (config.internal || !familiesOf(config).includes(4)) return []
  return [sysctl('host', `net/ipv4/conf/${config.options.bridge}/route_localnet`, '1')]
}

/** Host-wide settings others may rely on by now: never turned back. */
function forwardingSysctls({ config, acceptRaDevs }: BridgeNetworkInput): readonly Step[] {
  if (config.internal) return []
  const families = familiesOf(config)
  const steps: Step[] = []
  if (families.includes(4)) steps.push(sysctl('host', 'net/ipv4/ip_forward', '1', { keep: true }))
  if (families.includes(6)) {
    // A forwarding host ignores router advertisements and would lose its way out, unless told to listen: so first.
    for (const dev of acceptRaDevs) {
      steps.push(sysctl('host', `net/ipv6/conf/${dev}/accept_ra`, '2', { keep: true }))
    }
    steps.push(sysctl('host', 'net/ipv6/conf/all/forwarding', '1', { keep: true }))
  }
  return steps
}
