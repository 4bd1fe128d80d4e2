/**
 * The configuration of `tsnet` as an engine request.
 *
 * @module
 */

import {
  aliasesOf,
  type CniResult,
  cniError,
  dnsPortOf,
  type Fields,
  HIGHEST_CONNTRACK_LIMIT,
  podName,
  type Request,
  readArgs,
  readPortMapping,
  wantedMac,
  wantedMtu,
} from '../../lib/adapters/cni/index.ts'
import {
  type Address,
  addressOf,
  type CreateNetworkRequest,
  type EndpointRequest,
  nothingMore,
  readAddress,
  readSubnet,
  readUnicast,
  type SetupRequest,
  type Subnet,
  subnetOf,
} from '../../lib/index.ts'

/** Addresses from tsnet's own leases: no IPAM is named. */
export function ownIpam({ conf }: Request): boolean {
  const type = conf.ipam?.string('type') ?? ''
  return type === '' || type === 'tsnet'
}

export function attachRequest(request: Request, leased: CniResult | undefined): SetupRequest {
  const { call, conf } = request
  const { fields, runtimeConfig } = conf
  const firewall = fields.string('firewall')
  if (firewall !== undefined && firewall !== 'iptables' && firewall !== 'nftables' && firewall !== 'none')
    throw fields.wrong('firewall', 'iptables, nftables or none')
  return {
    sandbox: { path: call.netns },
    // Each call says something else: a second ADD is a conflict, and never a repeat of the first.
    container: { id: call.containerId, labels: { cni: conf.name, call: request.caller() } },
    mode: 'bridge',
    networks: [endpointOf(request, leased)],
    ...nothingMore,
    publish: runtimeConfig.objects('portMappings').map((entry) => {
      const { hostAddress, ...port } = readPortMapping(entry)
      return {
        ...port,
        ...(hostAddress === undefined ? {} : { hostAddress }),
        count: 1,
        heldByCaller: true,
        onlyIfServed: true,
      }
    }),
    sysctls: sysctlsOf(fields, call.ifname),
    ...(firewall === undefined ? {} : { firewall }),
  }
}

function endpointOf(request: Request, leased: CniResult | undefined): EndpointRequest {
  const { call, conf } = request
  const [mac, mtuBytes] = [wantedMac(request), wantedMtu(request)]
  const aliases = namesFor(request)
  const { IP = '' } = readArgs(`${call.args === '' ? '' : `${call.args};`}IgnoreUnknown=1`, ['IP'])
  const wished = [...conf.runtimeConfig.strings('ips'), ...conf.args.strings('ips'), ...IP.split(',')]
  const asked = [...new Set(wished.filter((text) => text !== ''))].map((text) =>
    readAddress(text.split('/')[0] as string, 'ips'),
  )
  const isDefault = conf.fields.boolean('isDefaultGateway')
  const given = leased?.ips.map(({ address }) => address)
  const routes = leased?.routes ?? []
  const hasDefault = routes.some(({ dst }) => dst.endsWith('/0'))
  return {
    network: conf.name,
    ifname: call.ifname,
    definition: definitionOf(request, leased),
    ...(mac === undefined ? {} : { mac }),
    ...(mtuBytes === undefined ? {} : { mtuBytes }),
    ...(aliases.length === 0 ? {} : { aliases }),
    ...(given === undefined ? (asked.length === 0 ? {} : { addresses: asked }) : { given }),
    ...(leased === undefined
      ? {}
      : {
          routes: routes
            .filter(({ dst }) => !dst.endsWith('/0'))
            .map(({ dst, gw }) => ({ to: subnetOf(dst), ...(gw === undefined ? {} : { via: gw }) })),
        }),
    defaultRoute: isDefault ?? (leased === undefined || hasDefault),
    ...(isDefault === undefined ? { yieldsDefaultRoute: true } : {}),
  }
}

/** Aliases, and in Kubernetes the name of the pod. */
function namesFor(request: Request): readonly string[] {
  const names = request.conf.fields.boolean('names') === true
  const pod = podName(request)
  return [...new Set([...aliasesOf(request), ...(names && pod !== undefined ? [pod] : [])])]
}

