/**
 * Builds the launcher under all names engines and people call us by.
 *
 * ```
 * dist/launcher/tsnet    the hot commands
 * dist/cni/NAME          CNI plugins
 * dist/KIND/NAME         one folder for each further kind in `kinds` (build.mjs)
 * dist/podman/plugins/    what another netavark starts for networks with `--driver tsnet`: a Node program
 * dist/launcher/node/    the Node program behind each name but tsnet
 * dist/systemd/          units
 * ```
 *
 * Static, so that it runs wherever it is copied; the paths of node and dist are
 * written into it (decisions 21). With musl where there is musl-gcc (Debian:
 * musl-tools): it starts in 0.08 ms. glibc's start asks the processor for its
 * kind with some dozens of CPUID instructions, and each leaves a virtual machine:
 * 0.65 ms in one. Without a C compiler the Node programs lie under the same names:
 * the same, but each start costs Node's. `CC=aarch64-linux-gnu-gcc` builds for another machine.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const muslCompiler = 'musl-gcc'
const compilers = [process.env.CC, muslCompiler, 'cc', 'gcc', 'clang'].filter(Boolean)
const compileLimitMs = 60_000
/** Nothing in it says where it was built, so that whoever builds it anew gets the same bytes. */
export const isRelease = process.env.TSNET_RELEASE === '1'
/** Of a release: where `npm install --global` puts it, and Node of a distribution. Moved, it finds itself by its own place. */
const node = isRelease ? '/usr/bin/node' : process.execPath
const placeOf = (root) => (isRelease ? '/usr/local/lib/node_modules/tsnet/dist' : join(root, 'dist'))
const started = promisify(execFile)

/**
 * @param root of the repository
 * @param kinds for each folder of dist/ (`cni`): the names in it, and the bundle in dist/bin that goes by the name it
 *   is started as
 * @returns a line for the builder
 */
export async function buildLauncher(root, kinds) {
  const dist = join(root, 'dist')
  const stubs = join(dist, 'launcher/node')
  await mkdir(stubs, { recursive: true })
  // The extensionless stubs are CommonJS, whatever the package says.
  await writeFile(join(stubs, 'package.json'), '{"type":"commonjs"}\n')
  for (const { folder, names, program } of kinds)
    for (const name of names)
      await put(join(stubs, name), (fresh) => writeStub(fresh, { dist, folder, name, program }))
  const ways = [
    { kind: '', names: ['tsnet'], folder: join(dist, 'launcher') },
    ...kinds.map(({ folder, names, program }) => ({
      kind: `${folder}/`,
      names,
      folder: join(dist, folder),
      program,
    })),
  ]
  const compiled = await Promise.all(ways.map(({ kind }) => compile(root, kind)))
  const reason = compiled.find(({ failure }) => failure !== undefined)?.failure
  if (isRelease && reason !== undefined) throw new Error(`a release needs the launcher: ${reason}`)
  for (const [nth, { kind, names, folder, program }] of ways.entries()) {
    await mkdir(folder, { recursive: true })
    if (kind !== '') await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}\n')
    for (const name of names) {
      await put(join(folder, name), async (fresh) => {
        if (reason === undefined) await copyFile(compiled[nth].file, fresh)
        else if (kind === '') await symlink(`../bin/${name}`, fresh)
        else await writeStub(fresh, { dist, folder: kind.slice(0, -1), name, program })
        if (reason === undefined) await chmod(fresh, 0o755)
      })
    }
    await removeOthers(folder, names)
  }
  await removeOthers(
    stubs,
    kinds.flatMap(({ names }) => names),
  )
  await Promise.all(compiled.map(({ file }) => rm(file, { force: true })))
  await writeUnits(root)
  const count = ways.reduce((sum, { names }) => sum + names.length, 0)
  const slow = compiled.some(({ compiler }) => compiler !== process.env.CC && compiler !== muslCompiler)
  const advice = slow ? `, each start costs 0.6 ms more than with ${muslCompiler} (Debian: musl-tools)` : ''
  if (reason === undefined) return `dist/launcher  a static program under ${count} names${advice}`
  return `dist/launcher  NODE PROGRAMS under ${count} names, each start costs 60 ms: ${reason}`
}

