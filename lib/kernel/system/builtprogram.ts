/**
 * Where the programs lie that belong to the code that runs.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail } from '../../errors/codes.ts'

/** A bundle lies in dist/bin/parts, a module of the library in dist/lib/kernel/system, its source as deep. */
const foldersUp = 4

/**
 * The built program of this name that was built with us: another installation's may be another version.
 *
 * @throws TSNET_PROGRAM_MISSING (unavailable)
 */
export function builtProgram(name: 'tsnet' | 'tsnet-dns'): string {
  const here = dirname(fileURLToPath(import.meta.url))
  let folder = here
  for (let up = 0; up <= foldersUp; up++, folder = dirname(folder)) {
    const found = [`${folder}/bin/${name}`, `${folder}/dist/bin/${name}`].find((path) => existsSync(path))
    if (found !== undefined) return found
  }
  throw fail('TSNET_PROGRAM_MISSING', {
    message: `starting ${name}: there is none where ${here} was built`,
    hint: 'npm run build, or install tsnet anew',
  })
}
