/**
 * Published ports as people read them.
 *
 * @module
 */

import type { Attachment, PortBinding } from '../../../lib/index.ts'

/** `80/tcp -> 0.0.0.0:8080`, a line for each family it is open in. */
export function portLines(attachment: Attachment): string[] {
  return openings(attachment).map(({ binding, at }) => `${containerPort(binding)} -> ${at}`)
}

/** `0.0.0.0:8080`, for who knows the container's port. */
export function hostLines(attachment: Attachment): string[] {
  return openings(attachment).map(({ at }) => at)
}

/** `0.0.0.0:8080 -> 80/tcp`, the other way round: as a packet goes. */
export function publishedLines(attachment: Attachment): string[] {
  return openings(attachment).map(({ binding, at }) => `${at} -> ${containerPort(binding)}`)
}

/** `8080->80/tcp` for a column; an address only where it is not every one. */
export function shortPort(binding: PortBinding): string {
  const host = binding.hostAddress === undefined ? '' : `${bracketed(binding.hostAddress)}:`
  return `${host}${hostPort(binding)}->${containerPort(binding)}`
}

/** Address and port for each family a binding is open in: of the host, or of the container where it is routed. */
function openings(attachment: Attachment): { readonly binding: PortBinding; readonly at: string }[] {
  const { addresses, ports, routed = [] } = attachment
  return ports.flatMap((binding) =>
    ([4, 6] as const).flatMap((family) => {
      const isOfFamily = (address: string): boolean => address.includes(':') === (family === 6)
      const own = addresses.find(isOfFamily)
      const { hostAddress, containerPort: first, count } = binding
      if (hostAddress === undefined ? own === undefined : !isOfFamily(hostAddress)) return []
      if (routed.includes(family))
        return own === undefined
          ? []
          : [{ binding, at: `${bracketed(withoutLength(own))}:${range(first, count)}` }]
      const host = hostAddress ?? (family === 4 ? '0.0.0.0' : '::')
      return [{ binding, at: `${bracketed(host)}:${hostPort(binding)}` }]
    }),
  )
}

const withoutLength = (cidr: string): string => cidr.replace(/\/.*/, '')

const hostPort = ({ hostPort: first, count }: PortBinding): string => range(first, count)
const containerPort = ({ containerPort: first, count, protocol }: PortBinding): string =>
  `${range(first, count)}/${protocol}`
const range = (first: number, count: number): string =>
  count === 1 ? `${first}` : `${first}-${first + count - 1}`
const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address)
