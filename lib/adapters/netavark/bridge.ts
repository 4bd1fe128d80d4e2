/**
 * Driver `bridge`: one attachment of the engine, the network's definition with
 * it. What the engine's attachments do not have (VLAN of the port, VRF, special
 * routes) is a part beside it.
 *
 * @module
 */

import { type Address, addressOf, type Cidr, type Family, familyOf } from '../../model/address.ts'
import { type EndpointRequest, nothingMore, type SetupRequest } from '../../model/attachment.ts'
import { isContainerName, isHostname } from '../../model/names.ts'
import type { CreateNetworkRequest, IpamSubnet } from '../../model/network.ts'
import { aardvarkPid } from './aardvarkfolder.ts'
import { checkRoutes, checkSubnets, firstGateways, staticAddresses, staticMac } from './addresses.ts'
import { attach } from './attach.ts'
import { type Attaching, callLabels, interfaceNumber } from './call.ts'
import { NetavarkError } from './errors.ts'
import { addExtras, hasExtras, removeExtras } from './extras.ts'
import { checkForwardPorts, distrust, firewalldRuns, trust } from './firewalld.ts'
import { type BridgeSettings, bridgeSettings } from './options.ts'
import { publishing } from './ports.ts'
import { type Made, ownDomain, searchDomain } from './status.ts'
import { allOf, takeBack } from './wayback.ts'

/** Before anything is touched. @throws NetavarkError */
export function checkBridge(wish: Pick<Attaching, 'network' | 'joining' | 'options'>): void {
  const { network, joining, options } = wish
  if (!network.networkInterface) throw new NetavarkError('no bridge interface name given')
  staticAddresses(wish)
  checkSubnets(network.subnets)
  checkRoutes(network.routes)
  const { unmanaged } = bridgeSettings(network, joining, options.generation)
  staticMac(wish)
  if (network.ipamDriver === 'dhcp' && !unmanaged) {
    throw new NetavarkError('cannot use dhcp ipam driver without using the option mode=unmanaged')
  }
}

/** @param served families another network of the same call leads the ports of already */
export async function setupBridge(attaching: Attaching, served: Set<Family>): Promise<Made> {
  const { call, engine, options, network, joining } = attaching
  const settings = bridgeSettings(network, joining, options.generation)
  await checkBridgeLink(attaching)
  await checkVrf(attaching, settings)
  const cidrs = staticAddresses(attaching)
  const families = ([4, 6] as const).filter((family) => !served.has(family))
  const open = publishes(attaching, settings) ? families : []
  const { mappings, skipped } = publishing(options.portMappings, cidrs, open)
  for (const one of skipped) call.log('warn', 'network::bridge', `port not published: ${one}`)
  const named = network.dnsEnabled && engine.hasNames
  const listen = settings.unmanaged && named ? await bridgeAddresses(attaching) : undefined
  const namesHere = named && aardvarkPid(call.line.config) === undefined
  const request = requestOf(attaching, settings, { cidrs, listen, namesHere })
  const guarded = hasRules(attaching, settings) && (await firewalldRuns(call))
  if (guarded && mappings.length > 0) checkForwardPorts()
  const made = await attach(attaching, { ...request, publish: mappings })
  if (mappings.length > 0) for (const cidr of cidrs) served.add(familyOf(cidr))
  try {
    if (hasExtras(network, settings)) await addExtras(attaching, settings, made)
    if (guarded) await trust(attaching, cidrs)
  } catch (error) {
    await takeBack(call, () => teardownBridge(attaching))
    throw error
  }
  return {
    ifname: joining.ifname,
    mac: made.mac,
    cidrs,
    ...(made.bridge === network.networkInterface ? {} : { domain: ownDomain }),
    nameServers: named ? (listen ?? gatewaysOf(attaching)) : undefined,
  }
}

