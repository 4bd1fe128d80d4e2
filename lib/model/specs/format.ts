/**
 * Ports as people read them: the way back from `publish.ts`.
 *
 * @module
 */

import { bracketed } from '../address.ts'
import type { PortBinding, PortMapping } from '../portmapping.ts'
import type { ExposedPort } from './expose.ts'

/** `0.0.0.0:8080->80/tcp`, ranges `…:8000-8009->80-89/udp`; `*` is every address of both families. */
export function formatBinding(binding: PortBinding): string {
  const { hostAddress, hostPort, containerPort, count, protocol } = binding
  const address = hostAddress === undefined ? '*' : bracketed(hostAddress)
  return `${address}:${formatRange(hostPort, count)}->${formatRange(containerPort, count)}/${protocol}`
}

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
function formatRange(first: number, count: number): string {
  return count === 1 ? String(first) : `${first}-${first + count - 1}`
}
