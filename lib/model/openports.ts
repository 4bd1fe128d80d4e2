/**
 * Where published ports are open, as people read it.
 *
 * @module
 */

import { addressOf, bracketed, familyOf } from './address.ts'
import type { Attachment } from './attachment.ts'
import type { PortBinding } from './portmapping.ts'
import { formatRange } from './specs/format.ts'

/** A published port in one family. */
export interface OpenPort {
  readonly binding: PortBinding
  /** `0.0.0.0:8080` or `[::]:8080`; of a family that is routed the container's own, `10.89.0.2:80`. */
  readonly at: string
  /** `80/tcp`, of the container. */
  readonly container: string
  /** Nothing listens on the host. */
  readonly isRouted: boolean
}

/** Of an attachment, or of a container's end on a network. */
export function openPorts({
  addresses,
  ports,
  routed = [],
}: Pick<Attachment, 'addresses' | 'ports' | 'routed'>): readonly OpenPort[] {
  return ports.flatMap((binding) => {
    const { hostAddress, containerPort, protocol, count } = binding
    const range = formatRange(containerPort, count)
    const container = `${range}/${protocol}`
    return ([4, 6] as const).flatMap((family) => {
      const own = addresses.find((address) => familyOf(address) === family)
      if (hostAddress === undefined ? own === undefined : familyOf(hostAddress) !== family) return []
      const open = { binding, container, isRouted: routed.includes(family) }
      const host = hostAddress === undefined ? anywhere[family] : bracketed(hostAddress)
      if (!open.isRouted) return [{ ...open, at: `${host}:${formatRange(binding.hostPort, count)}` }]
      return own === undefined ? [] : [{ ...open, at: `${bracketed(addressOf(own))}:${range}` }]
    })
  })
}

/** `8080->80/tcp` for a column; an address only where it is not every one of the host. */
export function shortPorts(
  attachment: Pick<Attachment, 'addresses' | 'ports' | 'routed'>,
): readonly string[] {
  const all = openPorts(attachment).map(({ binding, isRouted, at, container }) => {
    const isEverywhere = binding.hostAddress === undefined && !isRouted
    return `${isEverywhere ? formatRange(binding.hostPort, binding.count) : at}->${container}`
  })
  return [...new Set(all)]
}

const anywhere = { 4: '0.0.0.0', 6: '[::]' } as const
