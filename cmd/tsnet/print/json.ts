/**
 * What `--json` prints: one document, or one a line.
 *
 * @module
 */

import type { Documents, Lines } from '../documents.ts'
import type { Output } from '../io.ts'

export function writeJson<C extends keyof Documents>(
  output: Output,
  _command: C,
  document: Documents[C],
): void {
  output.write(`${JSON.stringify(document, null, 2)}\n`)
}

export function jsonLine<C extends keyof Lines>(_command: C, document: Lines[C]): string {
  return JSON.stringify(document)
}
