/**
 * What the build makes of the launcher, with a C compiler and without one.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'

const repository = new URL('../../../', import.meta.url).pathname
const root = mkdtempSync(join(tmpdir(), 'tsnet-launcher-'))
afterEach(() => rmSync(root, { recursive: true, force: true }))

const run = promisify(execFile)

/** A checkout with programs that print what they were called with. */
async function build({ path = process.env['PATH'] ?? '', compiler = '' } = {}): Promise<string> {
  mkdirSync(join(root, 'dist/bin'), { recursive: true })
  symlinkSync(join(repository, 'cmd'), join(root, 'cmd'))
  const program =
    '#!/usr/bin/env node\nconsole.log(require("path").basename(process.argv[1]), ...process.argv.slice(2))\n'
  writeFileSync(join(root, 'dist/bin/tsnet'), program, { mode: 0o755 })
  writeFileSync(join(root, 'dist/bin/tsnet-cni.js'), program)
  const kinds = JSON.stringify([{ folder: 'cni', names: ['bridge'], program: 'tsnet-cni' }])
  const script = `import(${JSON.stringify(join(repository, '.config/launcher.mjs'))})
    .then(({ buildLauncher }) => buildLauncher(${JSON.stringify(root)}, ${kinds})).then(console.log)`
  const env = { ...process.env, CC: compiler, PATH: path }
  return (await run(process.execPath, ['-e', script], { env, timeout: 60_000 })).stdout
}

/** elf(5): EM_AARCH64 */
const aarch64 = 183
/** elf(5): the segment that names the loader of shared libraries. */
const interpreter = 3

function segmentKinds(path: string): number[] {
  const elf = readFileSync(path)
  const [offset, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)]
  return Array.from({ length: count }, (_, nth) => elf.readUInt32LE(offset + nth * size))
}

const called = async (name: string): Promise<string> =>
  (await run(join(root, 'dist', name), ['x', 'y z'], { timeout: 30_000 })).stdout

describe('the build', () => {
  it('compiles a static program under every name, which runs the Node program where nothing is hot', async () => {
    expect(await build()).toBe('dist/launcher  a static program under 2 names\n')
    expect(await called('launcher/tsnet')).toBe('tsnet x y z\n')
    expect(await called('cni/bridge')).toBe('bridge x y z\n')
    expect(segmentKinds(join(root, 'dist/launcher/tsnet'))).not.toContain(interpreter)
  })

  it('says what starts faster where it had to take another compiler than musl', async () => {
    const path = join(root, 'only-gcc')
    mkdirSync(path, { recursive: true })
    for (const name of ['gcc', 'as', 'ld']) symlinkSync(join('/usr/bin', name), join(path, name))
    expect(await build({ path })).toBe(
      'dist/launcher  a static program under 2 names, each start costs 0.6 ms more than with musl-gcc (Debian: musl-tools)\n',
    )
    expect(await called('cni/bridge')).toBe('bridge x y z\n')
  })

  it('compiles for arm64 as well, on any machine that has the compiler', async () => {
    expect(await build({ compiler: 'aarch64-linux-gnu-gcc' })).toBe(
      'dist/launcher  a static program under 2 names\n',
    )
    const program = join(root, 'dist/cni/bridge')
    expect(readFileSync(program).readUInt16LE(18)).toBe(aarch64)
    const { stdout } = await run('qemu-aarch64', [program, 'x', 'y z'], { timeout: 30_000 })
    expect(stdout).toBe('bridge x y z\n')
  })

  it('says so without a compiler, and puts the Node programs under the same names', async () => {
    expect(await build({ path: '/nowhere' })).toBe(
      'dist/launcher  NODE PROGRAMS under 2 names, each start costs 60 ms: no C compiler (cc, gcc, clang)\n',
    )
    expect(readlinkSync(join(root, 'dist/launcher/tsnet'))).toBe('../bin/tsnet')
    expect(await called('launcher/tsnet')).toBe('tsnet x y z\n')
    expect(await called('cni/bridge')).toBe('bridge x y z\n')
  })
})
