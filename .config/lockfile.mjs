/**
 * Completes package-lock.json after `npm install`: adds the optional packages
 * for other platforms that the registry at hand did not serve.
 *
 * npm 11 leaves such a package out of the lock and then refuses the lock in
 * `npm ci` ("Missing: @biomejs/cli-darwin-arm64@ from lock file"). Each parent
 * names the exact version, and the name says the platform, so the entry can be
 * written without asking. It carries no integrity hash; npm reads none of them
 * here, and a platform that does installs a development tool without that check.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const file = fileURLToPath(new URL('../package-lock.json', import.meta.url))
const lock = JSON.parse(readFileSync(file, 'utf8'))

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32']
const processors = ['arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64']

const added = []
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`
    if (Object.keys(lock.packages).some((path) => path.endsWith(place))) continue
    lock.packages[place] = entryOf(name, version, parent)
    added.push(`${name}@${version}`)
  }
}

const byPath = ([a], [b]) => a.localeCompare(b, 'en')
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(byPath))
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(added.length === 0 ? 'package-lock.json is complete' : `added ${added.join(', ')}`)

function entryOf(name, version, parent) {
  const words = name.replace(/^@[^/]+\//, '').split('-')
  const os = systems.filter((system) => words.includes(system))
  const cpu = processors.filter((processor) => words.includes(processor))
  if (os.length !== 1 || cpu.length !== 1 || !/^\d/.test(version)) {
    throw new Error(`${name}@${version}: neither in the lock nor a package for one platform`)
  }
  const musl = words.some((word) => word.startsWith('musl'))
  const libc = os[0] !== 'linux' ? {} : { libc: [musl ? 'musl' : 'glibc'] }
  return {
    version,
    cpu,
    ...(parent.dev ? { dev: true } : {}),
    ...libc,
    license: parent.license,
    optional: true,
    os,
  }
}
