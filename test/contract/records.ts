/**
 * The state folder as text, without what a daemon keeps there for itself.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Every file with its contents, sorted by path; empty where there is no folder. */
export function recordsBelow(folder: string): string {
  let names: string[]
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  } catch {
    return ''
  }
  return names
    .filter((name) => !/^tsnetd\./.test(name) && !/^(locks|boot)(\/|$)/.test(name))
    .sort()
    .map((name) => `${name}: ${textOf(`${folder}/${name}`)}\n`)
    .join('')
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // a folder, or a socket
  }
}
