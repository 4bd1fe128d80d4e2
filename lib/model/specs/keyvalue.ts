/**
 * `KEY=VALUE` flags: --label, --sysctl, -o, --aux-address.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'

/**
 * Repeated `KEY=VALUE` as one record; a key given twice keeps its last value,
 * as with Docker's labels.
 *
 * @param options.bare what `KEY` alone means: an empty value, or a mistake
 * @throws TSNET_BAD_VALUE (invalid)
 */
export function parseKeyValues(
  texts: readonly string[],
  options: { readonly field: string; readonly bare: 'empty' | 'refuse' },
): Record<string, string> {
  // fromEntries defines properties, so a key like __proto__ is only a key.
  return Object.fromEntries(texts.map((text) => parseKeyValue(text, options)))
}

function parseKeyValue(
  text: string,
  options: { readonly field: string; readonly bare: 'empty' | 'refuse' },
): readonly [string, string] {
  const { field, bare } = options
  const at = text.indexOf('=')
  const key = at < 0 ? text : text.slice(0, at)
  if (key !== '' && (at > 0 || bare === 'empty')) return [key, at < 0 ? '' : text.slice(at + 1)]
  const cause = key === '' ? 'has no key' : 'has no value'
  const message = `reading ${field}: "${text}" ${cause}`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint: 'write KEY=VALUE' })
}
