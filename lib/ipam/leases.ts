/**
 * Taking addresses: next after last, first free.
 *
 * Needs no lock: a lease is a file created once, so of two who try, one wins.
 * Leases of the dead are not taken over here: their rules may still lead to the
 * address, so the engine takes those containers down whole and asks again.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { type Address, type Family, familyOf } from '../model/address.ts'
import type { IpamSubnet } from '../model/network.ts'
import { candidates, checkStatic } from './allocator.ts'

/** Where leases are kept; `state` fulfils it with files. `O` says who holds one. */
export interface LeaseStore<O> {
  take(network: string, address: string, owner: O): boolean
  owner(network: string, address: string): O | undefined
  release(network: string, address: string): void
  last(network: string, family: Family): string | undefined
  setLast(network: string, family: Family, address: string): void
}

export interface LeaseRequest<O> {
  readonly network: string
  readonly subnet: IpamSubnet
  readonly owner: O
  /** Absent: the next free one. */
  readonly address?: Address
}

/** How many holders the error of an exhausted pool names. */
const holdersShown = 10

/**
 * @param describe for messages: `web (3f2a)`
 * @throws TSNET_ADDRESS_IN_USE, TSNET_ADDRESS_UNUSABLE, TSNET_POOL_EXHAUSTED
 */
export function takeAddress<O>(
  store: LeaseStore<O>,
  request: LeaseRequest<O>,
  describe: (owner: O) => string,
): Address {
  return request.address === undefined
    ? takeNext(store, request, describe)
    : takeStatic(store, request, request.address, describe)
}

function takeStatic<O>(
  store: LeaseStore<O>,
  request: LeaseRequest<O>,
  address: Address,
  describe: (owner: O) => string,
): Address {
  checkStatic(request.subnet, address)
  if (store.take(request.network, address, request.owner)) return address
  const holder = store.owner(request.network, address)
  throw fail('TSNET_ADDRESS_IN_USE', {
    message: `leasing ${address} on network ${request.network}: held by ${holder === undefined ? 'another container' : describe(holder)}`,
    field: familyOf(address) === 4 ? 'ip' : 'ip6',
    value: address,
    hint: 'choose another address, or leave it out to get a free one',
  })
}

function takeNext<O>(
  store: LeaseStore<O>,
  request: LeaseRequest<O>,
  describe: (owner: O) => string,
): Address {
  const family = familyOf(request.subnet.subnet)
  const after = store.last(request.network, family) as Address | undefined
  const holders: string[] = []
  for (const candidate of candidates(request.subnet, after)) {
    if (store.take(request.network, candidate, request.owner)) {
      store.setLast(request.network, family, candidate)
      return candidate
    }
    const holder = holders.length < holdersShown ? store.owner(request.network, candidate) : undefined
    if (holder !== undefined) holders.push(`${candidate} ${describe(holder)}`)
  }
  throw fail('TSNET_POOL_EXHAUSTED', {
    message: `leasing an address on network ${request.network}: all of ${request.subnet.range ?? request.subnet.subnet} are taken`,
    field: 'network',
    value: request.network,
    hint: `held by ${holders.join(', ')}${holders.length === holdersShown ? ', …' : ''}; "tsnet network inspect ${request.network}" shows all`,
  })
}
