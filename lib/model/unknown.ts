/**
 * The errors for names of containers and networks that mean nothing, or several: one sentence, and the nearest name
 * there is. One way for every command and adapter; who looks knows what there is.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import type { ErrorDetails } from '../errors/error.ts'
import { nearest } from './nearest.ts'

export interface UnknownName {
  /** As it was given. */
  readonly word: string
  /** Flag, argument or member; absent: `container` or `network`. */
  readonly field?: string
  /** What was being done, and what was not found; absent: `finding …`. */
  readonly message?: string
  /** Names there are. */
  readonly known: readonly string[]
  /** What to run where none is near, and beside the nearest. */
  readonly hint: string
}

export function noSuchContainer(name: UnknownName): Error {
  return fail('TSNET_NO_SUCH_CONTAINER', told('container', name))
}

export function noSuchNetwork(name: UnknownName): Error {
  return fail('TSNET_NO_SUCH_NETWORK', told('network', name))
}

/** @param ids of those it may mean, as they can be typed */
export function ambiguousContainer(word: string, ids: readonly string[], by: 'name' | 'prefix'): Error {
  const different = [...new Set(ids)]
  return fail('TSNET_BAD_VALUE', {
    message: `finding container ${word}: ${ids.length} ${by === 'name' ? 'have that name' : 'ids begin like that'}`,
    field: 'container',
    value: word,
    hint: `one of ${different.slice(0, 5).join(', ')}${different.length > 5 ? ', …' : ''}; or give --pid or --netns`,
  })
}

function told(
  what: 'container' | 'network',
  { word, field = what, message, known, hint }: UnknownName,
): ErrorDetails {
  const near = nearest(word, [...new Set(known)])
  return {
    message: message ?? `finding ${what} ${word}: there is none of that name`,
    field,
    value: word,
    hint: near === undefined ? hint : `${near} ${hint}`,
  }
}
