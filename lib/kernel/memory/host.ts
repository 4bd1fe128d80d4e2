/**
 * The host a memory kernel pretends to be, before tsnet comes.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import {
  type Address,
  addressOf,
  type Cidr,
  familyOf,
  isUnspecified,
  type Mac,
  prefixLength,
} from '../../model/address.ts'
import type { Protocol } from '../../model/portmapping.ts'
import type { ForeignDrop, WayOut } from '../../plan/facts.ts'
import type { PortHolder, RangeHolder } from '../kernel.ts'
import { MemoryNamespace } from './namespace.ts'

/** What the pretended host looks like before tsnet comes. */
export interface MemoryHost {
  /** Links beside `lo`, up; by default one, `eth0`, with the address below. */
  readonly links: readonly {
    readonly name: string
    readonly kind?: string
    readonly mac?: Mac
    readonly mtuBytes?: number
  }[]
  readonly addresses: readonly { readonly dev: string; readonly cidr: Cidr }[]
  readonly routes: readonly {
    readonly to: Cidr
    readonly via?: Address
    readonly dev: string
    readonly metric?: number
  }[]
  readonly sysctls: Readonly<Record<string, string>>
  /** Text files by path. */
  readonly files: Readonly<Record<string, string>>
  readonly foreignDrops: readonly ForeignDrop[]
  readonly holders: readonly (PortHolder & {
    readonly protocol: Protocol
    readonly address?: Address
    readonly port: number
  })[]
  readonly iptables: 'nft' | 'legacy' | undefined
  readonly nftables: boolean
  readonly bootId: string
}

export const usualHost: MemoryHost = {
  links: [{ name: 'eth0', mac: '52:54:00:12:34:56' as Mac }],
  addresses: [{ dev: 'eth0', cidr: '198.51.100.2/24' as Cidr }],
  routes: [{ to: '0.0.0.0/0' as Cidr, via: '198.51.100.1' as Address, dev: 'eth0' }],
  sysctls: {},
  files: {},
  foreignDrops: [],
  holders: [],
  iptables: 'nft',
  nftables: true,
  bootId: '00000000-0000-4000-8000-000000000000',
}

export function hostNamespace(host: MemoryHost): MemoryNamespace {
  const namespace = new MemoryNamespace()
  namespace.setUp('lo', 'up')
  for (const { kind = '', mtuBytes = 1500, ...link } of host.links) {
    namespace.addLink({ kind, mtuBytes, ...link })
    namespace.setUp(link.name, 'up')
  }
  for (const { dev, cidr } of host.addresses) namespace.addAddress(dev, cidr)
  for (const { via, metric = 0, ...route } of host.routes) namespace.addRoute({ ...route, via, metric })
  for (const [key, value] of Object.entries(host.sysctls)) namespace.setSysctl(key, value)
  return namespace
}

export function findWayOut(outside: MemoryNamespace, family: WayOut['family']): WayOut | undefined {
  const [first] = outside
    .routeFacts()
    .filter(({ to }) => familyOf(to) === family && prefixLength(to) === 0)
    .toSorted((a, b) => a.metric - b.metric)
  if (first?.dev === undefined) return undefined
  const { dev } = first
  const source = outside.addresses.find((one) => one.dev === dev && familyOf(one.cidr) === family)
  const { mtuBytes } = outside.link(dev)
  return { family, dev, mtuBytes, source: source === undefined ? undefined : addressOf(source.cidr) }
}

export function findHolders(
  { holders }: MemoryHost,
  wanted: {
    readonly protocol: Protocol
    readonly address: Address | undefined
    readonly port: number
    readonly count: number
  },
): readonly RangeHolder[] {
  const any = (address: Address | undefined): boolean => address === undefined || isUnspecified(address)
  return holders
    .filter(
      ({ protocol, address, port }) =>
        protocol === wanted.protocol &&
        port >= wanted.port &&
        port < wanted.port + wanted.count &&
        (any(address) || any(wanted.address) || address === wanted.address),
    )
    .map(({ port, pid, program }) => ({ port, pid, program }))
    .sort((a, b) => a.port - b.port)
}

export function requireBackend(host: MemoryHost, backend: 'iptables' | 'nftables'): void {
  if (backend === 'iptables' ? host.iptables !== undefined : host.nftables) return
  throw fail('TSNET_PROGRAM_MISSING', {
    message: `using ${backend}: it is not installed`,
    hint: `apt-get install ${backend}`,
  })
}
