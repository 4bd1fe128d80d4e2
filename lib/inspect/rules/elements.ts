/**
 * Elements of a set or map in nft's JSON. Pure.
 *
 * @module
 */

import type { NftFields } from '../../kernel/rules/ruletext.ts'
import { valueText } from './expression.ts'

export interface Element {
  /** Parts of the key. */
  readonly key: readonly string[]
  /** Parts of what a map gives for it. */
  readonly value: readonly string[]
  readonly comment?: string
  readonly counter?: { readonly packets: number; readonly bytes: number }
}

export interface SetContent {
  readonly elements: readonly Element[]
}

export function elementsOf(fields: NftFields): SetContent {
  const listed = (fields['elem'] ?? []) as readonly unknown[]
  const isMap = fields['map'] !== undefined
  return {
    elements: listed.map((one) => {
      const [key, value] = isMap && Array.isArray(one) ? [one[0], one[1]] : [one, undefined]
      return { ...keyOf(key), value: value === undefined ? [] : partsOf(value) }
    }),
  }
}

function keyOf(one: unknown): Omit<Element, 'value'> {
  const inner = (one as { readonly elem?: NftFields } | null)?.elem
  if (inner === undefined) return { key: partsOf(one) }
  const { comment, counter } = inner as {
    readonly comment?: string
    readonly counter?: { readonly packets: number; readonly bytes: number }
  }
  return {
    key: partsOf(inner['val']),
    ...(comment === undefined ? {} : { comment }),
    ...(counter === undefined ? {} : { counter: { packets: counter.packets, bytes: counter.bytes } }),
  }
}

function partsOf(value: unknown): readonly string[] {
  // Of an object: text has a method of that name.
  const parts =
    typeof value === 'object' ? (value as { readonly concat?: readonly unknown[] } | null)?.concat : undefined
  return parts === undefined ? [valueText(value)] : parts.map(valueText)
}
