/**
 * Published ports: one map element for each port, or for each range that keeps
 * its numbers.
 *
 * A map's value is one address and port, so a shifted range (8000-8999 to
 * 9000-9999) becomes single ports. Elements are deleted by key, which cannot
 * ask whether it is still the same owner's: the port reservation, read under
 * the lock before the delete, answers that (ipam).
 *
 * @module
 */

import type { PublishIntent } from '../../plan/intent.ts'
import type { RulesStep } from '../../plan/step.ts'
import { type PublishedPorts, publishedPorts, routedPorts } from '../ports.ts'
import { ownerTag } from '../tag.ts'
import { type Element, elementsStep } from './table.ts'

export function printPublish(intent: PublishIntent): readonly RulesStep[] {
  const tag = ownerTag(intent.owner)
  const elements = publishedPorts(intent).flatMap((ports) =>
    ports.count > 1 && ports.hostPort === ports.containerPort ? [rangeOf(ports, tag)] : singlesOf(ports, tag),
  )
  const opened = routedPorts(intent).map((ports) => openedOf(ports, tag))
  return elements.length + opened.length === 0 ? [] : [elementsStep([...elements, ...opened])]
}

/** No translation: the container's own address and ports. */
function openedOf(ports: PublishedPorts, tag: string): Element {
  const { family, protocol, count, containerAddress, containerPort } = ports
  const last = containerPort + count - 1
  return {
    set: `${count === 1 ? 'open' : 'openranges'}${family}`,
    key: [containerAddress, protocol, count === 1 ? `${containerPort}` : `${containerPort}-${last}`],
    tag,
  }
}

function rangeOf(ports: PublishedPorts, tag: string): Element {
  const { family, hostAddress, protocol, hostPort, count, containerAddress } = ports
  return {
    set: `ranges${family}${hostAddress === undefined ? '' : '_at'}`,
    key: [...at(hostAddress), protocol, `${hostPort}-${hostPort + count - 1}`],
    value: [containerAddress],
    tag,
  }
}

function singlesOf(ports: PublishedPorts, tag: string): readonly Element[] {
  const { family, hostAddress, protocol, hostPort, count, containerAddress, containerPort } = ports
  return Array.from({ length: count }, (_, index) => ({
    set: `ports${family}${hostAddress === undefined ? '' : '_at'}`,
    key: [...at(hostAddress), protocol, `${hostPort + index}`],
    value: [containerAddress, `${containerPort + index}`],
    tag,
  }))
}

function at(hostAddress: string | undefined): readonly string[] {
  return hostAddress === undefined ? [] : [hostAddress]
}
