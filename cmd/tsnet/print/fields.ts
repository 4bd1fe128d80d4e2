/**
 * Labelled lines, one block per thing: what `setup` shows of a container.
 *
 * @module
 */

import type { Palette } from './paint.ts'

/** A label and its values, one line each; without values the label is left out. */
export type Field = readonly [label: string, values: readonly string[]]

const labelWidth = 12

export function renderFields(fields: readonly Field[], palette: Palette): string {
  return fields
    .flatMap(([label, values]) =>
      values.map((value, at) => `${palette.dim((at === 0 ? label : '').padEnd(labelWidth))}${value}\n`),
    )
    .join('')
}
