/**
 * `--expose PORT[-END][/PROTO]`: ports the image declares, published by `-P`.
 *
 * @module
 */

import type { SetupRequest } from '../attachment.ts'
import { parseRange, splitProtocol } from './publish.ts'

export type ExposedPort = SetupRequest['expose'][number]

/** @throws TSNET_BAD_VALUE (invalid) */
export function parseExpose(text: string, field = '--expose'): ExposedPort {
  const [ports, protocol] = splitProtocol(text, field)
  const { first, count } = parseRange(ports, { text, field })
  return { port: first, count, protocol }
}
