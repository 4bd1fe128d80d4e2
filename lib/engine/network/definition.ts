/**
 * From what is asked of a network to its full definition: subnets chosen or
 * checked, bridge named, options filled in.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { checkSubnet } from '../../ipam/overlap.ts'
import { chooseSubnets } from '../../ipam/pools.ts'
import { resolveSubnets } from '../../ipam/subnets.ts'
import { bridgeName } from '../../model/names.ts'
import type { BridgeOptions, CreateNetworkRequest, IpamSubnet, NetworkConfig } from '../../model/network.ts'
import type { EngineContext } from '../context.ts'
import { checkDriven, isDriven } from '../drivers.ts'

/** What a network has that says nothing of it. */
export function defaultOptions({ hostConfig }: EngineContext): Omit<BridgeOptions, 'bridge'> {
  const { dnsPort } = hostConfig
  const always = { masquerade: true, icc: true, hairpin: true, isolate: true }
  return dnsPort === undefined ? always : { ...always, dnsPort }
}

export async function freeSubnets(
  context: EngineContext,
  wanted: { readonly name: string; readonly ipv6: boolean },
): Promise<readonly IpamSubnet[]> {
  const facts = await context.kernel.hostFacts()
  const taken = context.networks.list().flatMap(({ subnets }) => subnets.map(({ subnet }) => subnet))
  return chooseSubnets({ facts, taken, ipv6: wanted.ipv6, seed: `${context.kernel.bootId()} ${wanted.name}` })
}

/** @throws TSNET_NAME_IN_USE, TSNET_SUBNET_OVERLAP (conflict) */
export async function configFrom(
  context: EngineContext,
  request: CreateNetworkRequest,
): Promise<NetworkConfig> {
  const { name, driver, internal, labels, ipv6 } = request
  if (isDriven(request)) checkDriven(context, request)
  const bridge = request.options.bridge ?? bridgeName(name)
  const holder = context.networks.list().find(({ options }) => options.bridge === bridge)
  if (holder !== undefined) {
    throw fail('TSNET_NAME_IN_USE', {
      message: `creating network ${name}: bridge ${bridge} belongs to network ${holder.name}`,
      field: 'options.bridge',
      value: bridge,
      hint: 'choose another name with -o bridge=NAME',
    })
  }
  return {
    name,
    driver,
    internal,
    subnets:
      request.settled ??
      (request.subnets.length > 0
        ? await askedSubnets(context, request)
        : await freeSubnets(context, { name, ipv6 })),
    options: { ...defaultOptions(context), ...request.options, bridge },
    ...(request.driverOptions === undefined ? {} : { driverOptions: request.driverOptions }),
    firewall: context.backend,
    labels,
    ephemeral: false,
    createdAt: new Date().toISOString(),
  }
}

async function askedSubnets(
  context: EngineContext,
  request: CreateNetworkRequest,
): Promise<NetworkConfig['subnets']> {
  const facts = await context.kernel.hostFacts()
  const taken = context.networks
    .list()
    .flatMap(({ name, subnets }) => subnets.map(({ subnet }) => ({ subnet, network: name })))
  // A bridge that is there already may have the very addresses it is meant to have.
  const own = request.options.bridge
  const others = {
    ...facts,
    addresses: facts.addresses.filter(({ dev }) => dev !== own),
    routes: facts.routes.filter(({ dev }) => dev === undefined || dev !== own),
  }
  const asked = resolveSubnets(request.subnets)
  for (const { subnet } of asked) checkSubnet(subnet, others, taken)
  const missing6 = request.ipv6 && !asked.some(({ subnet }) => subnet.includes(':'))
  if (!missing6) return asked
  const free = await freeSubnets(context, { name: request.name, ipv6: true })
  return [...asked, ...free.filter(({ subnet }) => subnet.includes(':'))]
}

/**
 * The definition that comes with a request, kept while an endpoint is on the
 * network. Where the network is there already, what was asked must not say
 * another bridge or other subnets: its containers would be cut off.
 *
 * @throws TSNET_NETWORK_EXISTS (conflict)
 */
export async function inlineDefinition(
  context: EngineContext,
  request: CreateNetworkRequest,
): Promise<NetworkConfig> {
  const known = context.networks.get(request.name)
  if (known === undefined) {
    const fault = context.networks.fault(request.name)
    if (fault !== undefined) throw fault
    const { firewall: _none, ...config } = await configFrom(context, request)
    return { ...config, ephemeral: true }
  }
  const has = known.subnets.map(({ subnet }) => subnet)
  const asked = (request.settled ?? request.subnets).map(({ subnet }) => subnet)
  const bridge = request.options.bridge ?? known.options.bridge
  if (bridge === known.options.bridge && asked.every((subnet) => has.includes(subnet))) return known
  throw fail('TSNET_NETWORK_EXISTS', {
    message: `using network ${request.name}: it is there with bridge ${known.options.bridge} and subnets ${has.join(', ')}`,
    field: 'name',
    value: request.name,
    hint: 'detach its containers first, or give the changed network another name',
  })
}
