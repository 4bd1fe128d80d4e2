/**
 * Addresses by the name of who has them. Pure.
 *
 * @module
 */

import { type Address, addressOf } from '../model/address.ts'
import type { InterfaceView, Inventory, NamespaceView } from './inventory.ts'

type Named = readonly [name: string, link: InterfaceView]

/**
 * Containers by their names, this host's own addresses as `host`. An address that
 * several have (each namespace may have 127.0.0.1, and networks may overlap) has
 * no name; but a container inside another, a kind node say, does not take the
 * name from one that hangs on this host.
 */
export function addressNames({ namespaces }: Pick<Inventory, 'namespaces'>): ReadonlyMap<Address, string> {
  const [near, far]: [Named[], Named[]] = [[], []]
  const host = namespaces.find(({ own }) => own)
  for (const view of namespaces) {
    if (!hasName(view)) continue
    for (const link of view.interfaces) {
      const isNear = view.own || view.record !== undefined || link.peer?.namespace === host?.id
      const those = isNear ? near : far
      those.push([view.name, link])
    }
  }
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
  for (const [name, { addresses }] of all) {
    for (const address of addresses.map(addressOf)) {
      names.set(address, names.has(address) && names.get(address) !== name ? undefined : name)
    }
  }
  return names
}
