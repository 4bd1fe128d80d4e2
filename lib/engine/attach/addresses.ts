/**
 * Leasing the addresses of endpoints, really or for a dry run.
 *
 * @module
 */

import { fail, isTsnetError } from '../../errors/codes.ts'
import { type LeaseStore, takeAddress } from '../../ipam/leases.ts'
import { addressOf, type Cidr, type Family, familyOf, prefixLength, withPrefix } from '../../model/address.ts'
import type { Owner } from '../../state/reservations.ts'
import { describeOwner, type EngineContext, ownerIsAlive } from '../context.ts'
import type { WantedEndpoint } from './endpoints.ts'

/**
 * Takes down the dead among these owners, so that what they hold is free.
 *
 * @returns how many there were
 */
export type Reap = (owners: readonly Owner[]) => Promise<number>

/**
 * One address for each family of the endpoint's network. Where the pool is
 * empty or the asked address is held, containers whose sandbox is gone are
 * taken down and it is tried once more.
 *
 * Under the host lock. The caller releases what was taken if it fails later.
 */
export async function leaseAddresses(
  context: EngineContext,
  store: LeaseStore<Owner>,
  endpoint: WantedEndpoint,
  by: { readonly owner: Owner; readonly reap: Reap },
): Promise<readonly Cidr[]> {
  const { config, request } = endpoint
  if (request.given !== undefined) {
    for (const cidr of request.given) {
      const holder = store.owner(config.name, addressOf(cidr))
      if (holder !== undefined)
        await refuseHeld(context, { network: config.name, cidr, holder, by: by.owner })
      // Whoever gave it says that an earlier holder has lost it; whose rules are whose follows from this.
      store.release(config.name, addressOf(cidr))
      store.take(config.name, addressOf(cidr), by.owner)
    }
    return request.given
  }
  refuseOtherFamilies(endpoint)
  const cidrs: Cidr[] = []
  for (const subnet of config.subnets) {
    const family = familyOf(subnet.subnet)
    const asked = request.addresses?.find((address) => familyOf(address) === family)
    const { owner } = by
    const lease = { network: config.name, subnet, owner, ...(asked === undefined ? {} : { address: asked }) }
    const take = (): Cidr => withPrefix(takeAddress(store, lease, describeOwner), prefixLength(subnet.subnet))
    try {
      cidrs.push(take())
    } catch (error) {
      if (!isTsnetError(error, 'TSNET_POOL_EXHAUSTED') && !isTsnetError(error, 'TSNET_ADDRESS_IN_USE'))
        throw error
      if ((await by.reap(holders(context, config.name, asked))) === 0) throw error
      cidrs.push(take())
    }
  }
  return cidrs
}

/** Of a network that several engines use, one knows nothing of what was leased here or given by another. @throws TSNET_ADDRESS_IN_USE */
async function refuseHeld(
  context: EngineContext,
  {
    network,
    cidr,
    holder,
    by,
  }: { readonly network: string; readonly cidr: Cidr; readonly holder: Owner; readonly by: Owner },
): Promise<void> {
  if (holder.record === by.record) return
  const endpoints = context.containers.get(holder.record)?.request.networks
  const wasGiven = endpoints?.some((one) => one.network === network && one.given !== undefined)
  if (wasGiven === true || !(await ownerIsAlive(context, holder))) return
  throw fail('TSNET_ADDRESS_IN_USE', {
    message: `taking ${addressOf(cidr)} on network ${network}: held by ${describeOwner(holder)}`,
    field: 'ip',
    value: addressOf(cidr),
    hint: 'engines that share a network need a range each: podman network create --ip-range, docker network create --ip-range',
  })
}

/** @throws TSNET_ADDRESS_UNUSABLE (invalid) */
function refuseOtherFamilies({ config, request }: WantedEndpoint): void {
  const families = config.subnets.map(({ subnet }) => familyOf(subnet))
  const stray = request.addresses?.find((address) => !families.includes(familyOf(address)))
  if (stray === undefined) return
  const family = familyOf(stray)
  throw fail('TSNET_ADDRESS_UNUSABLE', {
    field: family === 4 ? 'ip' : 'ip6',
    value: stray,
    message: `checking address ${stray}: network ${config.name} has no IPv${family} subnet`,
    hint: `leave it out, or create the network with ${family === 4 ? 'an IPv4 --subnet' : '--ipv6'}`,
  })
}

function holders(context: EngineContext, network: string, address: string | undefined): readonly Owner[] {
  const { leases } = context.reservations
  const addresses = address === undefined ? leases.list(network) : [address]
  return addresses.flatMap((held) => leases.owner(network, held) ?? [])
}

export interface DryLeases extends LeaseStore<Owner> {
  /** As `reapDead`, but the leases of the dead are only left out of account. */
  readonly reap: Reap
}

/** Answers as the files would, and keeps what is taken in memory: to decide without effects. */
export function dryLeases(context: EngineContext): DryLeases {
  const { leases } = context.reservations
  const taken = new Map<string, Owner>()
  const last = new Map<string, string>()
  const dead = new Set<string>()
  const key = (network: string, rest: string | Family): string => `${network}/${rest}`
  const owner = (network: string, address: string): Owner | undefined =>
    taken.get(key(network, address)) ?? living(leases.owner(network, address))
  const living = (holder: Owner | undefined): Owner | undefined =>
    holder === undefined || dead.has(holder.record) ? undefined : holder
  return {
    reap: async (owners) => {
      for (const one of owners) if (!(await ownerIsAlive(context, one))) dead.add(one.record)
      return new Set(owners.map(({ record }) => record).filter((record) => dead.has(record))).size
    },
    owner,
    take: (network, address, by) => {
      if (owner(network, address) !== undefined) return false
      taken.set(key(network, address), by)
      return true
    },
    release: (network, address) => void taken.delete(key(network, address)),
    last: (network, family) => last.get(key(network, family)) ?? leases.last(network, family),
    setLast: (network, family, address) => void last.set(key(network, family), address),
  }
}
