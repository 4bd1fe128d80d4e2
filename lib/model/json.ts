/**
 * JSON text to a value, with errors a person can find: line, column and path.
 *
 * JSON.parse decides what is JSON. Its errors say a position at best (V8 leaves
 * it out for some), so only a refused text is walked again, here, to the place
 * where it goes wrong.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8259
 * @module
 */

import { fail } from '../errors/codes.ts'
import { fieldPath } from './decode.ts'

/**
 * @param what names the document in the error: `--config request.json`
 * @throws TSNET_BAD_JSON (invalid)
 */
export function parseJson(text: string, what: string): unknown {
  try {
    // A byte order mark, as editors on Windows write it.
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    const { at, path, reason } = locate(text.replace(/^\uFEFF/, ''))
    const before = text.slice(0, at).split('\n')
    const place = `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`
    throw fail('TSNET_BAD_JSON', {
      ...(path === '' ? {} : { field: path }),
      message: `reading ${what}: ${place}${path === '' ? '' : ` in ${path}`}: ${reason}`,
      hint: text.trim() === '' ? 'give a JSON document' : 'mend the JSON there; "jq . FILE" checks it',
      cause,
    })
  }
}

interface Fault {
  /** Index of the first character that is wrong. */
  readonly at: number
  readonly path: string
  readonly reason: string
}

/** Deeper documents are nobody's request; the walk is recursive. */
const MAX_DEPTH = 200

/** Walks text that JSON.parse has refused. */
function locate(text: string): Fault {
  const walk = new Walk(text)
  try {
    walk.value('', 0)
    walk.end()
  } catch (stop) {
    if (stop instanceof Stop) return stop.fault
    throw stop
  }
  return { at: text.length, path: '', reason: 'this is no JSON' }
}

/** Ends the walk; never leaves this file. */
class Stop extends Error {
  readonly fault: Fault

  constructor(fault: Fault) {
    super(fault.reason)
    this.fault = fault
  }
}

class Walk {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(path: string, depth: number): void {
    if (depth > MAX_DEPTH) this.#stop('', `nested more than ${MAX_DEPTH} deep`)
    this.#skip()
    const token = this.#text[this.#at]
    if (token === '{') this.#list('}', path, () => this.#member(path, depth))
    else if (token === '[') {
      let i = 0
      this.#list(']', path, () => this.value(`${path}[${i++}]`, depth + 1))
    } else if (token === '"') this.#string(path)
    else if (!this.#take(/(?:true|false|null)\b|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y)) {
      this.#stop(
        path,
        token === undefined ? 'it ends too early' : `a value is expected, not ${JSON.stringify(token)}`,
      )
    }
  }

  end(): void {
    this.#skip()
    if (this.#at < this.#text.length) this.#stop('', 'there is more after the end of the document')
  }

  #member(path: string, depth: number): void {
    if (this.#text[this.#at] !== '"') this.#stop(path, 'a key in double quotes is expected')
    const key = this.#string(path)
    this.#skip()
    if (!this.#take(/:/y)) this.#stop(fieldPath(path, key), `":" is expected after the key "${key}"`)
    this.value(fieldPath(path, key), depth + 1)
  }

  #list(close: string, path: string, item: () => void): void {
    this.#at++
    this.#skip()
    if (this.#text[this.#at] === close) {
      this.#at++
      return
    }
    for (;;) {
      this.#skip()
      if (this.#text[this.#at] === close) this.#stop(path, `a comma stands before "${close}"`)
      item()
      this.#skip()
      const token = this.#text[this.#at]
      if (token !== ',' && token !== close) {
        this.#stop(
          path,
          token === undefined ? `"${close}" is missing at the end` : `"," or "${close}" is expected`,
        )
      }
      this.#at++
      if (token === close) return
    }
  }

  #string(path: string): string {
    const start = this.#at
    const special = /["\\\u0000-\u001f]/g
    for (this.#at++; ; ) {
      special.lastIndex = this.#at
      const token = special.exec(this.#text)?.[0]
      this.#at = token === undefined ? this.#text.length : special.lastIndex - 1
      if (token === '"') break
      if (token !== '\\') this.#stop(path, 'a string without its closing quote')
      if (!this.#take(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y))
        this.#stop(path, 'an escape that JSON does not have')
    }
    this.#at++
    return JSON.parse(this.#text.slice(start, this.#at)) as string
  }

  #skip(): void {
    this.#take(/[ \t\r\n]*/y)
  }

  /** @returns whether `pattern` (sticky) is what comes next; it has been passed then */
  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    this.#at += match?.[0].length ?? 0
    return match !== null
  }

  #stop(path: string, reason: string): never {
    throw new Stop({ at: this.#at, path, reason })
  }
}
