/**
 * Connections of a container, as the host tracks them: what `tsnet conntrack`
 * prints. Pure but for {@link takeFlows}.
 *
 * @module
 */

import { type FlowCount, type FlowFact, readFlows } from '../kernel/packets/flows.ts'
import { type Address, addressOf } from '../model/address.ts'
import { findNamespace } from './find.ts'
import { addressNames } from './names.ts'
import type { Inventory } from './views.ts'

/** One end of a tracked connection. */
export interface FlowEnd {
  readonly address: Address
  readonly port?: number
  /** Container, or `host`. */
  readonly name?: string
}

/** A tracked connection of a container, with the names of both ends where they are known. */
export interface FlowView {
  /** `tcp`, `udp`, `icmp`, … or the protocol's number. */
  readonly protocol: string
  /** Of TCP; of others `replied` or `unanswered`. */
  readonly state: string
  readonly from: FlowEnd
  /** Who answers. */
  readonly to: FlowEnd
  /** What the first packet was sent to, where a published port led it on. */
  readonly via?: FlowEnd
  /** What the other end sees, where the source was translated. */
  readonly as?: FlowEnd
  readonly secondsLeft: number
  readonly assured: boolean
  /** By who began it. Absent where net.netfilter.nf_conntrack_acct is off. */
  readonly sent?: FlowCount
  readonly received?: FlowCount
}

const protocols: Readonly<Record<number, string>> = {
  1: 'icmp',
  2: 'igmp',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  47: 'gre',
  58: 'icmpv6',
  132: 'sctp',
  136: 'udplite',
}

/** @param container absent: of all @throws TSNET_NO_SUCH_CONTAINER (notFound) */
export async function takeFlows(
  inventory: Inventory,
  container: string | undefined,
): Promise<readonly FlowView[]> {
  const names = addressNames(inventory)
  if (container === undefined) return (await readFlows()).map((flow) => flowView(flow, names)).sort(byState)
  const view = findNamespace(inventory, container)
  const own = new Set(view.interfaces.flatMap(({ addresses }) => addresses.map(addressOf)))
  return (await readFlows())
    .filter(({ original, reply }) =>
      [original.source, original.destination, reply.source, reply.destination].some((one) => own.has(one)),
    )
    .map((flow) => flowView(flow, names))
    .sort(byState)
}

function flowView(flow: FlowFact, names: ReadonlyMap<Address, string>): FlowView {
  const { protocol, original, reply, state, replied, secondsLeft, assured, sent, received } = flow
  const end = (address: Address, port: number | undefined): FlowEnd => {
    const name = names.get(address)
    return { address, ...(port === undefined ? {} : { port }), ...(name === undefined ? {} : { name }) }
  }
  const led = original.destination !== reply.source || original.destinationPort !== reply.sourcePort
  const disguised = original.source !== reply.destination || original.sourcePort !== reply.destinationPort
  return {
    protocol: protocols[protocol] ?? String(protocol),
    state: state ?? (replied ? 'replied' : 'unanswered'),
    from: end(original.source, original.sourcePort),
    to: end(reply.source, reply.sourcePort),
    ...(led ? { via: end(original.destination, original.destinationPort) } : {}),
    ...(disguised ? { as: end(reply.destination, reply.destinationPort) } : {}),
    secondsLeft,
    assured,
    ...(sent === undefined ? {} : { sent }),
    ...(received === undefined ? {} : { received }),
  }
}

/** Open connections first, then what was heard of last. */
function byState(a: FlowView, b: FlowView): number {
  const rank = ({ state }: FlowView): number => (state === 'ESTABLISHED' ? 0 : 1)
  return rank(a) - rank(b) || b.secondsLeft - a.secondsLeft || (a.from.address < b.from.address ? -1 : 1)
}
