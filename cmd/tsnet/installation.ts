/**
 * Where this installation of tsnet lies.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * A file or folder of the built installation we belong to: a bundle lies in dist/bin/parts, sources in cmd/tsnet.
 *
 * @param path such as `dist/cni`
 * @returns where it would be below / when it is nowhere
 */
export function installed(path: string): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(`${folder}/${path}`) && folder !== '/') folder = dirname(folder)
  return `${folder}/${path}`
}
