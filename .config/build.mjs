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
 * V8's code cache beside it saves 10 ms of `tsnet version` and 15 of `setup`;
 * minifying gains nothing.
 *
 * Not responsible for types: `tsc` only emits here, `npm run check` judges.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { buildLauncher, buildPlugin, isRelease } from './launcher.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** The first is what the others start, so it is there when they are tried out (code-cache.cjs). */
const programs = [
  { entry: 'cmd/tsnet-dns/main.ts', out: 'dist/bin/tsnet-dns' },
  {
    entry: 'cmd/tsnet/main.ts',
    out: 'dist/bin/tsnet',
    // cmd/tsnet/hot.ts; a word that is missing here costs time, nothing else.
    hot: ['setup', 'teardown', 'ls', 'port', 'check', 'version'],
    whole: 'cmd/tsnet/whole.ts',
  },
  { entry: 'cmd/oci-hook/main.ts', out: 'dist/bin/tsnet-hook' },
  { entry: 'plugins/main.ts', out: 'dist/bin/tsnet-cni' },
  { entry: 'cmd/netavark/main.ts', out: 'dist/bin/tsnet-podman' },
]
const compileLimitMs = 120_000
const keepPartsMs = 600_000
let written = 0

/** The part is one function expression: the launcher and the maker of the code cache must compile the same text. */
const wrapper = '(function (exports, require, module, __filename, __dirname) {'

const starter = `const { readFileSync } = require('node:fs')
const { Script } = require('node:vm')
function start(part, need) {
  const body = \`\${__dirname}/parts/\${part}\`
  let cachedData
  try {
    cachedData = readFileSync(\`\${body}.cache\`)
  } catch {
    // It only starts sooner with it.
  }
  const script = new Script(readFileSync(body, 'latin1'), { filename: body, cachedData })
  script.runInThisContext()(exports, need, module, body, __dirname)
}`

const launcher = (part) => `#!/usr/bin/env node
'use strict'
// Starts parts/${part} with the code V8 made of it when it was built (.config/code-cache.cjs).
${starter}
start('${part}', require)
`

const launcherOfTwo = (part, { whole, hot }) => `#!/usr/bin/env node
'use strict'
// Starts a part with the code V8 made of it when it was built (.config/code-cache.cjs): that of the hot verbs, which
// loads the whole for a line it cannot read, or the whole at once.
${starter}
const hot = ${JSON.stringify(hot)}
const first = process.argv.slice(2).find((word) => !word.startsWith('-'))
const need = (name) => (name === './whole' ? start('${whole}', require) : require(name))
if (hot.includes(first)) start('${part}', need)
else need('./whole')
`

/**
 * What packages of others load and we do not use of them: commander can start sub-commands as programs of their own, ours
 * are functions; dns2 can speak HTTPS and TLS, we take its packets. child_process costs a start 3 ms, the others 10.
 */
const unused = { commander: /^node:child_process$/, dns2: /^node:(https?|http2|tls)$/ }
const unusedIsNothing = {
  name: 'unused-is-nothing',
  setup({ onResolve, onLoad }) {
    for (const [name, filter] of Object.entries(unused))
      onResolve({ filter }, ({ importer }) =>
        importer.includes(`/node_modules/${name}/`) ? { path: 'nothing', namespace: 'nothing' } : undefined,
      )
    onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: 'module.exports = {}' }))
  },
}

/** A part of its own; launcherOfTwo knows where. */
const wholeIsApart = {
  name: 'whole-is-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/whole\.ts$/ }, () => ({ path: './whole', external: true }))
  },
}

const started = performance.now()
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
/** `./dist/lib/x.js` of package.json -> `lib/x.ts`: what users may import is what must exist. */
const doors = Object.values(manifest.exports).map((door) =>
  door.default.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts').replace(/^testing\//, 'netns-fixtures/'),
)

await demand(programs.flatMap(({ entry, whole = entry }) => [entry, whole]))
const [bundles, modules] = await Promise.all([bundleAll(programs), compile(), writeSchema()])

