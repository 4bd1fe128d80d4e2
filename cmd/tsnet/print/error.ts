/**
 * An error for people, or as `{"error": …}` for programs; always on standard error.
 *
 * @module
 */

import type { TsnetError } from '../../../lib/index.ts'
import type { Io } from '../io.ts'
import { writeJson } from './json.ts'
import { paletteFor } from './paint.ts'

/**
 * ```
 * tsnet: reading --publish: "80800" is no port from 1 to 65535
 *   field: --publish
 *   value: 80800:80
 *   hint: write a number from 1 to 65535
 * ```
 *
 * @param show.causes also what lies beneath: the kernel's or the program's own words
 */
export function printError(
  error: TsnetError,
  io: Io,
  show: { readonly json: boolean; readonly causes: boolean },
): void {
  if (show.json) {
    writeJson(io.stderr, 'error', { error: error.toJSON() })
    return
  }
  const { bold, dim, red } = paletteFor(io.stderr, io.env)
  const details: readonly (readonly [string, string | undefined])[] = [
    ['field', error.field],
    ['value', valueText(error.value)],
    ...(show.causes ? causesOf(error).map((cause) => ['cause', cause] as const) : []),
    ...error.undo.map((left) => ['not taken back', textOf(left)] as const),
    ['hint', error.hint],
  ]
  const lines = details.flatMap(([label, text]) =>
    text === undefined ? [] : [`  ${dim(`${label}:`)} ${text}\n`],
  )
  io.stderr.write(`${red('tsnet:')} ${bold(error.message)}\n${lines.join('')}`)
}

function causesOf(error: Error): string[] {
  if (error.cause === undefined) return []
  return [textOf(error.cause), ...(error.cause instanceof Error ? causesOf(error.cause) : [])]
}

const textOf = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)

/** One line: values may be whole documents. */
function valueText(value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined
  const text =
    typeof value === 'string'
      ? JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"')
      : JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 199)}…` : text
}
