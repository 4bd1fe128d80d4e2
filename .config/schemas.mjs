/**
 * Prints the JSON Schema (2020-12) of every `--json` document, made from the types in cmd/tsnet/documents.ts: the
 * compiler holds the commands to those types, so the schema cannot say anything else. The build puts it into
 * dist/schema.json; test/golden/schema.json is what has been promised (test/docs/schema.test.ts).
 *
 * Objects stay open (`additionalProperties` is not set): members may be added later. Descriptions are the doc comments.
 *
 * @module
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'cmd/tsnet/documents.ts')

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
const program = ts.createProgram([source], { ...options, noEmit: true })
const checker = program.getTypeChecker()
/** By name: the schema, and the symbol that has the name. */
const named = new Map()

const roots = ['Documents', 'Lines'].map((name) => membersOf(typeOf(name)))
const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'tsnet --json',
  description:
    'What each command of tsnet prints with --json. Members are added, never renamed, moved or given another ' +
    'meaning; a member that is not known is left out. Of the commands under `lines` each line is a document.',
  type: 'object',
  properties: roots[0],
  lines: roots[1],
  $defs: Object.fromEntries(
    [...named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { schema }]) => [name, schema]),
  ),
}
process.stdout.write(`${JSON.stringify(schema, null, 1)}\n`)

function typeOf(name) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(source))
  const symbol = checker.getExportsOfModule(module).find((one) => one.name === name)
  return checker.getDeclaredTypeOfSymbol(symbol)
}

/** By name where it has one that is ours, so that it stands in the schema once. */
function schemaOf(type) {
  const symbol = type.aliasSymbol ?? type.getSymbol()
  if (symbol === undefined || !isOurs(symbol) || symbol.name.startsWith('__')) return shapeOf(type)
  const known = named.get(symbol.name)
  if (known !== undefined && known.symbol !== symbol)
    throw new Error(`${symbol.name} is the name of two types`)
  if (known === undefined) {
    const entry = { symbol, schema: {} }
    named.set(symbol.name, entry)
    entry.schema = { ...descriptionOf(symbol), ...shapeOf(type) }
  }
  return { $ref: `#/$defs/${symbol.name}` }
}

function isOurs({ declarations = [] }) {
  const files = declarations.map((declaration) => declaration.getSourceFile().fileName)
  return files.length > 0 && files.every((file) => file.startsWith(root) && !file.includes('/node_modules/'))
}

function shapeOf(type) {
  if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {}
  if (type.isUnion()) return unionOf(type.types)
  if (type.flags & ts.TypeFlags.Null) return { type: 'null' }
  if (type.flags & ts.TypeFlags.BooleanLiteral) return { const: type.intrinsicName === 'true' }
  if (type.isStringLiteral()) return { const: type.value }
  if (type.isNumberLiteral()) return { const: type.value }
  if (type.flags & ts.TypeFlags.StringLike) return { type: 'string' }
  if (type.flags & ts.TypeFlags.NumberLike) return { type: 'number' }
  // A brand: string & { … }.
  if (type.isIntersection()) {
    const plain = type.types.find((one) => one.flags & ts.TypeFlags.StringLike)
    if (plain !== undefined) return shapeOf(plain)
  }
  if (checker.isTupleType(type)) {
    const items = checker.getTypeArguments(type).map(schemaOf)
    const kinds = [...new Map(items.map((item) => [JSON.stringify(item), item])).values()]
    const [first] = kinds
    const { length } = items
    return {
      type: 'array',
      items: kinds.length === 1 ? first : { anyOf: kinds },
      minItems: length,
      maxItems: length,
    }
  }
  if (checker.isArrayType(type)) {
    const [item] = checker.getTypeArguments(type)
    return { type: 'array', items: schemaOf(item) }
  }
  return objectOf(type)
}

function unionOf(types) {
  const shapes = types.filter((one) => !(one.flags & ts.TypeFlags.Undefined)).map(schemaOf)
  // Sorted: the compiler's order changes with whatever else it has read.
  const values = shapes
    .filter((shape) => 'const' in shape)
    .map((shape) => shape.const)
    .sort()
  const others = shapes.filter((shape) => !('const' in shape)).sort(byText)
  const bothBooleans = values.includes(true) && values.includes(false)
  const rest = bothBooleans ? values.filter((value) => typeof value !== 'boolean') : values
  const all = [
    ...(rest.length === 1 ? [{ const: rest[0] }] : rest.length === 0 ? [] : [{ enum: rest }]),
    ...(bothBooleans ? [{ type: 'boolean' }] : []),
    ...others,
  ]
  return all.length === 1 ? all[0] : { anyOf: all }
}

function byText(a, b) {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}

function objectOf(type) {
  const properties = membersOf(type)
  const required = checker
    .getPropertiesOfType(type)
    .filter((member) => !mayBeAbsent(member))
    .map(({ name }) => name)
  const index = checker.getIndexInfoOfType(type, ts.IndexKind.String)
  return {
    type: 'object',
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    ...(required.length === 0 ? {} : { required }),
    ...(index === undefined ? {} : { additionalProperties: schemaOf(index.type) }),
  }
}

function membersOf(type) {
  return Object.fromEntries(
    checker.getPropertiesOfType(type).map((member) => {
      const shape = schemaOf(checker.getTypeOfSymbol(member))
      return [member.name, { ...descriptionOf(member), ...shape }]
    }),
  )
}

/** `x?: …`, and `x: … | undefined`, which JSON leaves out. */
function mayBeAbsent(member) {
  const type = checker.getTypeOfSymbol(member)
  const undefinable = type.isUnion() && type.types.some((one) => one.flags & ts.TypeFlags.Undefined)
  return (member.flags & ts.SymbolFlags.Optional) !== 0 || undefinable
}

function descriptionOf(symbol) {
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s+/g, ' ').trim()
  return text === '' ? {} : { description: text }
}