/** Of a bridge that is not ours. @throws NetavarkError where it has none to listen on */
async function bridgeAddresses({ engine, network }: Attaching): Promise<readonly Address[]> {
  const name = network.networkInterface as string
  const all = (await engine.linkAddresses(name)).map(addressOf)
  const addresses = all.filter((address) => !address.startsWith('fe80:'))
  if (addresses.length > 0) return addresses
  throw new NetavarkError(
    `bridge '${name}' in unmanaged mode has no usable IP addresses. Aardvark-dns requires at least one address ` +
      '(should not be an IPv6 link-local address) to bind to. ' +
      'Please add an IP address or disable DNS for this network (--disable-dns).',
  )
}

/** Where nothing of ours is there, what the other netavark has made. */
export async function teardownBridge(attaching: Attaching): Promise<void> {
  const { call, engine, options, network, joining } = attaching
  const settings = bridgeSettings(network, joining, options.generation)
  const special = hasExtras(network, settings)
  await allOf(
    async () => special && (await removeExtras(attaching, settings)),
    () => distrust(attaching),
    async () => {
      if ((await engine.detach(options.containerId, joining.ifname)) !== undefined) return
      const what = `nothing of tsnet's for ${joining.ifname}: looking for netavark's`
      call.log('info', 'network::bridge', what)
      await removeExtras(attaching, settings)
    },
  )
}

const gatewaysOf = ({ network }: Attaching): readonly Address[] =>
  network.subnets.flatMap(({ gateway }) => gateway ?? [])

function publishes(attaching: Attaching, settings: BridgeSettings): boolean {
  return !attaching.network.internal && hasRules(attaching, settings)
}

function hasRules({ engine, firewall }: Attaching, { unmanaged }: BridgeSettings): boolean {
  return !unmanaged && (firewall ?? engine.firewall) !== 'none'
}

/** In netavark's words, before anything is made. */
export async function checkBridgeLink({ engine, network, joining, options }: Attaching): Promise<void> {
  const settings = bridgeSettings(network, joining, options.generation)
  const name = network.networkInterface as string
  if (!settings.unmanaged && !engine.hasLink(name)) return
  const kind = await engine.linkKind(name)
  // The last container of the network has just taken it along: it is made anew.
  if (kind === undefined && !settings.unmanaged) return
  if (kind === undefined) {
    throw new NetavarkError(
      'in unmanaged mode, the bridge must already exist on the host: Netlink error: No such device (os error 19)',
    )
  }
  if (kind !== 'bridge') throw notOfKind('bridge', `bridge interface ${name}`, kind)
}

/** A VRF is the administrator's: it must be there. */
async function checkVrf({ engine }: Attaching, { vrf }: BridgeSettings): Promise<void> {
  if (vrf === undefined) return
  const kind = await engine.linkKind(vrf)
  if (kind === undefined) {
    throw new NetavarkError('get vrf to set up bridge interface: Netlink error: No such device (os error 19)')
  }
  if (kind !== 'vrf') throw notOfKind('vrf', `vrf ${vrf}`, kind)
}

/** Links without a kind (physical ones, lo) do not say what they are. */
function notOfKind(wanted: string, subject: string, kind: string): NetavarkError {
  const name = subject.split(' ').at(-1)
  return new NetavarkError(
    kind === ''
      ? `could not determine namespace link kind for ${wanted} ${name}`
      : `${subject} already exists but is a ${kind.charAt(0).toUpperCase()}${kind.slice(1)} interface`,
  )
}

interface Settled {
  readonly cidrs: readonly Cidr[]
  /** Of an unmanaged bridge: its own addresses, where names are asked for. */
  readonly listen: readonly Address[] | undefined
  /** Our name server answers for the network. */
  readonly namesHere: boolean
}

function requestOf(attaching: Attaching, settings: BridgeSettings, settled: Settled): SetupRequest {
  const { options, firewall } = attaching
  const { containerId, containerName, dnsServers = [] } = options
  const backend = settings.unmanaged ? 'none' : firewall === 'firewalld' ? undefined : firewall
  return {
    sandbox: { path: attaching.call.line.arg },
    container: {
      id: containerId,
      ...(canBeName(containerName) ? { name: containerName } : {}),
      labels: callLabels(attaching.call),
    },
    mode: 'bridge',
    networks: [endpointOf(attaching, settings, settled)],
    ...nothingMore,
    resolver: dnsServers.length === 0 ? {} : { servers: dnsServers },
    ...(backend === undefined ? {} : { firewall: backend }),
  }
}