for (const { out, bytes } of bundles) {
  const sizes = bytes.map((one) => `${Math.round(one / 1024)} kB`).join(' + ')
  console.log(`${out}  ${sizes}, netlink and koffi beside it`)
}
console.log(`dist/man  ${await writeManual()} pages`)
const cni = { folder: 'cni', names: await pluginNames(), program: 'tsnet-cni' }
/** What podman looks for in its folder of helpers. */
const podman = { folder: 'podman', names: ['aardvark-dns', 'netavark'], program: 'tsnet-podman' }
/** What OCI runtimes start with an empty environment. */
const hooks = { folder: 'hooks', names: ['tsnet-hook'], program: 'tsnet-hook' }
const launchers = await buildLauncher(root, [cni, podman, hooks])
await buildPlugin(root)
console.log(`dist/cni  ${cni.names.join(' ')}`)
console.log(`dist/podman  ${podman.names.join(' ')}`)
console.log(launchers)
await demand(doors)
console.log(`dist/lib  ${modules} modules with declarations, ${doors.length} of them public doors`)
console.log(`built in ${((performance.now() - started) / 1000).toFixed(1)} s`)

/** Stops with the names of the source files that package.json or `programs` promise and nobody wrote. */
async function demand(files) {
  const there = await Promise.all(files.map((file) => exists(join(root, file))))
  const missing = files.filter((_, index) => !there[index])
  if (missing.length > 0) fail(`missing entry point: ${missing.join(', ')}`)
}

/**
 * Bundles one program and puts it in place: `out` is a launcher of a few lines,
 * the program and its code cache lie under their hash in parts/. The launcher
 * comes last and in one rename, so a copy being started always finds its parts.
 */
async function bundle({ entry, out, hot, whole }) {
  const target = join(root, out)
  const name = basename(out)
  const parts = join(dirname(target), 'parts')
  await mkdir(parts, { recursive: true })
  // Without it the package's "type": "module" would hold for a file without extension too.
  await writeWhole(join(dirname(target), 'package.json'), '{"type":"commonjs"}\n')
  const [first, second] = await Promise.all([
    makePart(parts, { entry, name }),
    ...(whole === undefined ? [] : [makePart(parts, { entry: whole, name: `${name}-whole` })]),
  ])
  const text =
    second === undefined ? launcher(first.part) : launcherOfTwo(first.part, { whole: second.part, hot })
  await writeWhole(target, text, 0o755)
  await removeOldParts(
    parts,
    [first, second].flatMap((one) => (one === undefined ? [] : [one.part])),
  )
  return { out, bytes: [first.bytes, ...(second === undefined ? [] : [second.bytes])] }
}

/** One file of JavaScript and V8's code of it; returns its name and length. */
async function makePart(parts, { entry, name }) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['netlink', 'koffi'],
    plugins: [unusedIsNothing, wholeIsApart],
    // import('koffi') becomes a lazy require: a real import() starts Node's module loader first, 18 ms here.
    supported: { 'dynamic-import': false },
    // The directive has to be repeated here: behind the banner's first statement esbuild's own would be a mere string.
    banner: {
      js: `${wrapper}\n'use strict'\nconst __bundleUrl = require('node:url').pathToFileURL(__filename).href`,
    },
    footer: { js: '})' },
    define: { 'import.meta.url': '__bundleUrl' },
    legalComments: 'inline',
    logLevel: 'warning',
  }).catch(() => fail(`esbuild could not bundle ${entry}`))
  const contents = inAscii(outputFiles[0].text)
  const part = `${name}-${createHash('sha256').update(contents).digest('hex').slice(0, 12)}.cjs`
  await writeWhole(join(parts, part), contents)
  await cacheCode(join(parts, part), name)
  return { part, bytes: contents.length }
}

async function bundleAll([first, ...others]) {
  return [await bundle(first), ...(await Promise.all(others.map(bundle)))]
}

/**
 * One letter beyond Latin-1 makes V8 hold 2 MB of source as 4, and Node read it
 * four milliseconds longer. esbuild leaves such letters in comments only, where
 * the escape means as much.
 */
function inAscii(text) {
  return text.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

async function pluginNames() {
  const folders = await readdir(join(root, 'plugins'), { withFileTypes: true })
  return folders
    .filter((one) => one.isDirectory() && !one.name.startsWith('_'))
    .map(({ name }) => name)
    .sort()
}

/** What `tsnet help` says, for man(1): `man -M dist/man tsnet-setup`. Returns the number of pages. */
async function writeManual() {
  const folder = join(root, 'dist/man/man1')
  await mkdir(folder, { recursive: true })
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, 'dist/bin/tsnet'), 'help', '--man', '--json'],
    { timeout: compileLimitMs, maxBuffer: 16 * 1024 * 1024 },
  )
  const pages = Object.entries(JSON.parse(stdout))
  await Promise.all(pages.map(([file, text]) => writeWhole(join(folder, file), text)))
  const names = new Set(pages.map(([file]) => file))
  const stale = (await readdir(folder)).filter((file) => !names.has(file))
  await Promise.all(stale.map((file) => rm(join(folder, file))))
  return pages.length
}

