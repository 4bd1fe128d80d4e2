/**
 * A project of somebody else with the package installed from its tarball: what
 * `npm pack` puts in, and the dependencies that npm brings for it.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { promisify } from 'node:util'
import { repository } from '../../../netns-fixtures/place.ts'
import { startRegistry } from './registry.ts'

const limitMs = 120_000
/** The registry is on loopback: neither a proxy nor settings of this machine's user have a say. */
const loopback = '127.0.0.1'
const plain = {
  NO_PROXY: loopback,
  no_proxy: loopback,
  npm_config_noproxy: loopback,
  npm_config_userconfig: '/dev/null',
}
const command = promisify(execFile)

export interface InstalledProject extends Disposable {
  readonly folder: string
  /** A second installation, with dependencies of its own. */
  readonly other: string
}

/** As `npm install --ignore-scripts tsnet-….tgz` leaves it, with the types of Node that a project in TypeScript has. */
export async function installedProject(): Promise<InstalledProject> {
  const root = mkdtempSync(`${tmpdir()}/tsnet-installed-`)
  const npm = (folder: string, ...words: readonly string[]): Promise<unknown> =>
    command('npm', [...words, '--ignore-scripts', '--silent', '--no-audit', '--no-fund'], {
      cwd: folder,
      timeout: limitMs,
      env: { ...process.env, ...plain },
    })
  await npm(repository, 'pack', '--pack-destination', root)
  const tarball = `${root}/${readdirSync(root).find((name) => name.endsWith('.tgz'))}`
  await using registry = await startRegistry()
  // Whoever runs what is installed need not be root.
  chmodSync(root, 0o755)
  const [folder, other] = [`${root}/project`, `${root}/other`]
  mkdirSync(folder)
  writeFileSync(`${folder}/package.json`, '{ "name": "outside", "type": "module", "private": true }\n')
  // Not the user's cache, which may know other tarballs of the same version.
  const words = [tarball, '@types/node@20', '--registry', registry.url, '--cache', `${root}/cache`]
  await npm(folder, 'install', ...words)
  cpSync(folder, other, { recursive: true, verbatimSymlinks: true })
  return { folder, other, [Symbol.dispose]: () => rmSync(root, { recursive: true }) }
}
