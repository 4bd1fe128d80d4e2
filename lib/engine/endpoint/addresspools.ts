/**
 * Address pools that an engine asks for before there is a network (Docker's
 * IPAM protocol): a subnet is held, then addresses of it one by one.
 *
 * Until a network is made of the pool, what is taken is its gateway and what
 * shall never be handed out: that is kept in the pool's own document. From then
 * on addresses are leases of that network, shared with whoever else is on it.
 *
 * @module
 */

import { fail, isTsnetError } from '../../errors/codes.ts'
import { takeAddress } from '../../ipam/leases.ts'
import { checkSubnet } from '../../ipam/overlap.ts'
import { chooseSubnets } from '../../ipam/pools.ts'
import { resolveSubnets } from '../../ipam/subnets.ts'
import {
  type Address,
  type Cidr,
  contains,
  familyOf,
  prefixLength,
  type Subnet,
  withPrefix,
} from '../../model/address.ts'
import { shortHash } from '../../model/hash.ts'
import type { IpamSubnet } from '../../model/network.ts'
import type { Ledger } from '../../state/ledger.ts'
import type { Owner } from '../../state/reservations.ts'
import { describeOwner, type EngineContext } from '../context.ts'
import { heal } from '../heal/heal.ts'
import { tidy } from '../heal/idle.ts'
import { reapOrAwait } from '../heal/reap.ts'
import { endKey } from '../look/find.ts'
import { noSuchNetwork } from '../network/ensure.ts'

export interface PoolRequest {
  /** Absent: one that overlaps nothing. */
  readonly subnet?: Subnet
  /** Addresses are chosen from here; absent: the whole subnet. */
  readonly range?: Subnet
  readonly family: 4 | 6
  /** A network that is there: its addresses, shared with everybody on it. */
  readonly network?: string
}

export interface Pool {
  readonly id: string
  readonly subnet: Subnet
  /** Already chosen, where the network has one. */
  readonly gateway?: Address
}

export interface AddressPools {
  /** @throws TSNET_SUBNET_OVERLAP, TSNET_POOL_EXHAUSTED (conflict), TSNET_NO_SUCH_NETWORK (notFound) */
  request(request: PoolRequest): Promise<Pool>
  /** Of nothing is a success. */
  release(id: string): Promise<void>
  /** @throws TSNET_ADDRESS_IN_USE, TSNET_POOL_EXHAUSTED (conflict), TSNET_ADDRESS_UNUSABLE (invalid) */
  take(id: string, address: Address | undefined, purpose: 'gateway' | 'endpoint'): Promise<Cidr>
  /** Of nothing is a success. An address that an endpoint has is released with it. */
  give(id: string, address: Address): Promise<void>
  /** From now on addresses of the pools of these subnets are leases of the network. */
  bind(subnets: readonly Subnet[], network: string): void
  list(): readonly HeldPool[]
}

