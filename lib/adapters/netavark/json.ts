/**
 * JSON with the place of every value, because netavark's errors name line and
 * column of what is wrong, as serde_json counts them: characters read so far,
 * and one more behind a number, whose end is only seen by what follows.
 *
 * @see https://docs.rs/serde_json/latest/serde_json/struct.Error.html
 * @module
 */

import { NetavarkError } from './errors.ts'

/** A value and how far the text had been read when it was whole. */
export type Node =
  | { readonly kind: 'null' | 'boolean' | 'number' | 'string'; readonly value: unknown; readonly end: number }
  | { readonly kind: 'array'; readonly items: readonly Node[]; readonly end: number }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Node>; readonly end: number }

export interface Document {
  readonly root: Node
  /** The error that says so, with the place it was found at. */
  fault(text: string, at: number): NetavarkError
}

/** Deeper is refused, as serde_json does. */
const DEEPEST = 128
const SPACE = /[ \n\t\r]/

/** @throws NetavarkError in serde_json's words */
export function parseDocument(text: string): Document {
  const fault = (what: string, at: number): NetavarkError =>
    new NetavarkError(`IO error: ${what} at ${placeOf(text, at)}`)
  let at = 0
  const skip = (): void => {
    while (at < text.length && SPACE.test(text[at] as string)) at++
  }
  const ended = (what: string): NetavarkError => fault(`EOF while parsing ${what}`, text.length)

  const parseText = (): string => {
    const start = at++
    for (; at < text.length; at++) {
      const sign = text[at] as string
      if (sign === '\\') at++
      else if (sign === '"') {
        at++
        try {
          return JSON.parse(text.slice(start, at)) as string
        } catch {
          throw fault('invalid escape', at)
        }
      } else if (sign < ' ') {
        throw fault('control character (\\u0000-\\u001F) found while parsing a string', at + 1)
      }
    }
    throw ended('a string')
  }

  const parseWord = (): Node => {
    const word = ['true', 'false', 'null'].find((one) => one[0] === text[at])
    if (word === undefined) throw fault('expected value', at + 1)
    for (let i = 1; i < word.length; i++) {
      if (at + i >= text.length) throw ended('a value')
      if (text[at + i] !== word[i]) throw fault('expected ident', at + i + 1)
    }
    at += word.length
    const value = word === 'null' ? null : word === 'true'
    return { kind: value === null ? 'null' : 'boolean', value, end: at }
  }

  const parseNumber = (): Node => {
    const digits = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/.exec(text.slice(at))?.[0]
    if (digits === undefined) throw fault('invalid number', at + 1)
    at += digits.length
    return { kind: 'number', value: Number(digits), end: Math.min(at + 1, text.length) }
  }

  const parseArray = (depth: number): Node => {
    at++
    const items: Node[] = []
    for (;;) {
      skip()
      if (at >= text.length) throw ended('a list')
      if (text[at] === ']') return { kind: 'array', items, end: ++at }
      if (items.length > 0) {
        if (text[at++] !== ',') throw fault('expected `,` or `]`', at)
        skip()
        if (text[at] === ']') throw fault('trailing comma', at + 1)
      }
      items.push(parseValue(depth + 1))
    }
  }

  const parseObject = (depth: number): Node => {
    at++
    const fields = new Map<string, Node>()
    for (;;) {
      skip()
      if (at >= text.length) throw ended('an object')
      if (text[at] === '}') return { kind: 'object', fields, end: ++at }
      if (fields.size > 0) {
        if (text[at++] !== ',') throw fault('expected `,` or `}`', at)
        skip()
        if (text[at] === '}') throw fault('trailing comma', at + 1)
      }
      if (at >= text.length) throw ended('an object')
      if (text[at] !== '"') throw fault('key must be a string', at + 1)
      const key = parseText()
      skip()
      if (at >= text.length) throw ended('an object')
      if (text[at++] !== ':') throw fault('expected `:`', at)
      fields.set(key, parseValue(depth + 1))
    }
  }

  const parseValue = (depth: number): Node => {
    if (depth > DEEPEST) throw fault('recursion limit exceeded', at)
    skip()
    const sign = text[at]
    if (sign === undefined) throw ended('a value')
    if (sign === '{') return parseObject(depth)
    if (sign === '[') return parseArray(depth)
    if (sign === '"') {
      const value = parseText()
      return { kind: 'string', value, end: at }
    }
    return sign === '-' || /\d/.test(sign) ? parseNumber() : parseWord()
  }

  const root = parseValue(0)
  skip()
  if (at < text.length) throw fault('trailing characters', at + 1)
  return { root, fault }
}

/** Lines from 1; columns count what was read of the line, so 0 right behind its beginning. */
function placeOf(text: string, at: number): string {
  const lines = text.slice(0, at).split('\n')
  return `line ${lines.length} column ${(lines.at(-1) as string).length}`
}
