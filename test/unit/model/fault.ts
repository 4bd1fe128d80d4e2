/**
 * What a refused input says, for whole-value comparison.
 *
 * @module
 */

import { isTsnetError } from '../../../lib/errors/codes.ts'

export interface Fault {
  readonly code: string
  readonly field: string | undefined
  readonly message: string
  readonly hint: string | undefined
}

/** @throws what is no TsnetError, and where `attempt` succeeds */
export function faultOf(attempt: () => unknown): Fault {
  let value: unknown
  try {
    value = attempt()
  } catch (error) {
    if (!isTsnetError(error)) throw error
    const { code, field, message, hint } = error
    return { code, field, message, hint }
  }
  throw new Error(`was accepted as ${JSON.stringify(value)}`)
}

/** `CODE message; hint`, one line per input. */
export function faultLines(inputs: readonly string[], parse: (text: string) => unknown): string[] {
  return inputs.map((text) => {
    const { code, message, hint } = faultOf(() => parse(text))
    return `${code} ${message}; ${hint}`
  })
}