function definitionOf(request: Request, leased: CniResult | undefined): CreateNetworkRequest {
  const { fields, name, ipam } = request.conf
  const option = <K extends string>(key: K, value: unknown): Record<string, unknown> =>
    value === undefined ? {} : { [key]: value }
  const mtuBytes = wantedMtu(request)
  const domain = fields.string('domain')
  return {
    name,
    driver: 'bridge',
    subnets: leased === undefined ? configuredSubnets(ipam) : leasedSubnets(leased),
    ipv6: fields.boolean('ipv6') ?? false,
    internal: fields.boolean('internal') ?? false,
    labels: { cni: 'true' },
    options: {
      ...option('bridge', fields.string('bridge') || undefined),
      ...option('mtuBytes', mtuBytes),
      ...option('masquerade', fields.boolean('ipMasq')),
      ...option('hairpin', fields.boolean('hairpinMode')),
      ...option('icc', fields.boolean('icc')),
      ...option('isolate', fields.boolean('isolate')),
      ...option('protect', protectionOf(request)),
      ...option('conntrackLimit', connectionsOf(request)),
      ...option('dns', fields.boolean('names')),
      ...option('domain', domain),
      ...option('dnsPort', dnsPortOf(request)),
    },
  }
}

function protectionOf({ conf: { fields } }: Request): 'strict' | undefined {
  const text = fields.string('protect') ?? 'none'
  if (text !== 'strict' && text !== 'none') throw fields.wrong('protect', 'strict or none')
  return text === 'strict' ? text : undefined
}

function connectionsOf(request: Request): number | undefined {
  const { fields } = request.conf
  if (!fields.has('conntrackLimit')) return undefined
  const most = fields.value('conntrackLimit')
  if (typeof most !== 'number' || !Number.isInteger(most) || most < 1 || most > HIGHEST_CONNTRACK_LIMIT)
    throw fields.wrong('conntrackLimit', `a whole number of connections, 1 to ${HIGHEST_CONNTRACK_LIMIT},`)
  if (protectionOf(request) === undefined) throw fields.wrong('conntrackLimit', 'with it "protect": "strict"')
  return most
}

/** `ipam.subnets`: texts, or objects with `subnet`, `gateway` and `range`. None: free ones are chosen. */
function configuredSubnets(ipam: Fields | undefined): CreateNetworkRequest['subnets'] {
  const given = ipam?.value('subnets')
  if (ipam === undefined || given === undefined) return []
  if (!Array.isArray(given)) throw ipam.wrong('subnets', 'a list')
  return given.map((one: unknown, i) => {
    const path = `ipam.subnets[${i}]`
    if (typeof one === 'string') return { subnet: readSubnet(one, path) }
    const { subnet, gateway, range } = (one ?? {}) as Record<string, unknown>
    if (typeof subnet !== 'string') throw cniError('config', `invalid configuration: ${path} has no subnet`)
    return {
      subnet: readSubnet(subnet, path),
      ...(typeof gateway === 'string' ? { gateway: readUnicast(gateway, `${path}.gateway`) } : {}),
      ...(typeof range === 'string' ? { range: readSubnet(range, `${path}.range`) } : {}),
    }
  })
}

function leasedSubnets({ ips }: CniResult): CreateNetworkRequest['subnets'] {
  const subnets = new Map<Subnet, Address | undefined>()
  for (const { address, gateway } of ips) subnets.set(subnetOf(address), gateway)
  return [...subnets].map(([subnet, gateway]) => ({
    subnet,
    ...(gateway === undefined || gateway === addressOf(subnet) ? {} : { gateway }),
  }))
}

function sysctlsOf(fields: Fields, ifname: string): Record<string, string> {
  const given = fields.object('sysctl')
  return Object.fromEntries(
    (given?.keys ?? []).map((key) => [key.replaceAll('IFNAME', ifname), given?.string(key) ?? '']),
  )
}
