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
  const views = viewsFor(zone, { container, network })
  if (key === undefined || views.length === 0) {
    const message =
      key === undefined ? `${name} is no name` : 'the name server knows no such container or network'
    throw new ControlFault({ kind: 'notFound', message })
  }
  const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const tail = Buffer.from([type >> 8, type & 255, 0, 1])
  const question = Buffer.concat([head, Buffer.from(key, 'latin1'), tail])
  let first: Awaited<ReturnType<Resolve>>
  for (const view of views) {
    const outcome = await resolve(question, view, 'tcp')
    first ??= outcome
    if (outcome !== undefined && outcome.reply.readUInt16BE(answerCountAt) > 0) return explained(outcome)
  }
  return explained(first)
}

/** Of a DNS message: ANCOUNT. */
const answerCountAt = 6

const explained = (outcome: Awaited<ReturnType<Resolve>>): Explained => ({
  why: outcome?.why ?? 'no reply',
  reply: outcome?.reply.toString('base64') ?? '',
})

/** Of the container; else of the host at that network's gateway, or at any: then the first with an answer is the one. */
function viewsFor(
  zone: Zone,
  { container, network }: { container: string | undefined; network: string | undefined },
): readonly View[] {
  if (container === undefined) {
    const names = network === undefined ? zone.networks().map((one) => one.name) : [network]
    return names.flatMap((one) => zone.hostView(one) ?? [])
  }
  const wanted = zone
    .containers()
    .find(({ id, group, names: own }) => [id, group].includes(container) || own.includes(container))
  const [address] = wanted?.endpoints.flatMap(({ addresses }) => addresses) ?? []
  const view = address === undefined ? undefined : zone.view(addressKey(address), '')
  return view === undefined ? [] : [view]
}
