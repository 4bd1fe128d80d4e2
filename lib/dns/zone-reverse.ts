/**
 * Reverse names: what PTR records of an address are found under, and back.
 *
 * @see RFC 1035 section 3.5, RFC 3596 section 2.5
 * @module
 */

import { type Address, bytesOf, familyOf, fromBytes } from '../model/address.ts'
import { keyOf, labelsOf } from './wire.ts'

const IN_ADDR = keyOf('in-addr.arpa') as string
const IP6 = keyOf('ip6.arpa') as string

/** The name PTR records of an address are found under. */
export function reverseKey(address: Address): string {
  const bytes = [...bytesOf(address)].reverse()
  const labels =
    familyOf(address) === 4
      ? bytes.map(String)
      : bytes.flatMap((byte) => [(byte & 15).toString(16), (byte >> 4).toString(16)])
  return (
    labels.map((label) => String.fromCharCode(label.length) + label).join('') +
    (familyOf(address) === 4 ? IN_ADDR : IP6)
  )
}

/** The address a reverse name speaks of; undefined for other names and for whole prefixes. */
export function addressOfReverse(key: string): Address | undefined {
  if (key.endsWith(IN_ADDR)) {
    const labels = labelsOf(key).slice(0, -2)
    if (
      labels.length !== 4 ||
      !labels.every((label) => /^(0|[1-9]\d{0,2})$/.test(label) && Number(label) < 256)
    )
      return undefined
    return fromBytes(Uint8Array.from(labels.reverse().map(Number)))
  }
  if (!key.endsWith(IP6)) return undefined
  const labels = labelsOf(key).slice(0, -2)
  if (labels.length !== 32 || !labels.every((label) => /^[0-9a-f]$/.test(label))) return undefined
  const digits = labels.reverse().join('')
  return fromBytes(
    Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)),
  )
}
