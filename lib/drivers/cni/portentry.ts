/**
 * What the CNI plugin `portmap` is asked for, whatever it is done with.
 *
 * @module
 */

import { type Address, type Cidr, type Family, familyOf } from '../../model/address.ts'
import type { Protocol } from '../../model/portmapping.ts'

export interface PortEntry {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: Protocol
  readonly hostAddress?: Address
}

export interface PortmapPartOptions {
  readonly backend: 'iptables' | 'nftables'
  readonly ports: readonly PortEntry[]
  /** The interface's first address of each family, with its prefix. */
  readonly addresses: readonly Cidr[]
  readonly snat: boolean
  readonly masqueradeAll: boolean
  /** Which bit of the mark asks for masquerading. */
  readonly markBit: number
  /** Somebody else's chain that sets the mark (kube-proxy's). */
  readonly markChain?: string
  readonly conditions: { readonly 4: readonly string[]; readonly 6: readonly string[] }
}

/** A port of one family: unspecified addresses mean any of that family. */
export function portsOf({ ports }: PortmapPartOptions, family: Family): readonly PortEntry[] {
  return ports.filter(({ hostAddress }) => hostAddress === undefined || familyOf(hostAddress) === family)
}
