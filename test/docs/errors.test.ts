import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { asTsnetError, type ErrorCode, errorCodes, fail } from '../../lib/errors/codes.ts'
import { exitCode, exitCodes } from '../../lib/errors/exit.ts'

const readme = readFileSync(new URL('../../lib/errors/README.md', import.meta.url), 'utf8')

/** `### CODE` sections: kind and exit code as written, and whether there is a way out. */
const entries = readme
  .split(/^### /m)
  .slice(1)
  .map((section) => {
    const [, code, kind, exit] = /^(\S+)\n\n(\w+), exit (\d+)\. \S/.exec(section) ?? []
    return { code, kind, exit: Number(exit), wayOut: /^Do: \S/m.test(section) }
  })

describe('the page of errors', () => {
  it('has one entry per code of the registry, in its order, with kind, exit code and way out', () => {
    const expected = Object.entries(errorCodes).map(([code, kind]) => ({
      code,
      kind,
      exit: exitCodes[kind],
      wayOut: true,
    }))
    expect(entries).toEqual(expected)
  })

  it('has the exit code of every kind in its table', () => {
    const rows = [...readme.matchAll(/^\| (\w+) *\| (\d+) *\|/gm)].map(([, kind, exit]) => [
      kind,
      Number(exit),
    ])
    expect(Object.fromEntries(rows)).toEqual(exitCodes)
  })
})

describe('an error', () => {
  it('of every code has its kind and exit code', () => {
    for (const [code, kind] of Object.entries(errorCodes)) {
      const error = fail(code as ErrorCode, { message: 'doing X to Y: cause' })
      expect([error.code, error.kind, exitCode(error), error.retryable]).toEqual([
        code,
        kind,
        exitCodes[kind],
        kind === 'busy',
      ])
    }
  })

  it('that nobody expected is internal, and keeps its cause', () => {
    const cause = new TypeError('x is not a function')
    const { code, message, cause: kept } = asTsnetError(cause)
    expect({ code, message, kept }).toEqual({
      code: 'TSNET_INTERNAL',
      message: 'x is not a function',
      kept: cause,
    })
  })

  it('is written as JSON without its cause, with what could not be undone', () => {
    const error = fail('TSNET_PORT_IN_USE', {
      message: 'publishing 80: taken',
      field: 'publish[0]',
      value: 80,
      hint: 'x',
    })
    error.undo.push(new Error('deleting link a: busy'), 'b')
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'TSNET_PORT_IN_USE',
      kind: 'conflict',
      message: 'publishing 80: taken',
      field: 'publish[0]',
      value: 80,
      hint: 'x',
      retryable: false,
      undo: ['deleting link a: busy', 'b'],
    })
  })
})
