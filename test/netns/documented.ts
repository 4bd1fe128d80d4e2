/**
 * Whether what a command prints is what `tsnet help --schema` says, and nothing besides.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import Ajv from 'ajv'
import { schemaOf } from '../../cmd/tsnet/schema.ts'
import { repository } from '../../netns-fixtures/place.ts'

const ajv = new Ajv({ allErrors: true })
const whole: unknown = JSON.parse(readFileSync(`${repository}dist/schema.json`, 'utf8'))
const judges = new Map<string, ReturnType<typeof ajv.compile>>()

/** Every command that has a schema. */
export function documentedCommands(): readonly string[] {
  const { properties, lines } = whole as Record<'properties' | 'lines', object>
  return [...Object.keys(properties), ...Object.keys(lines)].sort()
}

/** @returns one line for each place where the document is not what is promised; members nobody promised are such places too */
export function undocumented(command: string, document: unknown): readonly string[] {
  const judge = judges.get(command) ?? ajv.compile(closed(schemaOf(command, whole)) as object)
  judges.set(command, judge)
  judge(document)
  return (judge.errors ?? []).map(
    ({ dataPath, message, params }) => `${command}${dataPath}: ${message} ${JSON.stringify(params)}`,
  )
}

/** Without room for members that are not named, and without the edition, which this ajv does not know by name. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const { $schema, ...members } = Object.fromEntries(
    Object.entries(schema).map(([name, part]) => [name, closed(part)]),
  )
  return 'properties' in members && !('additionalProperties' in members)
    ? { ...members, additionalProperties: false }
    : members
}
