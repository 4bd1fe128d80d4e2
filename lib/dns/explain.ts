/**
 * `dns query` and `dns explain`: a question as one container, or the host on one
 * network, would ask it, and who answered why.
 *
 * @module
 */

import type { Resolve } from './chain.ts'
import { ControlFault, type Explain, type Explained } from './control.ts'
import { keyOf } from './wire.ts'
import { addressKey, type Zone } from './zone.ts'
import type { View } from './zone-lookup.ts'

export async function explain(zone: Zone, resolve: Resolve, asked: Explain): Promise<Explained> {
  const { name, type, container, network } = asked
  const key = keyOf(name)
  const view = viewFor(zone, { container, network })
  if (key === undefined || view === undefined) {
    const message =
      key === undefined ? `${name} is no name` : 'the name server knows no such container or network'
    throw new ControlFault({ kind: 'notFound', message })
  }
  const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const tail = Buffer.from([type >> 8, type & 255, 0, 1])
  const outcome = await resolve(Buffer.concat([head, Buffer.from(key, 'latin1'), tail]), view, 'tcp')
  return { why: outcome?.why ?? 'no reply', reply: outcome?.reply.toString('base64') ?? '' }
}

function viewFor(
  zone: Zone,
  { container, network }: { container: string | undefined; network: string | undefined },
): View | undefined {
  const wanted = zone
    .containers()
    .find(({ id, group, names: own }) => [id, group].includes(container) || own.includes(container ?? ''))
  const [address] = wanted?.endpoints.flatMap(({ addresses }) => addresses) ?? []
  if (wanted !== undefined && address !== undefined) return zone.view(addressKey(address), '')
  const [only] = zone.networks()
  return container === undefined ? zone.hostView(network ?? only?.name ?? '') : undefined
}
