/**
 * `NetworkDriver` calls about endpoints: the pair, how it is joined, and its
 * published ports.
 *
 * @module
 */

import type { HostEnd } from '../../engine/endpoint/remote.ts'
import { fail } from '../../errors/codes.ts'
import { addressOf, type Cidr, familyOf } from '../../model/address.ts'
import { type CreateEndpointCall, decodePortMap, type ExternalCall, type JoinCall } from './messages.ts'
import { documentOf, type Networks } from './networks.ts'
import { readPorts } from './ports.ts'

/** Of the link that Docker moves into the container: on the host it must meet nobody's. */
const peerName = (endpoint: string): string => `td-${endpoint.slice(0, 12)}`

/** Fields that were empty in the request, filled in; Docker refuses any other. */
export interface InterfaceReply {
  readonly Address?: Cidr
  readonly AddressIPv6?: Cidr
  readonly MacAddress?: string
}

export async function createEndpoint(
  networks: Networks,
  call: CreateEndpointCall,
  signal: AbortSignal,
): Promise<{ readonly Interface: InterfaceReply }> {
  const { NetworkID, EndpointID, Interface = {}, Options } = call
  const { network } = documentOf(networks, NetworkID)
  refuseDriverOptions(Options)
  const { Address, AddressIPv6, MacAddress } = Interface
  const cidrs = [Address, AddressIPv6].filter((cidr) => cidr !== undefined)
  const { attachment } = await networks.engine.ends.create(
    {
      id: EndpointID,
      network,
      cidrs,
      peer: peerName(EndpointID),
      ...(MacAddress === undefined ? {} : { mac: MacAddress }),
    },
    { signal },
  )
  const made = (family: 4 | 6): Cidr | undefined =>
    attachment.addresses.find((one) => familyOf(one) === family)
  const [v4, v6] = cidrs.length > 0 ? [] : [made(4), made(6)]
  return {
    Interface: {
      ...(v4 === undefined ? {} : { Address: v4 }),
      ...(v6 === undefined ? {} : { AddressIPv6: v6 }),
      ...(MacAddress === undefined ? { MacAddress: attachment.mac } : {}),
    },
  }
}

/** `docker network connect --driver-opt`: Docker's own are not for us, and we have none. */
function refuseDriverOptions(options: CreateEndpointCall['Options'] = {}): void {
  const stranger = Object.keys(options).find((key) => !key.startsWith('com.docker.'))
  if (stranger === undefined) return
  throw fail('TSNET_BAD_VALUE', {
    message: `reading --driver-opt ${stranger}: there is no such option`,
    field: 'Options',
    value: stranger,
    hint: 'leave it out: endpoints of tsnet have none',
  })
}

export interface JoinReply {
  readonly InterfaceName: { readonly SrcName: string; readonly DstPrefix: string }
  readonly Gateway?: string
  readonly GatewayIPv6?: string
  readonly StaticRoutes: readonly never[]
  /** Else Docker would lead a network without a way out through a bridge of its own. */
  readonly DisableGatewayService: boolean
}

export async function join(networks: Networks, { NetworkID, EndpointID }: JoinCall): Promise<JoinReply> {
  const { prefix } = documentOf(networks, NetworkID)
  const { peer, attachment } = await living(networks, EndpointID)
  const gateway = (family: 4 | 6): string | undefined =>
    attachment.gateways.find((one) => familyOf(one) === family)
  const [v4, v6] = [gateway(4), gateway(6)]
  return {
    InterfaceName: { SrcName: peer, DstPrefix: prefix },
    ...(v4 === undefined ? {} : { Gateway: v4 }),
    ...(v6 === undefined ? {} : { GatewayIPv6: v6 }),
    StaticRoutes: [],
    DisableGatewayService: v4 === undefined && v6 === undefined,
  }
}

export async function publishPorts(networks: Networks, call: ExternalCall): Promise<void> {
  const { NetworkID, EndpointID, Options } = call
  const { hostBinding } = documentOf(networks, NetworkID)
  const { attachment } = await living(networks, EndpointID)
  const families = attachment.addresses.map((cidr) => familyOf(addressOf(cidr)))
  // Of a network with IPv4 alone, `-p [::]:80:80` of a newer Docker means nothing.
  const ports = readPorts(decodePortMap(Options), hostBinding).filter(
    ({ hostAddress }) => hostAddress !== '::' || families.includes(6),
  )
  await networks.engine.ends.publish(EndpointID, ports)
}

async function living({ engine }: Networks, id: string): Promise<HostEnd> {
  const end = engine.ends.get(id)
  if (end !== undefined && (await engine.ends.isAlive(id))) return end
  throw fail('TSNET_NO_SUCH_CONTAINER', {
    message: `finding endpoint ${id.slice(0, 12)}: ${end === undefined ? 'tsnet has none of that id' : 'its link is gone'}`,
    field: 'EndpointID',
    value: id,
    hint: '"docker network disconnect -f" and "connect" make it anew',
  })
}

/** @throws TSNET_NO_SUCH_NETWORK, TSNET_NO_SUCH_CONTAINER (notFound) */
export function operInfo(networks: Networks, networkId: string, id: string): { readonly Value: object } {
  documentOf(networks, networkId)
  const end = networks.engine.ends.get(id)
  if (end !== undefined) return { Value: { 'net.tsnet.bridge': end.attachment.bridge } }
  throw fail('TSNET_NO_SUCH_CONTAINER', {
    message: `finding endpoint ${id.slice(0, 12)}: tsnet has none of that id`,
    field: 'EndpointID',
    value: id,
    hint: '"docker network disconnect -f" and "connect" make it anew',
  })
}
