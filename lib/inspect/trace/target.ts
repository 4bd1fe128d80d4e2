/**
 * Whom `NAME:PORT` means, seen from where the packet starts.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { type Address, addressOf, familyOf, isLoopback, parseAddress } from '../../model/address.ts'
import { findNamespace } from '../find.ts'
import type { Inventory, NamespaceView } from '../views.ts'
import type { TraceTarget } from './report.ts'

/**
 * @param word `db:5432`, `10.90.0.3:53/udp`, `[fd00::3]:80`, `host:8080`
 * @throws TSNET_BAD_VALUE (invalid), TSNET_NO_SUCH_CONTAINER (notFound) with the nearest name
 */
export function readTarget(inventory: Inventory, from: NamespaceView, word: string): TraceTarget {
  const [, bracketed, bare, port, protocol = 'tcp'] =
    /^(?:\[([^\]]+)\]|([^:/\s]+)):(\d{1,5})(?:\/(tcp|udp))?$/.exec(word) ?? []
  const name = bracketed ?? bare
  const number = Number(port)
  if (name === undefined || number < 1 || number > 65_535) {
    throw fail('TSNET_BAD_VALUE', {
      message: `tracing to ${word}: that is no container or address with a port`,
      field: 'target',
      value: word,
      hint: 'such as db:5432, 10.90.0.3:53/udp, [fd00::3]:80 or host:8080',
    })
  }
  const rest = { port: number, protocol: protocol === 'udp' ? ('udp' as const) : ('tcp' as const) }
  const address = parseAddress(name)
  if (address !== undefined) return { address, ...rest }
  const view = findNamespace(inventory, name)
  return { address: addressFor(from, view), ...rest, name: view.name }
}

/** An address on a bridge both are on; else any, IPv4 first. */
function addressFor(from: NamespaceView, to: NamespaceView): Address {
  const bridges = new Set(from.interfaces.map(bridgeKey).filter((key) => key !== undefined))
  const all = to.interfaces.flatMap((link) => {
    const shared =
      bridges.has(bridgeKey(link) ?? '') || from.interfaces.some((own) => reaches(own, from, link, to))
    return link.addresses.map((cidr) => ({ address: addressOf(cidr), shared }))
  })
  const usable = all
    .filter(({ address }) => from.id === to.id || !isLoopback(address))
    .filter(({ address }) => !address.startsWith('fe80'))
  const rank = ({ address, shared }: (typeof usable)[number]): number =>
    (shared ? 0 : 2) + (familyOf(address) === 4 ? 0 : 1)
  const [best] = usable.sort((a, b) => rank(a) - rank(b))
  if (best !== undefined) return best.address
  throw fail('TSNET_BAD_VALUE', {
    message: `tracing to ${to.name}: it has no address`,
    field: 'target',
    value: to.name,
    hint: `"tsnet ns ls" shows what it has; tsnet network connect NETWORK ${to.name}`,
  })
}

/** Of an end inside a container: the bridge and where it is. */
const bridgeKey = ({ bridge, peer }: NamespaceView['interfaces'][number]): string | undefined =>
  bridge === undefined || peer === undefined ? undefined : `${peer.namespace} ${bridge}`

/** The bridge a container hangs on is the host's own link with that name. */
function reaches(
  own: NamespaceView['interfaces'][number],
  from: NamespaceView,
  link: NamespaceView['interfaces'][number],
  to: NamespaceView,
): boolean {
  return bridgeKey(own) === `${to.id} ${link.name}` || bridgeKey(link) === `${from.id} ${own.name}`
}
