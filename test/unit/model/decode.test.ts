import { describe, expect, it } from 'vitest'
import {
  array,
  boolean,
  either,
  integer,
  literal,
  object,
  optional,
  record,
  string,
} from '../../../lib/model/decode.ts'
import { parseJson } from '../../../lib/model/json.ts'
import { nearest } from '../../../lib/model/nearest.ts'
import { faultLines, faultOf } from './fault.ts'

const shape = object({
  name: string,
  size: optional(integer({ min: 1, max: 9 })),
  kind: optional(literal('round', 'square')),
  flags: optional(record(boolean)),
  parts: optional(array(either({ string, object: object({ name: string }) }))),
})

describe('a decoder', () => {
  it('returns what is there, and leaves out what is not', () => {
    const value = {
      name: 'a',
      kind: 'round',
      flags: { x: true, __proto__x: false },
      parts: ['b', { name: 'c' }],
      size: null,
    }
    const { size, ...rest } = value
    expect(shape(value, '')).toStrictEqual(rest)
    expect(size).toBe(null)
  })

  it('takes keys of Object.prototype for what they are', () => {
    const value = parseJson('{"name":"a","flags":{"__proto__":true,"constructor":false}}', 'x')
    expect(Object.entries(shape(value, '').flags ?? {})).toEqual([
      ['__proto__', true],
      ['constructor', false],
    ])
    expect(faultOf(() => shape(parseJson('{"name":"a","__proto__":1}', 'x'), '')).field).toBe('__proto__')
    expect(faultOf(() => object({ toString: string })({}, '')).field).toBe('toString')
  })

  it('refuses the wrong shape with the path of the field', () => {
    const documents = [
      'null',
      '[]',
      '{}',
      '{"name":1}',
      '{"name":"a","size":0}',
      '{"name":"a","size":1.5}',
      '{"name":"a","size":"1"}',
      '{"name":"a","size":1e999}',
      '{"name":"a","kind":"squar"}',
      '{"name":"a","kind":7}',
      '{"name":"a","nmae":1}',
      '{"name":"a","other":1}',
      '{"name":"a","flags":{"a b":1}}',
      '{"name":"a","flags":[]}',
      '{"name":"a","parts":{}}',
      '{"name":"a","parts":["b",3]}',
      '{"name":"a","parts":["b",{"name":[]}]}',
      `{"name":{"a":"${'x'.repeat(100)}"}}`,
      `{"name":"a","kind":"${'x'.repeat(100)}"}`,
    ]
    const fields = documents.map((text) => faultOf(() => shape(JSON.parse(text), '')).field)
    expect(fields).toMatchInlineSnapshot(`
      [
        "the document",
        "the document",
        "name",
        "name",
        "size",
        "size",
        "size",
        "size",
        "kind",
        "kind",
        "nmae",
        "other",
        "flags["a b"]",
        "flags",
        "parts",
        "parts[1]",
        "parts[1].name",
        "name",
        "kind",
      ]
    `)
    expect(faultLines(documents, (text) => shape(JSON.parse(text), ''))).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_JSON reading the document: it is null, an object is needed; give an object",
        "TSNET_BAD_JSON reading the document: it is a list, an object is needed; give an object",
        "TSNET_BAD_JSON reading name: it is missing, a string is needed; give a string",
        "TSNET_BAD_JSON reading name: it is 1, a string is needed; give a string",
        "TSNET_BAD_JSON reading size: it is 0, a whole number from 1 to 9 is needed; give a whole number from 1 to 9",
        "TSNET_BAD_JSON reading size: it is 1.5, a whole number from 1 to 9 is needed; give a whole number from 1 to 9",
        "TSNET_BAD_JSON reading size: it is "1", a whole number from 1 to 9 is needed; give a whole number from 1 to 9",
        "TSNET_BAD_JSON reading size: it is Infinity, a whole number from 1 to 9 is needed; give a whole number from 1 to 9",
        "TSNET_BAD_JSON reading kind: it is "squar", one of "round", "square" is needed; did you mean "square"?",
        "TSNET_BAD_JSON reading kind: it is 7, one of "round", "square" is needed; give one of "round", "square"",
        "TSNET_BAD_JSON reading nmae: there is no such field; did you mean "name"?",
        "TSNET_BAD_JSON reading other: there is no such field; known are name, size, kind, flags, parts",
        "TSNET_BAD_JSON reading flags["a b"]: it is 1, true or false is needed; give true or false",
        "TSNET_BAD_JSON reading flags: it is a list, an object is needed; give an object",
        "TSNET_BAD_JSON reading parts: it is an object, a list is needed; give a list",
        "TSNET_BAD_JSON reading parts[1]: it is 3, a string or an object is needed; give a string or an object",
        "TSNET_BAD_JSON reading parts[1].name: it is a list, a string is needed; give a string",
        "TSNET_BAD_JSON reading name: it is an object, a string is needed; give a string",
        "TSNET_BAD_JSON reading kind: it is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…, one of "round", "square" is needed; give one of "round", "square"",
      ]
    `)
  })
})

describe('the nearest known word', () => {
  it('is offered where it is near', () => {
    const known = ['publish', 'networks', 'ip']
    expect(
      ['pubilsh', 'Network', 'ip6', 'hostname', '', 'x'.repeat(10_000)].map((word) => nearest(word, known)),
    ).toEqual([
      'did you mean "publish"?',
      'did you mean "networks"?',
      'did you mean "ip"?',
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('JSON text', () => {
  it('is read with or without a byte order mark', () => {
    expect([parseJson('\uFEFF{"a":[1]}', 'x'), parseJson(' null\n', 'x')]).toEqual([{ a: [1] }, null])
  })

  it('that is none is refused with line, column, path and reason', () => {
    const texts = [
      '',
      ' \n',
      '{',
      '{"a" 1}',
      '{"a":}',
      '{"a":1,}',
      '{"a":1 "b":2}',
      "{'a':1}",
      '{a:1}',
      '[1,2',
      '[1,,2]',
      '[1]]',
      '{"networks":[{"ip":"10.0.0.1"},\n  {"ip":tru}]}',
      '{"a":{"b c":[0,{"d":01}]}}',
      '"abc',
      '"a\nb"',
      '"a\\x"',
      '{"a":"\\u12"}',
      '// hi\n{}',
      'nul',
      '-',
      '1.',
      'NaN',
      '[1e]',
      '{"a":undefined}',
      '['.repeat(100_000),
    ]
    const lines = texts.map((text) => {
      const { code, field, message } = faultOf(() => parseJson(text, 'request.json'))
      return `${code} ${field ?? '-'} | ${message}`.slice(0, 200)
    })
    expect(lines).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_JSON - | reading request.json: line 1, column 1: it ends too early",
        "TSNET_BAD_JSON - | reading request.json: line 2, column 1: it ends too early",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 2: a key in double quotes is expected",
        "TSNET_BAD_JSON a | reading request.json: line 1, column 6 in a: ":" is expected after the key "a"",
        "TSNET_BAD_JSON a | reading request.json: line 1, column 6 in a: a value is expected, not "}"",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 8: a comma stands before "}"",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 8: "," or "}" is expected",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 2: a key in double quotes is expected",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 2: a key in double quotes is expected",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 5: "]" is missing at the end",
        "TSNET_BAD_JSON [1] | reading request.json: line 1, column 4 in [1]: a value is expected, not ","",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 4: there is more after the end of the document",
        "TSNET_BAD_JSON networks[1].ip | reading request.json: line 2, column 9 in networks[1].ip: a value is expected, not "t"",
        "TSNET_BAD_JSON a["b c"][1] | reading request.json: line 1, column 22 in a["b c"][1]: "," or "}" is expected",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 5: a string without its closing quote",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 3: a string without its closing quote",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 3: an escape that JSON does not have",
        "TSNET_BAD_JSON a | reading request.json: line 1, column 7 in a: an escape that JSON does not have",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 1: a value is expected, not "/"",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 1: a value is expected, not "n"",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 1: a value is expected, not "-"",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 2: there is more after the end of the document",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 1: a value is expected, not "N"",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 3: "," or "]" is expected",
        "TSNET_BAD_JSON a | reading request.json: line 1, column 6 in a: a value is expected, not "u"",
        "TSNET_BAD_JSON - | reading request.json: line 1, column 202: nested more than 200 deep",
      ]
    `)
  })
})
