/**
 * Documents and packets that somebody has meddled with.
 *
 * Most of the damage is small, so that it is found behind the decoder and not
 * by it: a value becomes another of its kind, a member goes, one comes twice.
 *
 * @module
 */
import type { Random } from '../model/fuzz/random.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

const texts = [
  ...[
    '',
    ' ',
    'a',
    'web',
    '..',
    '../../etc/passwd',
    '/',
    '/proc/self/ns/net',
    '-rf',
    '$(id)',
    '`id`',
    ';id',
    'a\0b',
    'a\nb',
  ],
  ...[
    '10.89.0.2',
    '10.89.0.0/24',
    '10.89.0.2/33',
    '::1',
    'fe80::1%eth0',
    'fd00::/64',
    '999.1.1.1',
    '0x7f000001',
    '08',
  ],
  ...[
    'eth0',
    'eth0:1',
    'lo',
    'veth%d',
    'a'.repeat(16),
    'a'.repeat(300),
    '😀',
    '\ud800',
    'İ',
    '__proto__',
    'constructor',
  ],
  ...[
    'true',
    'strict',
    'tcp',
    '65536',
    '-1',
    '1e9',
    'null',
    '1.0.0',
    '0.4.0',
    '02:42:0a:59:00:02',
    'ff:ff:ff:ff:ff:ff',
  ],
]
const numbers = [0, 1, -1, 2, 53, 80, 255, 1500, 65_535, 65_536, 2 ** 31, 2 ** 53, 0.5, 1e300, -0]

/** The document with up to three changes, as text; now and then the text itself is hurt. */
export function damagedJson(document: unknown, random: Random): string {
  let json = JSON.parse(JSON.stringify(document)) as Json
  for (let wounds = random.below(4); wounds > 0; wounds--) json = wounded(json, random)
  const text = JSON.stringify(json)
  if (!random.oneIn(12)) return text
  const at = random.below(text.length)
  if (random.oneIn(2)) return text.slice(0, at)
  return (
    text.slice(0, at) +
    random.pick([...'{}[]",:0e\\\u0000', '"__proto__":{"polluted":1},']) +
    text.slice(at + 1)
  )
}

function wounded(json: Json, random: Random): Json {
  if (Array.isArray(json)) {
    if (json.length === 0 || random.oneIn(6))
      return [...json, ...(json.length > 0 ? [json[0] as Json] : ['a'])]
    const at = random.below(json.length)
    if (random.oneIn(6)) return json.filter((_, i) => i !== at)
    return json.map((one: Json, i) => (i === at ? wounded(one, random) : one))
  }
  if (typeof json === 'object' && json !== null) {
    const keys = Object.keys(json)
    if (keys.length === 0 || random.oneIn(12)) return { ...json, [random.pick(texts)]: leaf(random) }
    const key = random.pick(keys)
    const members = Object.entries(json as Record<string, Json>)
    if (random.oneIn(8)) return Object.fromEntries(members.filter(([name]) => name !== key))
    return Object.fromEntries(members.map(([name, one]) => [name, name === key ? wounded(one, random) : one]))
  }
  if (random.oneIn(8)) return leaf(random)
  if (typeof json === 'number') return random.oneIn(2) ? random.below(65_536) : random.pick(numbers)
  if (typeof json === 'boolean') return !json
  if (typeof json !== 'string') return leaf(random)
  return random.oneIn(3) ? random.pick(texts) : scratched(json, random)
}

function leaf(random: Random): Json {
  if (random.oneIn(40)) return nest(random.below(2000))
  return random.pick<Json>([
    null,
    true,
    random.pick(numbers),
    random.pick(texts),
    [],
    {},
    [random.pick(texts)],
  ])
}

function nest(depth: number): Json {
  let json: Json = 'deep'
  for (let i = 0; i < depth; i++) json = [json]
  return json
}

/** One character another. */
export function scratched(text: string, random: Random): string {
  if (text === '') return 'a'
  const at = random.below(text.length)
  const sign = random.oneIn(3) ? String.fromCharCode(random.below(256)) : random.pick([...'abc019./:-_%'])
  return text.slice(0, at) + sign + text.slice(at + 1)
}

const lengths = [0, 1, 3, 0xffff, 0xffffffff]

/** Up to three bytes others, a piece less, a piece more, a length a lie. */
export function damagedBytes(sound: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(sound)
  for (let wounds = random.below(4); wounds > 0 && bytes.length > 0; wounds--) {
    const at = random.below(bytes.length)
    const wound = random.below(8)
    if (wound === 0) bytes = bytes.subarray(0, at)
    else if (wound === 1) bytes = Buffer.concat([bytes, bytes.subarray(at)])
    else if (wound < 4 && at + 4 <= bytes.length) bytes.writeUInt32LE(random.pick(lengths), at)
    else bytes[at] = random.below(256)
  }
  return bytes
}
