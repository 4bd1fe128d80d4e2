/**
 * Colour, only where a person looks at it: on a terminal, unless NO_COLOR is
 * set or the terminal is dumb.
 *
 * @see https://no-color.org
 * @module
 */

import type { Io, Output } from '../io.ts'

export type Paint = (text: string) => string

export interface Palette {
  readonly bold: Paint
  readonly dim: Paint
  readonly red: Paint
  readonly green: Paint
  readonly yellow: Paint
  readonly cyan: Paint
}

const sgr =
  (on: number, off: number): Paint =>
  (text) =>
    text === '' ? '' : `\u001b[${on}m${text}\u001b[${off}m`

const colours: Palette = {
  bold: sgr(1, 22),
  dim: sgr(2, 22),
  red: sgr(31, 39),
  green: sgr(32, 39),
  yellow: sgr(33, 39),
  cyan: sgr(36, 39),
}

const asIs: Paint = (text) => text
const plain: Palette = { bold: asIs, dim: asIs, red: asIs, green: asIs, yellow: asIs, cyan: asIs }

export function paletteFor(output: Output, env: Io['env']): Palette {
  const wanted = output.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  return wanted ? colours : plain
}
