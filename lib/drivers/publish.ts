/**
 * Published ports of one endpoint: the intent, and the flows to forget.
 *
 * Host ports have been chosen and reserved by the caller.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { type Address, addressOf, bracketed, type Cidr, familyOf } from '../model/address.ts'
import type { FirewallBackend } from '../model/attachment.ts'
import { attachmentOwner } from '../model/names.ts'
import type { NetworkConfig } from '../model/network.ts'
import type { PortBinding } from '../model/portmapping.ts'
import type { ContainerInfo } from '../model/sandbox.ts'
import type { Step } from '../plan/step.ts'
import { routedFamilies } from './gatewaymodes.ts'

export interface PublishInput {
  readonly config: NetworkConfig
  readonly container: ContainerInfo
  readonly ifname: string
  readonly cidrs: readonly Cidr[]
  readonly bindings: readonly PortBinding[]
  readonly backend: FirewallBackend
}

/**
 * Rules first, then the flows: a packet between the two would bring the old
 * flow back.
 *
 * @throws TSNET_MODE_MISMATCH (invalid) on internal networks, without firewall, or where the endpoint lacks the family
 * @throws TSNET_NOT_SUPPORTED (unsupported) for a port on `[::1]`
 */
export function planPublish(input: PublishInput): readonly Step[] {
  const { config, container, ifname, cidrs, bindings } = input
  if (bindings.length === 0) return []
  const addresses = cidrs.map(addressOf)
  for (const binding of bindings) refuseUnpublishable(input, binding)
  const routed = routedFamilies(config)
  return [
    {
      kind: 'firewall',
      where: 'host',
      intent: {
        kind: 'publish',
        owner: attachmentOwner(container.id, ifname),
        bridge: config.options.bridge,
        addresses,
        bindings,
        ...(routed.length === 0 ? {} : { routed }),
      },
    },
    ...bindings.flatMap((binding) => forgetFlows(binding, addresses)),
  ]
}

function refuseUnpublishable({ config, cidrs, backend }: PublishInput, binding: PortBinding): void {
  const { hostAddress, hostPort, protocol } = binding
  const value = `${hostAddress === undefined ? '' : `${bracketed(hostAddress)}:`}${hostPort}/${protocol}`
  const subject = `publishing ${value} on network ${config.name}`
  const field = 'publish'
  if (config.internal) {
    throw fail('TSNET_MODE_MISMATCH', {
      message: `${subject}: the network is internal, nothing gets in`,
      field,
      value,
      hint: 'leave the port out, or put the container on another network as well',
    })
  }
  if (backend === 'none') {
    throw fail('TSNET_MODE_MISMATCH', {
      message: `${subject}: the firewall backend is none, nothing would translate the address`,
      field,
      value,
      hint: 'leave the port out, or choose --firewall iptables or nftables',
    })
  }
  if (hostAddress === undefined) return
  if (hostAddress === '::1') {
    throw fail('TSNET_NOT_SUPPORTED', {
      message: `${subject}: the kernel does not route packets from ::1 (IPv6 has no route_localnet)`,
      field,
      value,
      hint: 'publish on 127.0.0.1, or on an IPv6 address of the host',
    })
  }
  if (!cidrs.some((cidr) => familyOf(cidr) === familyOf(hostAddress))) {
    throw fail('TSNET_MODE_MISMATCH', {
      message: `${subject}: the container has no IPv${familyOf(hostAddress)} address there`,
      field,
      value,
      hint:
        familyOf(hostAddress) === 6
          ? 'create the network with --ipv6, or publish on an IPv4 address'
          : 'create the network with an IPv4 subnet, or publish on an IPv6 address',
    })
  }
}

/** UDP has no end of connection: a reused port goes on talking to the old container until its flow is forgotten. */
function forgetFlows(binding: PortBinding, addresses: readonly Address[]): readonly Step[] {
  const { protocol, hostAddress, hostPort, containerPort, count } = binding
  if (protocol !== 'udp') return []
  return addresses
    .filter((address) => hostAddress === undefined || familyOf(hostAddress) === familyOf(address))
    .map((containerAddress) => ({
      kind: 'conntrack',
      where: 'host',
      protocol,
      ...(hostAddress === undefined ? {} : { hostAddress }),
      hostPort,
      containerAddress,
      containerPort,
      count,
    }))
}