export interface HeldPool {
  readonly id: string
  readonly network?: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

export interface PoolDocument {
  readonly subnet: Subnet
  readonly range?: Subnet
  readonly network?: string
  readonly reserved: readonly Address[]
  readonly createdAt: string
}

/** Of a lease whose endpoint is not made yet: the key of a record that is never there. */
const held = endKey('pool.')
const isHeld = (owner: Owner): boolean => owner.record.startsWith(held)
/** Between an address and the endpoint that is made with it Docker takes milliseconds. */
const heldMs = 10_000
/** After that nobody will come for it any more. */
const isFresh = (owner: Owner): boolean => isHeld(owner) && Date.now() - Number(owner.cookie) < heldMs
const shared = 'network.'

export function createAddressPools(context: EngineContext, documents: Ledger<PoolDocument>): AddressPools {
  let count = 0
  const owner = (): Owner => ({
    // Each its own, so that whoever clears one away leaves the others.
    record: `${held}${process.pid}.${++count}`,
    container: 'an endpoint that is being made',
    path: '',
    cookie: String(Date.now()),
    bootId: context.kernel.bootId(),
    alias: '',
  })
  return {
    request: (request) => requestPool(context, documents, request).finally(() => tidy(context)),
    release: async (id) => documents.remove(id),
    take: async (id, address, purpose) => {
      const network = id.startsWith(shared) ? id.slice(shared.length, id.lastIndexOf('.')) : undefined
      const document = network === undefined ? documents.get(id) : undefined
      const leased = network ?? document?.network
      const family = id.endsWith('.6') ? 6 : 4
      if (leased !== undefined) {
        if (purpose === 'gateway') return gatewayOf(context, leased, { family, address })
        return lease(context, leased, { family, address, owner: owner() })
      }
      if (document === undefined) throw noSuchPool(id)
      const chosen = reserve(document, address)
      documents.put(id, { ...document, reserved: [...document.reserved, chosen] })
      return withPrefix(chosen, prefixLength(document.subnet))
    },
    give: async (id, address) => {
      const document = documents.get(id)
      const network = id.startsWith(shared) ? id.slice(shared.length, id.lastIndexOf('.')) : document?.network
      const { leases } = context.reservations
      const holder = network === undefined ? undefined : leases.owner(network, address)
      if (network !== undefined && holder !== undefined && isHeld(holder)) leases.release(network, address)
      if (document?.reserved.includes(address) === true)
        documents.put(id, { ...document, reserved: document.reserved.filter((one) => one !== address) })
    },
    list: () =>
      documents.keys().flatMap((id) => {
        const document = documents.get(id)
        if (document === undefined) return []
        const { network, createdAt } = document
        return [{ id, createdAt, ...(network === undefined ? {} : { network }) }]
      }),
    bind: (subnets, network) => {
      for (const id of documents.keys()) {
        const document = documents.get(id)
        if (document !== undefined && subnets.includes(document.subnet))
          documents.put(id, { ...document, network })
      }
    },
  }
}

async function requestPool(
  context: EngineContext,
  documents: Ledger<PoolDocument>,
  { subnet, range, family, network }: PoolRequest,
): Promise<Pool> {
  if (network !== undefined) return poolOfNetwork(context, network, { subnet, family })
  await heal(context)
  // Two that are asked for at the same time must not be given the same.
  const host = await context.locks.hostExclusive()
  try {
    const facts = await context.kernel.hostFacts()
    const held = documents.keys().flatMap((key) => documents.get(key) ?? [])
    const taken = [
      ...context.networks
        .list()
        .flatMap(({ name, subnets }) => subnets.map((one) => ({ subnet: one.subnet, network: name }))),
      ...held.map((one) => ({ subnet: one.subnet, network: one.network ?? 'that is being made' })),
    ]
    const asked = subnet === undefined ? undefined : checked(subnet, range)
    if (asked !== undefined) checkSubnet(asked.subnet, facts, taken, { field: 'Pool' })
    const chosen =
      asked ??
      chooseSubnets({
        facts,
        taken: taken.map((one) => one.subnet),
        ipv6: family === 6,
        seed: `${context.kernel.bootId()} ${held.length}`,
      }).find((one) => familyOf(one.subnet) === family)
    const { subnet: found } = chosen as IpamSubnet
    const id = `pool-${shortHash([found], 12)}.${family}`
    const createdAt = new Date().toISOString()
    documents.put(id, { subnet: found, reserved: [], createdAt, ...(range === undefined ? {} : { range }) })
    return { id, subnet: found }
  } finally {
    host.release()
  }
}

/** What a network would say of them too. */
function checked(subnet: Subnet, range: Subnet | undefined): IpamSubnet | undefined {
  return resolveSubnets([{ subnet, ...(range === undefined ? {} : { range }) }], { field: 'Pool' })[0]
}

function subnetOfNetwork(context: EngineContext, network: string, family: 4 | 6): IpamSubnet {
  const config = context.networks.get(network)
  if (config === undefined) throw noSuchNetwork(context, network, 'to use')
  const found = config.subnets.find((one) => familyOf(one.subnet) === family)
  if (found !== undefined) return found
  throw fail('TSNET_BAD_VALUE', {
    message: `using network ${network}: it has no IPv${family} subnet`,
    field: 'network',
    value: network,
    hint: `"tsnet network inspect ${network}" shows what it has`,
  })
}

function poolOfNetwork(
  context: EngineContext,
  network: string,
  { subnet, family }: { readonly subnet: Subnet | undefined; readonly family: 4 | 6 },
): Pool {
  const own = subnetOfNetwork(context, network, family)
  // dockerd takes a pool it was not asked for only where the host has no route to it, and asks again without end.
  if (subnet !== own.subnet) {
    throw fail('TSNET_BAD_VALUE', {
      message: `using network ${network}: its subnet is ${own.subnet}, ${subnet ?? 'none'} was asked for`,
      field: 'Pool',
      value: subnet,
      hint: `add --subnet ${own.subnet}`,
    })
  }
  return { id: `${shared}${network}.${family}`, subnet: own.subnet, gateway: own.gateway }
}

function gatewayOf(
  context: EngineContext,
  network: string,
  { family, address }: { readonly family: 4 | 6; readonly address: Address | undefined },
): Cidr {
  const { subnet, gateway } = subnetOfNetwork(context, network, family)
  if (address === undefined || address === gateway) return withPrefix(gateway, prefixLength(subnet))
  throw fail('TSNET_ADDRESS_UNUSABLE', {
    message: `using network ${network}: its gateway is ${gateway}, ${address} was asked for`,
    field: 'Address',
    value: address,
    hint: 'leave --gateway out',
  })
}

/** Of a network that is there; the dead are taken down where that gives room. */
async function lease(
  context: EngineContext,
  network: string,
  wanted: { readonly family: 4 | 6; readonly address: Address | undefined; readonly owner: Owner },
): Promise<Cidr> {
  const { leases } = context.reservations
  const subnet = subnetOfNetwork(context, network, wanted.family)
  const { address, owner } = wanted
  const request = { network, subnet, owner, ...(address === undefined ? {} : { address }) }
  const take = (): Cidr =>
    withPrefix(takeAddress(leases, request, describeOwner), prefixLength(subnet.subnet))
  const host = await context.locks.hostShared()
  try {
    return take()
  } catch (error) {
    if (!isTsnetError(error, 'TSNET_POOL_EXHAUSTED') && !isTsnetError(error, 'TSNET_ADDRESS_IN_USE'))
      throw error
    const taken = address === undefined ? leases.list(network) : [address]
    const holders = taken.flatMap((one) => leases.owner(network, one) ?? []).filter((one) => !isFresh(one))
    if ((await reapOrAwait(context, holders)) === 0) throw error
    return take()
  } finally {
    host.release()
  }
}

/** Of a pool no network is made of yet. */
function reserve({ subnet, range, reserved }: PoolDocument, address: Address | undefined): Address {
  if (address !== undefined) {
    if (!contains(subnet, address)) {
      throw fail('TSNET_ADDRESS_UNUSABLE', {
        message: `taking ${address}: it is outside ${subnet}`,
        field: 'Address',
        value: address,
        hint: 'choose an address of the subnet',
      })
    }
    if (!reserved.includes(address)) return address
    throw fail('TSNET_ADDRESS_IN_USE', {
      message: `taking ${address}: it is taken already`,
      field: 'Address',
      value: address,
      hint: 'choose another address',
    })
  }
  const names = Object.fromEntries(reserved.map((one) => [one, one]))
  const [resolved] = resolveSubnets([{ subnet: range ?? subnet, reserved: names }], { field: 'Pool' })
  return (resolved as IpamSubnet).gateway
}

function noSuchPool(id: string): Error {
  return fail('TSNET_NO_SUCH_NETWORK', {
    message: `finding address pool ${id}: tsnet has none of that id`,
    field: 'PoolID',
    value: id,
    hint: 'remove the network and create it again',
  })
}
