/**
 * The way back: nothing that fails on it keeps the rest from happening, and nothing is kept quiet.
 *
 * @module
 */

import type { Call } from './call.ts'
import { severalErrors, textOf } from './errors.ts'

type Work = () => Promise<unknown>

/**
 * Does all of these, one after another, also after one that failed.
 *
 * @throws what failed; several as one NetavarkError
 */
export async function allOf(...works: readonly Work[]): Promise<void> {
  const errors = await failuresOf(works)
  if (errors.length > 1) throw severalErrors(errors)
  for (const error of errors) throw error
}

/** Takes back what was done before something failed: the caller is told of that, and the log of what cannot be taken back. */
export async function takeBack(call: Call, ...works: readonly Work[]): Promise<void> {
  for (const late of await failuresOf(works))
    call.log('error', 'commands::setup', `taking down again: ${textOf(late)}`)
}

async function failuresOf(works: readonly Work[]): Promise<readonly unknown[]> {
  const errors: unknown[] = []
  for (const work of works) {
    try {
      await work()
    } catch (error) {
      errors.push(error)
    }
  }
  return errors
}
