/**
 * Ports as people read them: the way back from `publish.ts`.
 *
 * @module
 */

import { addressOf, bracketed, familyOf } from '../address.ts'
import type { Attachment } from '../attachment.ts'
import type { PortMapping } from '../portmapping.ts'
import type { ExposedPort } from './expose.ts'

/**
 * `8080->80/tcp` for each that is published, an address only where it is not every one. Of a routed family nothing
 * listens on the host: `10.89.0.2:80->80/tcp` is open at the container.
 */
export function shortPorts({
  ports,
  addresses,
  routed = [],
}: Pick<Attachment, 'ports' | 'addresses' | 'routed'>): readonly string[] {
  return ports.flatMap(({ hostAddress, hostPort, containerPort, count, protocol }) => {
    const end = `${formatRange(containerPort, count)}/${protocol}`
    const families = [...new Set((hostAddress === undefined ? addresses : [hostAddress]).map(familyOf))]
    const own = families
      .filter((family) => routed.includes(family))
      .flatMap((family) => addresses.find((address) => familyOf(address) === family) ?? [])
      .map((address) => `${bracketed(addressOf(address))}:${formatRange(containerPort, count)}->${end}`)
    const at = hostAddress === undefined ? '' : `${bracketed(hostAddress)}:`
    const isOnHost = families.length === 0 || families.some((family) => !routed.includes(family))
    return [...(isOnHost ? [`${at}${formatRange(hostPort, count)}->${end}`] : []), ...own]
  })
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
