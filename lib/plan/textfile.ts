/**
 * What a `file` step makes of a text, and how the text is found again.
 *
 * A step owns the whole file, or the lines between its two marks. Its writer
 * overwrites in place (kernel/system/textfile.ts says why) and can be killed within:
 * a text that begins like the new one and goes on like the old one is still
 * known as ours. Not responsible for files: texts come in, texts go out.
 *
 * @module
 */

import type { FileStep } from './step.ts'

/** First line of a file that was not there before. */
export const madeByUs = '# made by tsnet\n'

/** Undefined: there is no file, or there shall be none. */
export type FileText = string | undefined

/** The text with the step done. */
export function textWith(step: FileStep, current: FileText): string {
  if (step.mark === undefined) return step.text
  const block = blockText(step.mark, step.text)
  const found = findBlock(current ?? '', step.mark)
  if (found !== undefined) return `${found.head}${block}${found.tail}`
  const head = current ?? madeByUs
  return `${head}${head === '' || head.endsWith('\n') ? '' : '\n'}${block}`
}

/** The text without the lines between these marks: all of it, where there are none. */
export function textWithout(mark: string, current: string): string {
  const found = findBlock(current, mark)
  return found === undefined ? current : `${found.head}${found.tail}`
}

/**
 * The step as it is to be applied, with what was there before.
 *
 * @returns undefined where all is as wished already, and not by us
 */
export function withTextBefore(step: FileStep, current: FileText): FileStep | undefined {
  if (current === undefined) return step
  if (step.mark === undefined) return current === step.text ? undefined : { ...step, before: current }
  // Marked lines from before are ours too: a set-up whose record was lost.
  return { ...step, before: textWithout(step.mark, current) }
}

/** The text with the step taken back; the same text where nothing in it is ours. */
export function textTakenBack(step: FileStep, current: FileText): FileText {
  const { before, mark } = step
  if (current === undefined || current === before) return current
  const done = textWith(step, before)
  if (current === done || isTorn(current, before ?? '', done)) return before
  if (mark === undefined) return current
  const rest = textWithout(mark, current)
  // Whoever made the file may have gone before the last one in it.
  return rest === madeByUs ? undefined : rest
}

/** What the step says is in the text. */
export function textHolds(step: FileStep, current: FileText): boolean {
  if (current === undefined) return false
  if (step.mark === undefined) return current === step.text
  return findBlock(current, step.mark)?.body === blockText(step.mark, step.text)
}

/**
 * What to overwrite a text with: as long as the old one at least, so that a
 * reader in between meets blank lines and never the end of another text. It is
 * cut afterwards.
 */
export function overwriting(before: string, text: string): string {
  const short = byteLength(before) - byteLength(text)
  return short > 0 ? text + '\n'.repeat(short) : text
}

/** The writer was killed: as far as it came the new text, from there on the old one. */
function isTorn(current: string, before: string, done: string): boolean {
  const target = overwriting(before, done)
  let same = 0
  while (same < current.length && current[same] === target[same]) same++
  return current.slice(same) === before.slice(same)
}

interface Block {
  readonly head: string
  /** Marks included. */
  readonly body: string
  readonly tail: string
}

const first = (mark: string): string => `# tsnet begin ${mark}\n`
const last = (mark: string): string => `# tsnet end ${mark}\n`

/** The marked lines as they stand in the file. */
export function blockText(mark: string, text: string): string {
  return `${first(mark)}${text}${last(mark)}`
}

/** Both marks, each a line of its own; one alone has been edited by somebody, whose text it is now. */
function findBlock(text: string, mark: string): Block | undefined {
  const whole = text.endsWith('\n') ? text : `${text}\n`
  const start = lineAt(whole, first(mark), 0)
  const end = start === undefined ? undefined : lineAt(whole, last(mark), start)
  if (start === undefined || end === undefined) return undefined
  const stop = end + last(mark).length
  return { head: whole.slice(0, start), body: whole.slice(start, stop), tail: whole.slice(stop) }
}

function lineAt(text: string, line: string, from: number): number | undefined {
  for (let at = text.indexOf(line, from); at >= 0; at = text.indexOf(line, at + 1)) {
    if (at === 0 || text[at - 1] === '\n') return at
  }
  return undefined
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}
