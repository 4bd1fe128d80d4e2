/**
 * The tarball of a release: the same bytes from two folders, and programs that
 * start wherever it is unpacked.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { repository } from '../../netns-fixtures/place.ts'

const folder = mkdtempSync(join(tmpdir(), 'tsnet-release-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const parts = ['.config', 'cmd', 'lib', 'netns-fixtures', 'plugins', 'package.json', 'tsconfig.json']
const papers = ['README.md', 'CHANGELOG.md', 'LICENSE']

async function run(program: string, words: readonly string[], cwd: string, stdin = ''): Promise<string> {
  const options = { cwd, timeout: 500_000, maxBuffer: 1 << 26, env: { ...process.env, TSNET_RELEASE: '1' } }
  const running = promisify(execFile)(program, words, options)
  // Who reads nothing may have ended by now.
  running.child.stdin?.on('error', () => undefined).end(stdin)
  return (await running).stdout
}

/** Built from a copy of the sources. @returns path of the tarball */
async function release(name: string): Promise<string> {
  const root = join(folder, name)
  mkdirSync(root)
  for (const part of [...parts, ...papers])
    cpSync(join(repository, part), join(root, part), { recursive: true })
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'))
  await run(process.execPath, ['.config/build.mjs'], root)
  await run('npm', ['pack', '--ignore-scripts', '--silent'], root)
  return join(root, 'tsnet-0.1.0.tgz')
}

const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

describe('a release', () => {
  it('has the same bytes from two folders, none of them a place of the builder, and starts elsewhere', {
    timeout: 1_200_000,
  }, async () => {
    const [first, second] = await Promise.all([release('a'), release('another-longer-name')])
    expect(digest(second)).toBe(digest(first))
    await run('tar', ['xf', first], folder)
    const dist = join(folder, 'package/dist')
    expect(await run('grep', ['-rlaF', '--', folder, dist], folder).catch(({ stdout }) => stdout)).toBe('')
    symlinkSync(join(repository, 'node_modules'), join(folder, 'package/node_modules'))
    expect(await run(process.execPath, [join(dist, 'bin/tsnet'), '--version'], folder)).toMatch(
      /^tsnet 0\.1\.0|^0\.1\.0/,
    )
    const answer = await run(
      'env',
      ['CNI_COMMAND=VERSION', 'TSNET_VIA=local', join(dist, 'cni/bridge')],
      folder,
      '{"cniVersion":"1.0.0"}',
    )
    expect((JSON.parse(answer) as { supportedVersions: string[] }).supportedVersions).toContain('1.0.0')
  })
})
