/**
 * `--add-host NAME:IP`, also `NAME=IP` (Docker since 24) and `NAME:host-gateway`.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { HostEntry } from '../attachment.ts'
import { readAddress, readHostname } from './scalar.ts'

/** @throws TSNET_BAD_VALUE (invalid) */
export function parseAddHost(text: string, field = '--add-host'): HostEntry {
  const at = text.search(/[:=]/)
  if (at < 0) {
    const message = `reading ${field}: "${text}" has a name and no address`
    throw fail('TSNET_BAD_VALUE', {
      field,
      value: text,
      message,
      hint: 'write NAME:IP, or NAME:host-gateway',
    })
  }
  const name = readHostname(text.slice(0, at), field)
  const target = text.slice(at + 1).replace(/^\[(.*)\]$/, '$1')
  return { name, address: target === 'host-gateway' ? target : readAddress(target, field) }
}
