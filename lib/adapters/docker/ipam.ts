/**
 * `IpamDriver` calls: address pools, shared with everybody on tsnet's networks.
 *
 * @module
 */

import type { RemoteEngine } from '../../engine/endpoint/remote.ts'
import { fail } from '../../errors/codes.ts'
import { type Cidr, prefixLength, type Subnet, withPrefix } from '../../model/address.ts'
import { readNetworkName } from '../../model/specs/scalar.ts'
import type { ReleaseAddressCall, RequestAddressCall, RequestPoolCall } from './messages.ts'

export const addressSpaces = {
  LocalDefaultAddressSpace: 'TsnetLocal',
  GlobalDefaultAddressSpace: 'TsnetGlobal',
} as const

export interface PoolReply {
  readonly PoolID: string
  readonly Pool: Subnet
  readonly Data: Readonly<Record<string, Cidr>>
}

export interface AddressReply {
  readonly Address: Cidr
  readonly Data: object
}

const gatewayKey = 'com.docker.network.gateway'

export async function requestPool(
  { pools }: RemoteEngine,
  { AddressSpace, Pool, SubPool, Options = {}, V6 = false }: RequestPoolCall,
): Promise<PoolReply> {
  const spaces: readonly string[] = Object.values(addressSpaces)
  if (!spaces.includes(AddressSpace)) {
    throw fail('TSNET_BAD_VALUE', {
      message: `reading AddressSpace: "${AddressSpace}" is none of tsnet's`,
      field: 'AddressSpace',
      value: AddressSpace,
      hint: `known are ${spaces.join(', ')}`,
    })
  }
  if (SubPool !== undefined && Pool === undefined) {
    throw fail('TSNET_BAD_VALUE', {
      message: `reading SubPool: ${SubPool} is a range of no subnet`,
      field: 'SubPool',
      value: SubPool,
      hint: 'give --subnet with --ip-range',
    })
  }
  const stranger = Object.keys(Options).find((key) => key !== 'network' && !key.startsWith('com.docker.'))
  if (stranger !== undefined) {
    throw fail('TSNET_BAD_VALUE', {
      message: `reading --ipam-opt ${stranger}: there is no such option`,
      field: 'Options',
      value: stranger,
      hint: 'known is network=NAME, a network of tsnet',
    })
  }
  const { network } = Options
  const pool = await pools.request({
    family: V6 ? 6 : 4,
    ...(Pool === undefined ? {} : { subnet: Pool }),
    ...(SubPool === undefined ? {} : { range: SubPool }),
    ...(network === undefined ? {} : { network: readNetworkName(network, '--ipam-opt network') }),
  })
  const { id, subnet, gateway } = pool
  const chosen = gateway === undefined ? {} : { [gatewayKey]: withPrefix(gateway, prefixLength(subnet)) }
  return { PoolID: id, Pool: subnet, Data: chosen }
}

export async function requestAddress(
  { pools }: RemoteEngine,
  { PoolID, Address, Options = {} }: RequestAddressCall,
): Promise<AddressReply> {
  const purpose = Options['RequestAddressType'] === gatewayKey ? 'gateway' : 'endpoint'
  return { Address: await pools.take(PoolID, Address, purpose), Data: {} }
}

export async function releaseAddress({ pools }: RemoteEngine, call: ReleaseAddressCall): Promise<void> {
  await pools.give(call.PoolID, call.Address)
}
