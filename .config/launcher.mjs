/**
 * Builds the launcher: `dist/launcher/tsnet` for the hot commands, and under the
 * names of all CNI plugins in `dist/launcher/cni/`.
 *
 * Static, so that it starts in less than a millisecond and runs wherever it is
 * copied; the paths of node and dist are written into it (decisions 21). Without
 * a C compiler the Node programs lie under the same names: the same, but each
 * start costs Node's. systemd's units go to `dist/systemd`.
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

const compilers = [process.env.CC, 'cc', 'gcc', 'clang'].filter(Boolean)
const compileLimitMs = 60_000
const started = promisify(execFile)

/**
 * @param root of the repository
 * @param plugins names of CNI plugins
 * @returns a line for the builder
 */
export async function buildLauncher(root, plugins) {
  const dist = join(root, 'dist')
  const target = join(dist, 'launcher')
  await mkdir(join(target, 'cni'), { recursive: true })
  await writeNodePlugins(dist, plugins)
  const ways = [
    { kind: '', names: ['tsnet'], folder: target, node: '../bin' },
    { kind: 'cni/', names: plugins, folder: join(target, 'cni'), node: '../node' },
  ]
  const compiled = await Promise.all(ways.map(({ kind }) => compile(root, kind)))
  const reason = compiled.find(({ failure }) => failure !== undefined)?.failure
  for (const [nth, { names, folder, node }] of ways.entries()) {
    for (const name of names) {
      const fresh = join(folder, `${name}.${process.pid}`)
      if (reason !== undefined) await symlink(`${node}/${name}`, fresh)
      else {
        await copyFile(compiled[nth].file, fresh)
        await chmod(fresh, 0o755)
      }
      await rename(fresh, join(folder, name))
    }
    await removeOthers(folder, names)
  }
  await Promise.all(compiled.map(({ file }) => rm(file, { force: true })))
  await writeUnits(root)
  if (reason === undefined) return `dist/launcher  a static program under ${1 + plugins.length} names`
  return `dist/launcher  NODE PROGRAMS, each start costs 60 ms: ${reason}`
}

/** What a plugin's launcher runs when there is no daemon: plugins/main.ts goes by the name it is started as. */
async function writeNodePlugins(dist, plugins) {
  const folder = join(dist, 'launcher/node')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}\n')
  for (const name of plugins) {
    const fresh = join(folder, `${name}.${process.pid}`)
    await writeFile(
      fresh,
      `#!${process.execPath}\n// tsnet cni plugin ${name}\nrequire(${JSON.stringify(join(dist, 'bin/tsnet-cni'))})\n`,
      { mode: 0o755 },
    )
    await rename(fresh, join(folder, name))
  }
  await removeOthers(folder, plugins)
}

/** systemd's files, with the path of tsnet in them; `systemctl link` takes them from here. */
async function writeUnits(root) {
  const from = join(root, 'cmd/tsnet/daemon/units')
  const to = join(root, 'dist/systemd')
  await mkdir(to, { recursive: true })
  for (const name of await readdir(from)) {
    const text = await readFile(join(from, name), 'utf8')
    const fresh = join(to, `${name}.${process.pid}`)
    await writeFile(fresh, text.replace('@TSNET@', `${process.execPath} ${join(root, 'dist/bin/tsnet')}`))
    await rename(fresh, join(to, name))
  }
}

async function compile(root, kind) {
  const file = join(root, 'dist/launcher', `.${kind === '' ? 'tsnet' : 'cni'}.${process.pid}`)
  const text = (value) => JSON.stringify(value)
  const flags = [
    ...['-static', '-Os', '-s', '-Wall', '-Wextra', '-Wno-format-truncation', '-o', file],
    ...[`-DTSNET_NODE=${text(process.execPath)}`, `-DTSNET_DIST=${text(join(root, 'dist'))}`],
    `-DTSNET_KIND=${text(kind)}`,
    join(root, 'cmd/launcher/launcher.c'),
  ]
  let failure
  for (const compiler of compilers) {
    try {
      const { stderr } = await started(compiler, flags, { timeout: compileLimitMs })
      if (stderr !== '') console.error(stderr)
      // How our plugins know each other (lib/adapters/cni/delegate.ts); what stands behind a program is not loaded.
      if (kind !== '') await appendFile(file, '\n// tsnet cni plugin\n')
      return { file }
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
