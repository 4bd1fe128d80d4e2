/**
 * `--link OTHER[:ALIAS]`: another container under a name of this one's choice.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { LinkRequest } from '../attachment.ts'
import { readContainerName, readHostname } from './scalar.ts'

/** @throws TSNET_BAD_VALUE (invalid) */
export function parseLink(text: string, field = '--link'): LinkRequest {
  const [container = '', alias = container, ...rest] = text.split(':')
  if (rest.length === 0) {
    return { container: readContainerName(container, field), alias: readHostname(alias, field) }
  }
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: text,
    message: `reading ${field}: "${text}" has more than a container and an alias`,
    hint: 'write OTHER or OTHER:ALIAS, once for each link',
  })
}
