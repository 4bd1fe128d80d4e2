/**
 * Makes dist/: each program as one CommonJS file, the library as modules with
 * declarations.
 *
 * One file because loading execa, commander and ip-address one by one costs a
 * short command 60 ms; CommonJS because Node starts it sooner and because an
 * executable without an extension cannot be anything else. `await import()`
 * stays lazy inside the bundle: a module's body runs at its first import.
 * netlink and koffi stay outside, they load a binary that lies beside them; Node
 * finds them from the real path of the bundle, so links to it work from anywhere.
 * Weighed and left out: V8's code cache saves 4 of 68 ms and would need a second
 * file that fits this very Node; minifying gains nothing.
 *
 * Not responsible for types: `tsc` only emits here, `npm run check` judges.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const programs = [{ entry: 'cmd/tsnet/main.ts', out: 'dist/bin/tsnet' }]
const compileLimitMs = 120_000

const started = performance.now()
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
/** `./dist/lib/x.js` of package.json -> `lib/x.ts`: what users may import is what must exist. */
const doors = Object.values(manifest.exports).map((door) =>
  door.default.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts'),
)

await demand(programs.map((program) => program.entry))
const [bundles, modules] = await Promise.all([Promise.all(programs.map(bundle)), compile()])

for (const { out, bytes } of bundles) {
  console.log(`${out}  ${Math.round(bytes / 1024)} kB in one file, netlink and koffi beside it`)
}
await demand(doors)
console.log(`dist/lib  ${modules} modules with declarations, ${doors.length} of them public doors`)
console.log(`built in ${((performance.now() - started) / 1000).toFixed(1)} s`)

/** Stops with the names of the source files that package.json or `programs` promise and nobody wrote. */
async function demand(files) {
  const there = await Promise.all(files.map((file) => exists(join(root, file))))
  const missing = files.filter((_, index) => !there[index])
  if (missing.length > 0) fail(`missing entry point: ${missing.join(', ')}`)
}

/** Bundles one program and puts it in place in one rename, so that a copy being run is never half written. */
async function bundle({ entry, out }) {
  const target = join(root, out)
  const fresh = `${target}.${process.pid}`
  await mkdir(dirname(target), { recursive: true })
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: fresh,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['netlink', 'koffi'],
    // import('koffi') becomes a lazy require: a real import() starts Node's module loader first, 18 ms here.
    supported: { 'dynamic-import': false },
    // The directive has to be repeated here: behind the banner's first statement esbuild's own would be a mere string.
    banner: {
      js: "#!/usr/bin/env node\n'use strict'\nconst __bundleUrl = require('node:url').pathToFileURL(__filename).href",
    },
    define: { 'import.meta.url': '__bundleUrl' },
    legalComments: 'eof',
    logLevel: 'warning',
  }).catch(() => fail(`esbuild could not bundle ${entry}`))
  await chmod(fresh, 0o755)
  // Without it the package's "type": "module" would hold for a file without extension too.
  await writeFile(join(dirname(target), 'package.json'), '{"type":"commonjs"}\n')
  await rename(fresh, target)
  return { out, bytes: (await stat(target)).size }
}

/** Emits dist/lib and removes what an earlier build left of files that are gone. Returns the number of modules. */
async function compile() {
  const tsc = join(root, 'node_modules/typescript/lib/tsc.js')
  await promisify(execFile)(process.execPath, [tsc, '-p', join(root, '.config/tsconfig.build.json')], {
    timeout: compileLimitMs,
  }).catch((error) => fail(`tsc could not emit lib:\n${error.stdout || error.message}`))

  const made = await filesUnder(join(root, 'dist/lib'))
  const sources = new Set(await filesUnder(join(root, 'lib')))
  const stale = made.filter((file) => !sources.has(file.replace(/(\.d\.ts|\.js)$/, '.ts')))
  await Promise.all(stale.map((file) => rm(join(root, 'dist/lib', file))))
  return (
    made.filter((file) => file.endsWith('.js')).length - stale.filter((file) => file.endsWith('.js')).length
  )
}

async function filesUnder(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.path, entry.name)))
}

async function exists(file) {
  return stat(file).then(
    () => true,
    () => false,
  )
}

function fail(reason) {
  console.error(`build: ${reason}`)
  process.exit(1)
}
