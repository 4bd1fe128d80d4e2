/**
 * Published ports as people read them.
 *
 * @module
 */

import type { Attachment, PortBinding } from '../../../lib/index.ts'

/** Of an attachment, or of a container's end on a network. */
type Opened = Pick<Attachment, 'addresses' | 'ports' | 'routed'>

/** `80/tcp -> 0.0.0.0:8080`, a line for each family it is open in. */
export function portLines(attachment: Opened): string[] {
  return openings(attachment).map(({ binding, at }) => `${containerPort(binding)} -> ${at}`)
}

/** `0.0.0.0:8080`, for who knows the container's port. */
export function hostLines(attachment: Opened): string[] {
  return openings(attachment).map(({ at }) => at)
}

/** `0.0.0.0:8080 -> 80/tcp`, the other way round: as a packet goes. */
export function publishedLines(attachment: Opened): string[] {
  return openings(attachment).map(({ binding, at }) => `${at} -> ${containerPort(binding)}`)
}

/** `8080->80/tcp` for a column; an address only where it is not every one of the host. */
export function shortPorts(attachment: Opened): string[] {
  const all = openings(attachment).map(({ binding, isRouted, at }) => {
    const isEverywhere = binding.hostAddress === undefined && !isRouted
    return `${isEverywhere ? hostPort(binding) : at}->${containerPort(binding)}`
  })
  return [...new Set(all)]
}

interface Opening {
  readonly binding: PortBinding
  readonly isRouted: boolean
  readonly at: string
}

/** Address and port for each family a binding is open in: of the host, or of the container where it is routed. */
function openings(attachment: Opened): Opening[] {
  const { addresses, ports, routed = [] } = attachment
  return ports.flatMap((binding) =>
    ([4, 6] as const).flatMap((family): Opening[] => {
      const isOfFamily = (address: string): boolean => address.includes(':') === (family === 6)
      const own = addresses.find(isOfFamily)
      const { hostAddress, containerPort: first, count } = binding
      if (hostAddress === undefined ? own === undefined : !isOfFamily(hostAddress)) return []
      if (routed.includes(family))
        return own === undefined
          ? []
          : [{ binding, isRouted: true, at: `${bracketed(withoutLength(own))}:${range(first, count)}` }]
      const host = hostAddress ?? (family === 4 ? '0.0.0.0' : '::')
      return [{ binding, isRouted: false, at: `${bracketed(host)}:${hostPort(binding)}` }]
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
