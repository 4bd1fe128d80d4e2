/**
 * A state folder as text, for comparing what is left.
 *
 * @module
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'

/** Every folder and file below `folder` with what is in it; times are left out. */
export function stateText(folder: string): string {
  return linesBelow(folder, '')
    .join('\n')
    .replaceAll(/"createdAt":"[^"]+"/g, '"createdAt":"THEN"')
}

function linesBelow(folder: string, path: string): string[] {
  return readdirSync(folder + path)
    .sort()
    .flatMap((name) => {
      const below = `${path}/${name}`
      if (statSync(folder + below).isDirectory()) return [`${below}/`, ...linesBelow(folder, below)]
      return [`${below} ${readFileSync(folder + below, 'utf8')}`]
    })
}
