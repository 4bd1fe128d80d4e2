/**
 * Published ports: one rule for each binding and family, ranges too.
 *
 * No filter rule belongs to a port: what was translated is let in by the
 * network's own chain. Rules carry the attachment, so that a late removal does
 * not take the rule of a new owner of the same address.
 *
 * @module
 */

import { bracketed } from '../../model/address.ts'
import type { PublishIntent } from '../../plan/intent.ts'
import type { RulesStep } from '../../plan/step.ts'
import { type PublishedPorts, publishedPorts } from '../ports.ts'
import { ownerTag } from '../tag.ts'
import { alone, type Rule, rulesStep, toolOf } from './restore.ts'

export function printPublish(intent: PublishIntent): readonly RulesStep[] {
  const tag = ownerTag(intent.owner)
  const ports = publishedPorts(intent)
  const families = ([4, 6] as const).filter((family) => ports.some((port) => port.family === family))
  return families.map((family) =>
    rulesStep(toolOf(family), {
      nat: { chains: [], rules: ports.filter((port) => port.family === family).map(ruleWith(tag)) },
    }),
  )
}

function ruleWith(tag: string): (ports: PublishedPorts) => Rule {
  return (ports) => ({
    chain: 'TSNET-DNAT',
    at: 'end',
    match: matchOf(ports),
    tag,
    target: `-j DNAT --to-destination ${destinationOf(ports)}`,
  })
}

function matchOf({ protocol, hostAddress, hostPort, count }: PublishedPorts): string {
  const to = hostAddress === undefined ? '' : `-d ${alone(hostAddress)} `
  const dport = count === 1 ? `${hostPort}` : `${hostPort}:${hostPort + count - 1}`
  return `${to}-p ${protocol} -m ${protocol} --dport ${dport}`
}

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
