/**
 * Short, stable hashes for names the kernel limits to 15 bytes.
 *
 * Stable means: the same on every host and in every version, because bridge and
 * veth names of a running host are found again by it. Not a secret and not a
 * proof: 5 digits collide, so who depends on uniqueness asks the kernel first.
 *
 * @module
 */

import { createHash } from 'node:crypto'

/** SHA-512 in hex: what the CNI reference plugins cut their chain names from. */
export function sha512Hex(text: string): string {
  return createHash('sha512').update(text).digest('hex')
}

/**
 * The first `digits` hex digits of SHA-256 over `parts`. Parts are kept apart
 * (a NUL between them), so `['ab', 'c']` and `['a', 'bc']` differ.
 *
 * @param digits 1 to 64
 */
export function shortHash(parts: readonly string[], digits: number): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, digits)
}
