/**
 * Ports as people read them: the way back from `publish.ts`.
 *
 * @module
 */

import { bracketed } from '../address.ts'
import type { PortMapping } from '../portmapping.ts'
import type { ExposedPort } from './expose.ts'

/** A mapping as `-p` takes it; the protocol is left out where it is tcp. */
export function formatPublish(mapping: PortMapping): string {
  const { hostAddress, hostPort, containerPort, count, protocol } = mapping
  const container = `${formatRange(containerPort, count)}${protocol === 'tcp' ? '' : `/${protocol}`}`
  const host = hostPort === undefined ? '' : formatRange(hostPort, count)
  if (hostAddress !== undefined) return `${bracketed(hostAddress)}:${host}:${container}`
  return host === '' ? container : `${host}:${container}`
}

/** `53/udp`, as `--expose` takes it. */
export function formatExpose(exposed: ExposedPort): string {
  return `${formatRange(exposed.port, exposed.count)}/${exposed.protocol}`
}

/** `80`, or `80-89` for ten. */
export function formatRange(first: number, count: number): string {
  return count === 1 ? String(first) : `${first}-${first + count - 1}`
}
