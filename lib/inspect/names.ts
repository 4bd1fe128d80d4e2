/**
 * Addresses by the name of who has them. Pure.
 *
 * @module
 */

import { type Address, addressOf } from '../model/address.ts'
import type { Inventory } from './inventory.ts'

/**
 * Containers by their names, this host's own addresses as `host`. An address that
 * several have (each namespace may have 127.0.0.1, and networks may overlap) has
 * no name.
 */
export function addressNames({ namespaces }: Pick<Inventory, 'namespaces'>): ReadonlyMap<Address, string> {
  const names = new Map<Address, string>()
  const several = new Set<Address>()
  for (const { interfaces, name, own, container, netnsNames } of namespaces) {
    // A process is no name: others may be behind the same address tomorrow.
    if (!own && container === undefined && netnsNames.length === 0) continue
    for (const { addresses } of interfaces) {
      for (const address of addresses.map(addressOf)) {
        const known = names.get(address)
        if (known !== undefined && known !== name) several.add(address)
        names.set(address, name)
      }
    }
  }
  for (const address of several) names.delete(address)
  return names
}