const canBeName = (name: string): boolean =>
  isContainerName(name) && name.split('.').every((label) => label.length <= 63)

function endpointOf(attaching: Attaching, settings: BridgeSettings, settled: Settled): EndpointRequest {
  const { network, joining } = attaching
  const mac = staticMac(attaching)
  const definition = definitionOf(attaching, settings, settled)
  return {
    network: definition.name,
    definition,
    ifname: joining.ifname,
    given: settled.cidrs,
    aliases: namesOf(attaching),
    hostIfname: settings.hostIfname ?? 'veth%d',
    defaultRoute: !settings.noDefaultRoute && firstGateways(network).length > 0,
    routeMetric: settings.metric ?? 100 + interfaceNumber(joining.ifname),
    routes: network.routes
      .filter(({ type }) => type === 'unicast')
      .map(({ destination, gateway, metric = 100 }) => ({
        to: destination,
        ...(gateway === undefined ? {} : { via: gateway }),
        metric,
      })),
    ...(settings.mtu === undefined ? {} : { mtuBytes: settings.mtu }),
    ...(mac === undefined ? {} : { mac }),
  }
}

/** What answers beside the container's own name. */
function namesOf({ call, network, options, joining }: Attaching): readonly string[] {
  if (!network.dnsEnabled) return []
  const names = [...new Set([options.containerName, ...joining.aliases])]
  for (const name of names.filter((one) => !isHostname(one))) {
    call.log('warn', 'dns::aardvark', `"${name}" is no host name, it will not be answered`)
  }
  return names.filter(isHostname)
}

function definitionOf(
  { call, network }: Attaching,
  settings: BridgeSettings,
  { listen, namesHere }: Settled,
): CreateNetworkRequest {
  const { networkDnsServers } = network
  const subnets = network.ipamDriver === 'host-local' ? network.subnets : []
  const hasGateways = subnets.some(({ gateway }) => gateway !== undefined)
  return {
    name: network.name,
    driver: 'bridge',
    subnets: [],
    settled: subnets.map(({ subnet, gateway }): IpamSubnet => {
      const own = listen?.find((address) => familyOf(address) === familyOf(subnet))
      // Without a gateway the bridge has no address: nobody is told of this one.
      return { subnet, gateway: own ?? gateway ?? addressOf(subnet) }
    }),
    ipv6: network.ipv6Enabled,
    internal: network.internal,
    labels: { engine: 'netavark', id: network.id },
    options: {
      bridge: network.networkInterface as string,
      isolate: settings.isolate !== 'false',
      ...(settings.isolate === 'true' ? { isolateFrom: 'isolated' as const } : {}),
      ...(settings.protect && !settings.unmanaged
        ? { protect: 'strict' as const, ...limitOf(settings) }
        : {}),
      ...(settings.outbound.length === 0 ? {} : { sources: settings.outbound }),
      dns: namesHere,
      domain: searchDomain,
      ...dnsPortOf(call),
      ...(hasGateways ? {} : { addressed: false }),
      ...(settings.unmanaged ? { unmanaged: true } : {}),
      ...(settings.mtu === undefined ? {} : { mtuBytes: settings.mtu }),
      ...(networkDnsServers.length === 0 ? {} : { forwarders: networkDnsServers }),
    },
  }
}

/** podman's `dns_bind_port`: containers ask port 53 all the same. */
function dnsPortOf({ env }: Attaching['call']): { readonly dnsPort?: number } {
  const port = Number(env['NETAVARK_DNS_PORT'] || 53)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new NetavarkError(
      `Invalid NETAVARK_DNS_PORT ${env['NETAVARK_DNS_PORT']}: invalid digit found in string`,
    )
  }
  return port === 53 ? {} : { dnsPort: port }
}

function limitOf({ conntrackLimit }: BridgeSettings): { readonly conntrackLimit?: number } {
  return conntrackLimit === undefined ? {} : { conntrackLimit }
}
