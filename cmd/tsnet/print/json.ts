/**
 * The one JSON document of `--json`.
 *
 * @module
 */

import type { Output } from '../io.ts'

export function writeJson(output: Output, document: unknown): void {
  output.write(`${JSON.stringify(document, null, 2)}\n`)
}
