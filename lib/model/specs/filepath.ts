/**
 * Paths of files on the host, as `--resolv-conf` and `--hosts` take them.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'

/** PATH_MAX of linux/limits.h, with the NUL at its end. */
const maxPathBytes = 4096

/**
 * An absolute path of a file, in its shortest spelling.
 *
 * @throws TSNET_BAD_VALUE (invalid)
 */
export function readFilePath(text: string, field: string): string {
  const fault = faultOf(text)
  if (fault === undefined) return text
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: text,
    message: `reading ${field}: ${JSON.stringify(text)} ${fault}`,
    hint: 'give the whole path of a file, such as /var/lib/box/hosts',
  })
}

function faultOf(text: string): string | undefined {
  if (!text.startsWith('/')) return 'is no absolute path'
  if (/\p{Cc}/u.test(text)) return 'has control characters'
  if (new TextEncoder().encode(text).length >= maxPathBytes) return 'is too long for a path'
  if (/\/(\.{0,2}\/|\.{0,2}$)/.test(text)) return 'is no path of a file, or has empty, "." or ".." parts'
  return undefined
}
