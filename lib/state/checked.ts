/**
 * A document that may have been damaged: what it says, or why that cannot be used.
 *
 * @module
 */

import { isUnreadable, reasonOf } from './filefaults.ts'

/** What is wrong with a document, undefined where nothing is (shapes.ts). */
export type FaultOf = (json: unknown) => string | undefined

/** Neither: there is none. */
export interface Checked<T> {
  readonly value?: T
  readonly why?: string
}

/** @throws what `read` throws of other causes than damage: no right to read, no memory */
export function checked<T>(read: () => T | undefined, fault: FaultOf): Checked<T> {
  try {
    const value = read()
    if (value === undefined) return {}
    const why = fault(value)
    return why === undefined ? { value } : { why }
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return { why: reasonOf(error) }
  }
}
