/**
 * Reverse names of our subnets that belong to nobody the asker sees: NXDOMAIN,
 * and nobody outside learns which of our addresses are asked about. Addresses
 * with a name are answered by names.ts before.
 *
 * @module
 */

import { contains } from '../../model/address.ts'
import type { Handler } from '../chain.ts'
import { RCODE } from '../wire.ts'
import type { Zone } from '../zone.ts'
import { addressOfReverse } from '../zone-reverse.ts'
import { denial } from './names.ts'

export function reverse(zone: Pick<Zone, 'networks'>): Handler {
  return ({ query }, next) => {
    const address = addressOfReverse(query.key)
    if (address === undefined) return next()
    const home = zone.networks().find(({ subnets }) => subnets.some((subnet) => contains(subnet, address)))
    if (home === undefined) return next()
    // The apex of the reverse zone: the parent of the name, so that it can own the SOA.
    const parent = query.key.slice(query.key.charCodeAt(0) + 1)
    return denial(RCODE.NXDOMAIN, parent, `no container you see has ${address}, of network ${home.name}`)
  }
}