/** What `tsnet help --schema` shows. */
async function writeSchema() {
  await mkdir(join(root, 'dist'), { recursive: true })
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, '.config/schemas.mjs')], {
    timeout: compileLimitMs,
    maxBuffer: 16 * 1024 * 1024,
  })
  await writeWhole(join(root, 'dist/schema.json'), stdout)
}

/** The functions V8 has made of the program, beside it; without them it starts too, only slower. */
async function cacheCode(body, name) {
  // What V8 makes differs from run to run, and fits one version of Node only.
  if (isRelease) return
  const fresh = `${body}.cache.${process.pid}`
  const words = [process.execPath, join(root, '.config/code-cache.cjs'), name, body, fresh]
  // Only root may attach something, and not in every container.
  const whole = process.getuid() === 0 ? await failure(inNamespaces(words)) : 'this is not root'
  const some = whole === undefined ? undefined : await failure(words)
  if (some === undefined) await rename(fresh, `${body}.cache`)
  const reason = some ?? whole
  if (reason !== undefined)
    console.error(`build: ${name} starts slower, its code cache is not whole: ${reason}`)
}

/** Runs it to its end. @returns why it failed */
function failure([program, ...words]) {
  return promisify(execFile)(program, words, { timeout: compileLimitMs }).then(
    () => undefined,
    (error) => error.stderr.trim() || error.message,
  )
}

/**
 * The command in a network namespace and a /run of its own, with the pid of a process in another one as its last word:
 * nothing of what it does is seen outside, or stays. Neither do processes: their namespace ends with the shell.
 */
function inNamespaces(words) {
  const script = [
    'set -e; mount -t tmpfs tmpfs /run; unshare -n sleep 60 & other=$!',
    'until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done',
    '"$@" $other',
  ].join('\n')
  const namespaces = ['-nmp', '--fork', '--mount-proc', '--kill-child', '--propagation', 'private']
  return ['unshare', ...namespaces, 'sh', '-c', script, 'sh', ...words]
}

/** Parts of earlier builds, but for those a command may be starting from right now. */
async function removeOldParts(parts, current) {
  const files = (await readdir(parts)).filter((file) => !current.some((part) => file.startsWith(part)))
  const old = await Promise.all(
    files.map((file) =>
      stat(join(parts, file)).then(
        ({ mtimeMs }) => Date.now() - mtimeMs > keepPartsMs,
        // Another program's part has just got its name.
        () => false,
      ),
    ),
  )
  await Promise.all(
    files.filter((_, index) => old[index]).map((file) => rm(join(parts, file), { force: true })),
  )
}

async function writeWhole(file, contents, mode = 0o644) {
  // Several bundles may write the same file at the same time.
  const fresh = `${file}.${process.pid}.${written++}`
  await writeFile(fresh, contents)
  await chmod(fresh, mode)
  await rename(fresh, file)
}

/** Emits dist/lib, and dist/testing from netns-fixtures. Returns the number of modules of the library. */
async function compile() {
  const [modules] = await Promise.all([
    emit('tsconfig.build.json', 'lib', 'dist/lib'),
    emit('tsconfig.testing.json', 'netns-fixtures', 'dist/testing'),
  ])
  // What it runs and reads beside its modules.
  for (const file of ['packages.mjs', 'packages.d.mts', 'probes/rawsctp.c'])
    await writeWhole(join(root, 'dist/testing', file), await readFile(join(root, 'netns-fixtures', file)))
  return modules
}

/** Emits one folder and removes what an earlier build left of files that are gone. */
async function emit(config, from, to) {
  const tsc = join(root, 'node_modules/typescript/lib/tsc.js')
  await promisify(execFile)(process.execPath, [tsc, '-p', join(root, '.config', config)], {
    timeout: compileLimitMs,
  }).catch((error) => fail(`tsc could not emit ${from}:\n${error.stdout || error.message}`))

  const made = (await filesUnder(join(root, to))).filter((file) => /\.(js|d\.ts)$/.test(file))
  const sources = new Set(await filesUnder(join(root, from)))
  const stale = made.filter((file) => !sources.has(file.replace(/(\.d\.ts|\.js)$/, '.ts')))
  await Promise.all(stale.map((file) => rm(join(root, to, file))))
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
