/**
 * Chains that keep the number of rules small that a new connection walks, however many ports are published.
 *
 * TSNET-DNAT has a jump for each 256 ports of a protocol with a published one
 * among them, and the rules of those are in the chain it leads to: at most 256
 * jumps and 256 ports are walked, on the usual host one and a few. A range that
 * crosses a border stays in TSNET-DNAT: only one range can cross each, so they
 * are no more than the jumps. What makes such a chain and takes it away is
 * lib/kernel/rules/shared-chains.ts.
 *
 * @module
 */

import { type Address, bytesOf, familyOf } from '../../model/address.ts'
import type { Protocol } from '../../model/portmapping.ts'
import { safeIfname, baseTag as tag } from '../tag.ts'
import type { SharedChain } from './restore.ts'

/** About the square root of all ports, so that neither level grows long. */
const BUCKET_PORTS = 256

export interface HostPorts {
  readonly protocol: Protocol
  readonly hostPort: number
  readonly count: number
}

/** Where rules for these ports belong; undefined: into TSNET-DNAT itself. */
export function bucketOf({ protocol, hostPort, count }: HostPorts): SharedChain | undefined {
  const first = hostPort - (hostPort % BUCKET_PORTS)
  const last = first + BUCKET_PORTS - 1
  if (hostPort + count - 1 > last) return undefined
  const chain = `TSNET-DNAT-${protocol.toUpperCase()}-${first}`
  return {
    chain,
    from: {
      chain: 'TSNET-DNAT',
      at: 'end',
      match: `-p ${protocol} -m ${protocol} --dport ${first}:${last}`,
      tag,
      target: `-j ${chain}`,
    },
  }
}

/** About the square root of the most containers of a bridge. */
const BUCKET_ADDRESSES = 32

/** Where what is open at this address of a routed network belongs. Its name has 27 of 28 characters at most. */
export function bucketAt(address: Address, bridge: string): SharedChain {
  const last = (bytesOf(address).at(-1) ?? 0) % BUCKET_ADDRESSES
  const [mask, digits] = [BUCKET_ADDRESSES - 1, `${last}`.padStart(2, '0')]
  const own = familyOf(address) === 4 ? `0.0.0.${last}/0.0.0.${mask}` : `::${hextet(last)}/::${hextet(mask)}`
  const chain = `TSNET-TO-${digits}-${safeIfname(bridge)}`
  return {
    chain,
    from: {
      chain: `TSNET-IN-${safeIfname(bridge)}`,
      at: 'top',
      match: `-d ${own} -m conntrack ! --ctstate RELATED,ESTABLISHED`,
      tag,
      target: `-j ${chain}`,
    },
  }
}

/** As iptables-save spells it. */
const hextet = (value: number): string => (value === 0 ? '' : value.toString(16))
