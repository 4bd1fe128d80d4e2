/**
 * Who holds an address: a lease or a record of tsnet, or an interface anywhere
 * on the machine.
 *
 * @module
 */

import type { NetworkInspect } from '../engine/engine.ts'
import { type Address, addressOf, contains } from '../model/address.ts'
import type { Inventory } from './views.ts'

/** Who has an address, and what would free it. */
export interface AddressHolder {
  readonly address: Address
  /** `gateway` and `reserved`: kept by the network itself. */
  readonly kind: 'container' | 'lease' | 'gateway' | 'reserved' | 'interface'
  /** Of tsnet; of others the bridge. */
  readonly network?: string
  readonly owner: string
  readonly engine: string
  /** ISO 8601, where tsnet has noted it. */
  readonly since?: string
  readonly alive: boolean
  readonly ifname?: string
  /** What frees it, where something does. */
  readonly free?: string
}

/** Networks of tsnet the address could be leased from. */
export interface AddressReport {
  readonly address: Address
  readonly holders: readonly AddressHolder[]
  readonly networks: readonly string[]
}

/** Who has an address, of all networks tsnet knows and all interfaces of the host. */
export function whoHolds(
  address: Address,
  inventory: Inventory,
  networks: readonly NetworkInspect[],
): AddressReport {
  const recorded = inRecords(address, inventory)
  const named = [...recorded, ...ofNetworks(address, networks, recorded)]
  const others = onInterfaces(address, inventory).filter(
    ({ owner, kind }) =>
      !named.some((one) => one.owner === owner || (kind === 'interface' && one.kind === 'gateway')),
  )
  return {
    address,
    holders: [...named, ...others],
    networks: networks
      .filter(({ config }) => config.subnets.some(({ subnet }) => contains(subnet, address)))
      .map(({ config }) => config.name),
  }
}

function inRecords(address: Address, { records, namespaces }: Inventory): AddressHolder[] {
  return records.flatMap(({ container, sandbox, attachments, createdAt }) =>
    attachments
      .filter(({ addresses }) => addresses.some((cidr) => addressOf(cidr) === address))
      .map(({ network, ifname }) => {
        const view = namespaces.find(({ cookie }) => cookie === sandbox.identity.cookie)
        const name = container.name ?? container.id
        return {
          address,
          kind: 'container' as const,
          network,
          owner: name,
          engine: view?.engine ?? 'tsnet',
          since: createdAt,
          alive: view !== undefined,
          ifname,
          free: view === undefined ? 'tsnet gc' : `tsnet teardown ${name}`,
        }
      }),
  )
}

function ofNetworks(
  address: Address,
  networks: readonly NetworkInspect[],
  recorded: readonly AddressHolder[],
): AddressHolder[] {
  return networks.flatMap(({ config, leases, live }): AddressHolder[] => {
    const about = { address, network: config.name, engine: 'tsnet' }
    const gateway = config.subnets.some((subnet) => subnet.gateway === address)
    if (gateway) {
      return [{ ...about, kind: 'gateway', owner: `the host, on ${config.options.bridge}`, alive: live }]
    }
    const reserved = config.subnets
      .flatMap((subnet) => Object.entries(subnet.reserved ?? {}))
      .find(([, kept]) => kept === address)
    if (reserved !== undefined) {
      return [{ ...about, kind: 'reserved', owner: reserved[0], alive: true }]
    }
    // A lease without a record: half-done work, or a holder that was killed.
    const lease = leases.find((one) => one.address === address)
    if (lease === undefined || recorded.some(({ network }) => network === config.name)) return []
    return [{ ...about, kind: 'lease', owner: lease.owner, alive: false, free: 'tsnet gc' }]
  })
}

function onInterfaces(address: Address, { namespaces }: Inventory): AddressHolder[] {
  return namespaces.flatMap((view) =>
    view.interfaces
      .filter(({ addresses }) => addresses.some((cidr) => addressOf(cidr) === address))
      // Every namespace has 127.0.0.1.
      .filter(({ name }) => name !== 'lo' || view.own)
      .map(({ name, bridge }) => ({
        address,
        kind: 'interface' as const,
        ...(bridge === undefined ? {} : { network: bridge }),
        owner: view.name,
        engine: view.own ? 'host' : (view.engine ?? 'none'),
        alive: true,
        ifname: name,
      })),
  )
}
