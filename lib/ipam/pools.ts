/**
 * A free subnet for a network that names none (decisions 12). Pure.
 *
 * IPv4: a /24 out of 10.89.0.0/16 (Podman's pool begins there too), then out of
 * 172.28.0.0/14. IPv6: a ULA /64 whose global id comes from a hash of the seed,
 * so that it is the same at every first use and unlike that of other hosts.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4193 section 3.2
 * @module
 */

import { fail } from '../errors/codes.ts'
import { boundsOf, fromNumber, parseAddress, type Subnet, withPrefix } from '../model/address.ts'
import { shortHash } from '../model/hash.ts'
import type { IpamSubnet } from '../model/network.ts'
import type { HostFacts } from '../plan/facts.ts'
import { firstUsable } from './allocator.ts'
import { freeOf, takenByHost } from './overlap.ts'

const IPV4_POOLS = ['10.89.0.0/16' as Subnet, '172.28.0.0/14' as Subnet]
const IPV4_LENGTH = 24
const IPV6_LENGTH = 64
/** Only a route to all of fd00::/8 blocks more than a few of these. */
const IPV6_TRIES = 64

export interface PoolRequest {
  readonly facts: Pick<HostFacts, 'addresses' | 'routes'>
  /** Subnets of networks that are defined, with a bridge or without. */
  readonly taken: readonly Subnet[]
  readonly ipv6: boolean
  /** The same for the same network of the same host, such as machine id and network name. */
  readonly seed: string
}

/**
 * The first free IPv4 subnet and, where asked for, an IPv6 one.
 *
 * @throws TSNET_POOL_EXHAUSTED (conflict)
 */
export function chooseSubnets(request: PoolRequest): readonly IpamSubnet[] {
  const host = takenByHost(request.facts)
  const isFree = freeOf([...request.taken, ...host.map(({ subnet }) => subnet)])
  const ipv4 =
    chooseFrom(ipv4Blocks(), isFree) ?? exhausted(`a /${IPV4_LENGTH} of ${IPV4_POOLS.join(' and ')}`)
  if (!request.ipv6) return [ipv4]
  const ipv6 =
    chooseFrom(ipv6Blocks(request.seed), isFree) ?? exhausted(`an IPv6 /${IPV6_LENGTH} of fd00::/8`)
  return [ipv4, ipv6]
}

function chooseFrom(blocks: Iterable<Subnet>, isFree: (subnet: Subnet) => boolean): IpamSubnet | undefined {
  for (const subnet of blocks) {
    const gateway = isFree(subnet) ? firstUsable(subnet) : undefined
    if (gateway !== undefined) return { subnet, gateway }
  }
  return undefined
}

function* ipv4Blocks(): Generator<Subnet, void, undefined> {
  for (const pool of IPV4_POOLS) {
    const { first, last } = boundsOf(pool)
    const step = 1n << BigInt(32 - IPV4_LENGTH)
    for (let start = first; start < last; start += step) {
      yield withPrefix(fromNumber(4, start), IPV4_LENGTH) as Subnet
    }
  }
}

/** fd, 40 bits of global id, 16 bits of subnet id: another hash at each try. */
function* ipv6Blocks(seed: string): Generator<Subnet, void, undefined> {
  for (let attempt = 0; attempt < IPV6_TRIES; attempt++) {
    const digits = `fd${shortHash(attempt === 0 ? [seed] : [seed, String(attempt)], 14)}`
    const address = parseAddress(`${digits.match(/.{4}/g)?.join(':')}::`)
    if (address !== undefined) yield withPrefix(address, IPV6_LENGTH) as Subnet
  }
}

function exhausted(what: string): never {
  throw fail('TSNET_POOL_EXHAUSTED', {
    field: 'subnet',
    message: `choosing a subnet: every candidate for ${what} overlaps a route, an address or a network of this host`,
    hint: 'give one with --subnet; "ip route" and "tsnet network ls" show what is in use',
  })
}
