/**
 * What is told where not everything could be taken away. The rest stands in the journal, and `gc` goes on with it.
 *
 * @module
 */

import { asTsnetError, fail } from '../../errors/codes.ts'

/**
 * @param what `taking down web`
 * @param errors at least one; the first is the cause, the others follow
 */
export function notAllGone(what: string, errors: readonly unknown[]): Error {
  const [first, ...others] = errors
  const cause = asTsnetError(first)
  const error = fail('TSNET_STEP_FAILED', {
    message: `${what}: ${cause.message}`,
    hint: 'mend the cause and run "tsnet gc": it goes on where this stopped',
    cause,
  })
  error.undo.push(...others)
  return error
}
