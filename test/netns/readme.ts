/**
 * The examples of README.md: the code block behind `<!-- example: NAME -->`.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { repository } from '../../netns-fixtures/place.ts'

const readme = readFileSync(`${repository}README.md`, 'utf8')

/** @throws Error where README.md has none of that name */
export function readmeExample(name: string): string {
  const block = new RegExp(`<!-- example: ${name} -->\\s*\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(readme)
  if (block?.[1] === undefined) throw new Error(`README.md has no example ${name}`)
  return block[1]
}
