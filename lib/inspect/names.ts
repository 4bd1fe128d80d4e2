/**
 * Addresses by the name of who has them. Pure.
 *
 * @module
 */

import { type Address, addressOf } from '../model/address.ts'
import { hostOf } from './find.ts'
import type { Inventory, NamespaceView } from './views.ts'

interface Named {
  readonly name: string
  readonly addresses: readonly Address[]
  /** It hangs on this host itself. */
  readonly isNear: boolean
}

/**
 * Containers by their names, this host's own addresses as `host`. An address that
 * several have (each namespace may have 127.0.0.1, and networks may overlap) has
 * no name; but a container inside another, a kind node say, does not take the
 * name from one that hangs on this host.
 */
export function addressNames({ namespaces }: Pick<Inventory, 'namespaces'>): ReadonlyMap<Address, string> {
  const host = hostOf({ namespaces })
  const all = namespaces.filter(hasName).flatMap(({ name, own, record, interfaces }) =>
    interfaces.map(({ addresses, peer }): Named => {
      const isNear = own || record !== undefined || peer?.namespace === host?.id
      return { name, addresses: addresses.map(addressOf), isNear }
    }),
  )
  const [near, far] = [all.filter(({ isNear }) => isNear), all.filter(({ isNear }) => !isNear)]
  const names = new Map([...byAddress(far), ...byAddress(near)])
  return new Map([...names].flatMap(([address, name]) => (name === undefined ? [] : [[address, name]])))
}

/** A process is no name: others may be behind the same address tomorrow. */
function hasName({ own, container, netnsNames }: NamespaceView): boolean {
  return own || container !== undefined || netnsNames.length > 0
}

/** Undefined for an address of several. */
function byAddress(all: readonly Named[]): ReadonlyMap<Address, string | undefined> {
  const names = new Map<Address, string | undefined>()
  for (const { name, addresses } of all) {
    for (const address of addresses) {
      names.set(address, names.has(address) && names.get(address) !== name ? undefined : name)
    }
  }
  return names
}
