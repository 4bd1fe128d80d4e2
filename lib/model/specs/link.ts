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
  const [container = '', alias = defaultAlias(container), ...rest] = text.split(':')
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

/** What the other is given as; a whole id is too long for a name, its short form is not. */
export function defaultAlias(container: string): string {
  return container.length > 63 ? container.slice(0, 12) : container
}
