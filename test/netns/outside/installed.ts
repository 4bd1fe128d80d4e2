/**
 * A project of somebody else with the package installed from its tarball: what
 * `npm pack` puts in, with the dependencies users get, and nothing else.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { repository } from '../../../netns-fixtures/place.ts'

const limitMs = 60_000

export interface InstalledProject extends Disposable {
  readonly folder: string
}

/** As `npm install --ignore-scripts tsnet-….tgz` leaves it, but for the registry: dependencies are those of the repository. */
export function installedProject(): InstalledProject {
  const folder = mkdtempSync(`${tmpdir()}/tsnet-installed-`)
  const packed = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]
  execFileSync('npm', packed, { cwd: repository, timeout: limitMs, stdio: 'pipe' })
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) as string
  mkdirSync(`${folder}/node_modules/tsnet`, { recursive: true })
  const unpack = [
    '-xzf',
    `${folder}/${tarball}`,
    '-C',
    `${folder}/node_modules/tsnet`,
    '--strip-components=1',
  ]
  execFileSync('tar', unpack, { timeout: limitMs })
  const manifest = JSON.parse(readFileSync(`${folder}/node_modules/tsnet/package.json`, 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  for (const name of [...Object.keys(manifest.dependencies), '@types'])
    symlinkSync(`${repository}node_modules/${name}`, `${folder}/node_modules/${name}`)
  writeFileSync(`${folder}/package.json`, '{ "name": "outside", "type": "module", "private": true }\n')
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}
