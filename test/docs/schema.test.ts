/**
 * What `--json` has promised to programs stays so: test/golden/schema.json is the promise, the types in
 * cmd/tsnet/documents.ts are what is kept. New members are welcome; they are promised with
 * `node .config/schemas.mjs > test/golden/schema.json`.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { families } from '../../cmd/tsnet/commands.ts'
import { schemaOf } from '../../cmd/tsnet/schema.ts'

interface Schema {
  readonly type?: string
  readonly $ref?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly additionalProperties?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly lines?: Readonly<Record<string, Schema>>
}

const promisePath = new URL('../golden/schema.json', import.meta.url)
const text = execFileSync(process.execPath, ['.config/schemas.mjs'], { encoding: 'utf8', timeout: 180_000 })
const kept = JSON.parse(text) as Schema

/** Where `now` is not what `then` has promised. */
function broken(then: Schema, now: Schema, at: string): string[] {
  const lost = (what: string): string[] => [`${at}: ${what}`]
  if (then.$ref !== undefined) return then.$ref === now.$ref ? [] : lost(`is ${then.$ref} no longer`)
  if (then.type !== now.type) return lost(`was ${then.type}, is ${now.type}`)
  const values = [...(then.enum ?? []), ...('const' in then ? [then.const] : [])]
  const known = [...(now.enum ?? []), ...('const' in now ? [now.const] : [])]
  return [
    ...values.filter((value) => !known.includes(value)).flatMap((value) => lost(`is never ${String(value)}`)),
    ...(then.anyOf ?? [])
      .filter((one) => !(now.anyOf ?? [now]).some((other) => broken(one, other, '').length === 0))
      .flatMap((one) => lost(`is never ${JSON.stringify(one)}`)),
    ...(then.required ?? [])
      .filter((name) => now.required?.includes(name) !== true)
      .flatMap((name) => lost(`${name} may be absent`)),
    ...(['properties', '$defs', 'lines'] as const).flatMap((group) =>
      Object.entries(then[group] ?? {}).flatMap(([name, part]) => {
        const still = now[group]?.[name]
        return still === undefined ? lost(`${name} is gone`) : broken(part, still, `${at}.${name}`)
      }),
    ),
    ...(['items', 'additionalProperties'] as const).flatMap((of) => {
      const part = then[of]
      return part === undefined ? [] : broken(part, now[of] ?? {}, `${at}[]`)
    }),
  ]
}

it('keeps every member that was promised, with its type and its presence', () => {
  const promised = JSON.parse(readFileSync(promisePath, 'utf8')) as Schema
  expect(broken(promised, kept, 'tsnet')).toEqual([])
})

it.each([
  ['a member that goes', { properties: {}, required: ['pid'] }, 'Change: file is gone'],
  ['a member that may be absent now', { required: [] }, 'Change: done may be absent'],
  ['a member of another type', { properties: { file: { type: 'number' } } }, 'was string, is number'],
])('would notice %s', (_, change, said) => {
  const { Change } = kept.$defs ?? {}
  expect(broken(Change ?? {}, { ...Change, ...change }, 'Change').join('\n')).toContain(said)
})

it('describes commands that there are, and leaves out those that print nothing or what others say', () => {
  const names = families.flatMap(({ commands }) => commands.map(({ path }) => path.join(' ')))
  const described = [...Object.keys(kept.properties ?? {}), ...Object.keys(kept.lines ?? {})]
  expect(described.filter((name) => name !== 'error' && !names.includes(name))).toEqual([])
  expect(names.filter((name) => !described.includes(name)).sort()).toEqual([
    'cni check',
    'cni del',
    'cni status',
    'curl',
    'daemon metrics',
    'daemon run',
    'dig',
    'exec',
    'nsenter',
    'ping',
    'sh',
  ])
})

it('gives each command a schema that stands alone', () => {
  const trace = schemaOf('trace', kept) as Schema
  expect(trace).toMatchObject({ title: 'tsnet trace --json', $ref: '#/$defs/TraceReport' })
  expect(Object.keys(trace.$defs ?? {}).sort()).toEqual([
    'Address',
    'TraceHop',
    'TraceReason',
    'TraceReport',
    'TraceStage',
    'TraceStop',
    'TraceTarget',
  ])
  expect(schemaOf('events', kept)).toMatchObject({ title: 'tsnet events --json, one line of it' })
  expect(schemaOf('exec', kept)).toBeUndefined()
})
