/**
 * The part of dist/schema.json that one command needs, standing alone. The whole is made by .config/schemas.mjs from the
 * types of documents.ts.
 *
 * @module
 */

interface Whole {
  readonly $schema: string
  readonly properties: Readonly<Record<string, object>>
  /** By command: what one line of its answer is. */
  readonly lines: Readonly<Record<string, object>>
  readonly $defs: Readonly<Record<string, object>>
}

/**
 * @param command such as `network ls`, or `error`
 * @returns undefined where that prints no JSON
 */
export function schemaOf(command: string, whole: unknown): object | undefined {
  const { $schema, properties, lines, $defs } = whole as Whole
  const line = Object.hasOwn(lines, command) ? lines[command] : undefined
  const own = Object.hasOwn(properties, command) ? properties[command] : line
  if (own === undefined) return undefined
  const used = namesIn(own, $defs, new Set())
  const title =
    command === 'error'
      ? 'an error of tsnet'
      : `tsnet ${command} --json${line === undefined ? '' : ', one line of it'}`
  return {
    $schema,
    title,
    ...own,
    $defs: Object.fromEntries(Object.entries($defs).filter(([name]) => used.has(name))),
  }
}

/** Names of definitions it refers to, and those refer to. */
function namesIn(part: object, defs: Whole['$defs'], found: Set<string>): ReadonlySet<string> {
  for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/\$defs\/(\w+)"/g)) {
    if (found.has(name)) continue
    found.add(name)
    namesIn(defs[name] ?? {}, defs, found)
  }
  return found
}
