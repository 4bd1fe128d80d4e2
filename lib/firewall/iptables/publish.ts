/**
 * Published ports: one rule for each binding and family, ranges too, in chains of some of them each (buckets.ts).
 *
 * No filter rule belongs to a translated port: it is let in by the network's own
 * chain, where each routed port has one. Rules carry the attachment, so that a late removal does
 * not take the rule of a new owner of the same address.
 *
 * @module
 */

import { bracketed } from '../../model/address.ts'
import type { PublishIntent } from '../../plan/intent.ts'
import type { RulesStep } from '../../plan/step.ts'
import { type PublishedPorts, publishedPorts, routedPorts } from '../ports.ts'
import { ownerTag } from '../tag.ts'
import { bucketAt, bucketOf } from './buckets.ts'
import { alone, type Rule, rulesStep, type SharedChain, type TableChange, toolOf } from './restore.ts'

export function printPublish(intent: PublishIntent): readonly RulesStep[] {
  const tag = ownerTag(intent.owner)
  const [translated, routed] = [publishedPorts(intent), routedPorts(intent)]
  return ([4, 6] as const).flatMap((family) => {
    const isOfFamily = (port: PublishedPorts): boolean => port.family === family
    const nat = translated.filter(isOfFamily)
    const filter = routed.filter(isOfFamily)
    if (nat.length + filter.length === 0) return []
    return [
      rulesStep(toolOf(family), {
        ...(nat.length === 0 ? {} : { nat: translating(tag, nat) }),
        ...(filter.length === 0 ? {} : { filter: opening(tag, intent.bridge, filter) }),
      }),
    ]
  })
}

/** Led to from above the drop at the end of the network's chain. */
function opening(tag: string, bridge: string, ports: readonly PublishedPorts[]): TableChange {
  const shared = new Map<string, SharedChain>()
  const rules = ports.map(({ containerAddress, containerPort, protocol, count }): Rule => {
    const bucket = bucketAt(containerAddress, bridge)
    shared.set(bucket.chain, bucket)
    const match = `-d ${alone(containerAddress)} -p ${protocol} -m ${protocol} --dport ${rangeOf(containerPort, count)}`
    return { chain: bucket.chain, at: 'end', match, tag, target: '-j ACCEPT' }
  })
  return { chains: [], shared: [...shared.values()], rules }
}

function translating(tag: string, ports: readonly PublishedPorts[]): TableChange {
  const shared = new Map<string, SharedChain>()
  for (const bucket of ports.flatMap((one) => bucketOf(one) ?? [])) shared.set(bucket.chain, bucket)
  return { chains: [], shared: [...shared.values()], rules: ports.map(ruleWith(tag)) }
}

function ruleWith(tag: string): (ports: PublishedPorts) => Rule {
  return (ports) => ({
    chain: bucketOf(ports)?.chain ?? 'TSNET-DNAT',
    at: 'end',
    match: matchOf(ports),
    tag,
    target: `-j DNAT --to-destination ${destinationOf(ports)}`,
  })
}

function matchOf({ protocol, hostAddress, hostPort, count }: PublishedPorts): string {
  const to = hostAddress === undefined ? '' : `-d ${alone(hostAddress)} `
  return `${to}-p ${protocol} -m ${protocol} --dport ${rangeOf(hostPort, count)}`
}

const rangeOf = (first: number, count: number): string =>
  count === 1 ? `${first}` : `${first}:${first + count - 1}`

/**
 * Ports that keep their numbers need no port here. A shifted range is
 * `FIRST-LAST/BASE`: BASE is the host port that becomes FIRST (iptables 1.6.2
 * and Linux 4.18 on).
 */
function destinationOf({ containerAddress, containerPort, hostPort, count }: PublishedPorts): string {
  if (count === 1) return `${bracketed(containerAddress)}:${containerPort}`
  if (hostPort === containerPort) return containerAddress
  return `${bracketed(containerAddress)}:${containerPort}-${containerPort + count - 1}/${hostPort}`
}
