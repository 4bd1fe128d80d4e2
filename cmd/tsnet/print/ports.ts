/**
 * Published ports as people read them.
 *
 * @module
 */

import type { Attachment, PortBinding } from '../../../lib/index.ts'

/** `80/tcp -> 0.0.0.0:8080`, a line for each family it is open in. */
export function portLines(attachment: Attachment): string[] {
  return attachment.ports.flatMap((binding) =>
    hostAddresses(binding, attachment).map(
      (host) => `${containerPort(binding)} -> ${host}:${hostPort(binding)}`,
    ),
  )
}

/** `0.0.0.0:8080`, for who knows the container's port. */
export function hostLines(attachment: Attachment): string[] {
  return attachment.ports.flatMap((binding) =>
    hostAddresses(binding, attachment).map((host) => `${host}:${hostPort(binding)}`),
  )
}

/** `0.0.0.0:8080 -> 80/tcp`, the other way round: as a packet goes. */
export function publishedLines(attachment: Attachment): string[] {
  return attachment.ports.flatMap((binding) =>
    hostAddresses(binding, attachment).map(
      (host) => `${host}:${hostPort(binding)} -> ${containerPort(binding)}`,
    ),
  )
}

/** `8080->80/tcp` for a column; an address only where it is not every one. */
export function shortPort(binding: PortBinding): string {
  const host = binding.hostAddress === undefined ? '' : `${bracketed(binding.hostAddress)}:`
  return `${host}${hostPort(binding)}->${containerPort(binding)}`
}

function hostAddresses(binding: PortBinding, attachment: Attachment): string[] {
  if (binding.hostAddress !== undefined) return [bracketed(binding.hostAddress)]
  const six = attachment.addresses.some((address) => address.includes(':'))
  const four = attachment.addresses.some((address) => !address.includes(':'))
  return [...(four ? ['0.0.0.0'] : []), ...(six ? ['[::]'] : [])]
}

const hostPort = ({ hostPort: first, count }: PortBinding): string => range(first, count)
const containerPort = ({ containerPort: first, count, protocol }: PortBinding): string =>
  `${range(first, count)}/${protocol}`
const range = (first: number, count: number): string =>
  count === 1 ? `${first}` : `${first}-${first + count - 1}`
const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address)