/** tsnet as a plugin of another netavark, whose folder of plugins this is then: dist/podman/plugins/tsnet. */
export async function buildPlugin(root) {
  const dist = join(root, 'dist')
  const folder = join(dist, 'podman/plugins')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}\n')
  const stub = { dist, folder: 'podman', name: 'plugin tsnet', program: 'tsnet-podman' }
  await put(join(folder, 'tsnet'), (fresh) => writeStub(fresh, stub))
}

/** In one rename: what is being started is whole. */
async function put(path, make) {
  const fresh = `${path}.${process.pid}`
  await rm(fresh, { force: true })
  await make(fresh)
  await rename(fresh, path)
}

/** Works as a copy and as a link, so the paths are in it. Its second line is how our plugins know each other. */
async function writeStub(path, { dist, folder, name, program }) {
  const lines = [
    isRelease ? '#!/usr/bin/env node' : `#!${node}`,
    folder === 'cni' ? `// tsnet cni plugin ${name}` : `// tsnet ${folder} ${name}`,
    isRelease
      ? `require(require('node:path').join(require('node:fs').realpathSync(__filename), '../../../bin', '${program}'))`
      : `require(${JSON.stringify(join(dist, 'bin', program))})`,
    '',
  ]
  await writeFile(path, lines.join('\n'), { mode: 0o755 })
}

/** systemd's files, with the path of tsnet in them; `systemctl link` takes them from here. */
async function writeUnits(root) {
  const from = join(root, 'cmd/tsnet/daemon/units')
  const to = join(root, 'dist/systemd')
  await mkdir(to, { recursive: true })
  for (const name of await readdir(from)) {
    const text = await readFile(join(from, name), 'utf8')
    await put(join(to, name), (fresh) =>
      writeFile(fresh, text.replace('@TSNET@', `${node} ${join(placeOf(root), 'bin/tsnet')}`)),
    )
  }
}

async function compile(root, kind) {
  const file = join(root, 'dist/launcher', `.${kind === '' ? 'tsnet' : kind.slice(0, -1)}.${process.pid}`)
  const text = (value) => JSON.stringify(value)
  const folder = join(root, 'cmd/launcher')
  const sources = (await readdir(folder)).filter((name) => name.endsWith('.c'))
  const flags = [
    ...['-static', '-Os', '-s', '-Wall', '-Wextra', '-Wno-format-truncation', '-o', file],
    ...[`-DTSNET_NODE=${text(node)}`, `-DTSNET_DIST=${text(placeOf(root))}`],
    `-DTSNET_KIND=${text(kind)}`,
    ...sources.sort().map((name) => join(folder, name)),
  ]
  let failure
  for (const compiler of compilers) {
    try {
      const { stderr } = await started(compiler, flags, { timeout: compileLimitMs })
      if (stderr !== '') console.error(stderr)
      // How our plugins know each other (lib/adapters/cni/delegate.ts); what stands behind a program is not loaded.
      if (kind === 'cni/') await appendFile(file, '\n// tsnet cni plugin\n')
      return { file, compiler }
    } catch (error) {
      const why =
        error.code === 'ENOENT' ? 'no C compiler (cc, gcc, clang)' : String(error.stderr || error.message)
      // A compiler that is there and fails says more than one that is missing.
      if (failure === undefined || error.code !== 'ENOENT') failure = why
    }
  }
  return { file, failure }
}

/** Of earlier builds: plugins that are gone. */
async function removeOthers(folder, names) {
  const files = await readdir(folder, { withFileTypes: true })
  const others = files.filter(
    (one) => !one.isDirectory() && !names.includes(one.name) && /^[a-z-]+$/.test(one.name),
  )
  await Promise.all(others.map(({ name }) => rm(join(folder, name), { force: true })))
}
