/**
 * Whether an address is what a rule asks for: one address, a prefix, or an address and a mask of any bits, which
 * iptables knows. Pure.
 *
 * @module
 */

import { type Address, bytesOf, contains, parseAddress, parseCidr } from '../../model/address.ts'

/** @param value `10.89.0.2`, `10.89.0.0/24`, `0.0.0.2/0.0.0.31` */
export function isOf(value: string, address: Address): boolean {
  const one = parseAddress(value)
  if (one !== undefined) return one === address
  const cidr = parseCidr(value)
  if (cidr !== undefined) return contains(cidr, address)
  const [wanted, mask] = value.split('/').map((text) => parseAddress(text))
  if (wanted === undefined || mask === undefined) return false
  const [bytes, wantedBytes, bits] = [address, wanted, mask].map(bytesOf) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  if (bytes.length !== wantedBytes.length) return false
  return bytes.every((byte, at) => (byte & (bits[at] ?? 0)) === wantedBytes[at])
}
