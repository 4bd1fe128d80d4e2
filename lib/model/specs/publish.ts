/**
 * `-p/--publish [HOSTIP:][HOSTPORT[-END]:]PORT[-END][/tcp|udp|sctp]`.
 *
 * Reads the text only: whether the host port is free is decided under the lock
 * (engine), whether the mode can publish by `validate.ts`. One thing Docker
 * takes and this does not: a host range for a single container port, "any of
 * these". Leaving the host port out does that from the ephemeral range.
 *
 * @see https://docs.docker.com/engine/network/port-publishing/
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { Address } from '../address.ts'
import type { PortMapping } from '../portmapping.ts'
import { isMulticast, readAddress, readPort, readProtocol } from './scalar.ts'

/** A run of consecutive ports. */
interface PortRange {
  readonly first: number
  readonly count: number
}

/** @throws TSNET_BAD_VALUE (invalid) */
export function parsePublish(text: string, field = '--publish'): PortMapping {
  const [ports, protocol] = splitProtocol(text, field)
  const parts = splitParts(ports, text, field)
  const container = parseRange(parts.container, { text, field })
  const host = parts.host === undefined ? undefined : parseRange(parts.host, { text, field, side: 'host' })
  if (host !== undefined && host.count !== container.count) {
    throw fail('TSNET_BAD_VALUE', {
      field,
      value: text,
      message: `reading ${field}: ${count(host)} on the host for ${count(container)} of the container in "${text}"`,
      hint: 'give two ranges of the same size, or leave the host port out to have one chosen',
    })
  }
  return {
    ...(parts.address === undefined ? {} : { hostAddress: readHostAddress(parts.address, field) }),
    ...(host === undefined ? {} : { hostPort: host.first }),
    containerPort: container.first,
    count: container.count,
    protocol,
  }
}

/** What a range is part of, for its errors. */
interface Whole {
  readonly text: string
  readonly field: string
  /** A port of the host may be left out. */
  readonly side?: 'host'
}

/** `PORT` or `PORT-END`. @throws TSNET_BAD_VALUE (invalid) */
export function parseRange(range: string, whole: Whole): PortRange {
  const { field } = whole
  const [head = '', tail, more] = range.split('-')
  const first = readEnd(head, whole)
  if (tail === undefined) return { first, count: 1 }
  const last = readEnd(tail, whole)
  if (more === undefined && last >= first) return { first, count: last - first + 1 }
  const message = `reading ${field}: "${range}" is no range of ports`
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: range,
    message,
    hint: 'write FIRST-LAST, the lower port first',
  })
}

/** One end of a range; what is not there, or chosen by us where it is not there, is told of the whole. */
function readEnd(end: string, { text, field, side }: Whole): number {
  if (end !== '' && (side === undefined || Number(end) !== 0)) return readPort(end, field)
  const fault = end === '' ? `a port is missing in "${text}"` : `"${end}" is no port from 1 to 65535`
  const hint = end === '' ? 'write a number from 1 to 65535' : 'leave the host port out to have one chosen'
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: end === '' ? text : end,
    message: `reading ${field}: ${fault}`,
    hint,
  })
}

/** `80/udp` → `['80', 'udp']`; no protocol means tcp. */
export function splitProtocol(text: string, field: string): readonly [string, PortMapping['protocol']] {
  const slash = text.lastIndexOf('/')
  return slash < 0 ? [text, 'tcp'] : [text.slice(0, slash), readProtocol(text.slice(slash + 1), field)]
}

/**
 * An address of the host to publish on.
 *
 * `::1` is refused: IPv6 has no route_localnet, so the kernel cannot lead a
 * connection to ::1 out of the host (decisions 8).
 *
 * @throws TSNET_BAD_VALUE (invalid), TSNET_NOT_SUPPORTED (unsupported) for `::1`
 */
export function readHostAddress(text: string, field: string): Address {
  const address = readAddress(text, field)
  if (address === '::1') {
    throw fail('TSNET_NOT_SUPPORTED', {
      field,
      value: text,
      message: `reading ${field}: publishing on [::1]: the kernel does not forward connections to the IPv6 loopback`,
      hint: 'publish on 127.0.0.1, or on another IPv6 address of the host',
    })
  }
  if (isMulticast(address)) {
    const message = `reading ${field}: ${text} is a multicast or broadcast address`
    throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint: 'publish on an address of the host' })
  }
  return address
}

interface Parts {
  readonly address?: string
  readonly host?: string
  readonly container: string
}

/** Takes `[HOSTIP:][HOSTPORT:]PORT` apart without reading the parts. */
function splitParts(ports: string, text: string, field: string): Parts {
  const refuse: (message: string, hint: string) => never = (message, hint) => {
    throw fail('TSNET_BAD_VALUE', {
      field,
      value: text,
      message: `reading ${field}: ${message} in "${text}"`,
      hint,
    })
  }
  const bracket = /^\[([^\]]*)\]:(.*)$/.exec(ports)
  if (ports.startsWith('[') && bracket === null)
    refuse('an address in brackets without ports', 'write [fd00::1]:8080:80')
  const rest = (bracket?.[2] ?? ports).split(':')
  if (bracket === null && rest.length > 3)
    refuse('too many colons', 'write IPv6 addresses in brackets: [fd00::1]:8080:80')
  const address = bracket === null ? (rest.length === 3 ? rest[0] : undefined) : (bracket[1] ?? '')
  const [host, container] = rest.length === 3 ? rest.slice(1) : rest
  if (address === undefined) {
    if (container === undefined) return { container: host ?? '' }
    if (host === '') refuse('an empty host port', 'write the container port alone to have a host port chosen')
    if (/[.\]]/.test(host ?? ''))
      refuse('an address without a host port', 'write 127.0.0.1:8080:80, or 127.0.0.1::80 for any')
    return { host: host ?? '', container }
  }
  if (address === '') refuse('an empty host address', 'leave the address and its colon out to publish on all')
  if (container === undefined || rest.length > (bracket === null ? 3 : 2)) {
    refuse(
      'an address without HOSTPORT:PORT behind it',
      'write [fd00::1]:8080:80, or [fd00::1]::80 for any host port',
    )
  }
  return { address, ...(host === '' || host === undefined ? {} : { host }), container: container ?? '' }
}

function count(range: PortRange): string {
  return range.count === 1 ? '1 port' : `${range.count} ports`
}
