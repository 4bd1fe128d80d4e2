import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { families } from '../../../cmd/tsnet/commands.ts'
import { examples } from '../../../cmd/tsnet/examples.ts'
import { exitCodeRows } from '../../../cmd/tsnet/page.ts'
import { tsnetVersion } from '../../../cmd/tsnet/version.ts'
import { exitCodes } from '../../../lib/errors/exit.ts'
import { tsnet } from './command-line.ts'

const names = families.flatMap(({ commands }) => commands.map(({ path }) => path.join(' ')))

async function page(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr, opened } = await tsnet(words)
  expect({ code, stderr, opened }).toEqual({ code: 0, stderr: '', opened: undefined })
  return stdout
}

describe('tsnet help', () => {
  it('lists every command, exit codes and first examples', async () => {
    await expect(await page(['help'])).toMatchFileSnapshot('../../golden/help/tsnet.txt')
  })

  it.each(names)('has a page for %s, the same by help and by --help', async (name) => {
    const text = await page(['help', ...name.split(' ')])
    expect(await page([...name.split(' '), '--help'])).toBe(text)
    await expect(text).toMatchFileSnapshot(`../../golden/help/${name.replace(' ', '-')}.txt`)
  })

  it('has a page for the group of network commands', async () => {
    const text = await page(['help', 'network'])
    expect(await page(['network', '-h'])).toBe(text)
    await expect(text).toMatchFileSnapshot('../../golden/help/network.txt')
  })

  it.each([[], ['network'], ...names.map((name) => name.split(' '))])(
    'fits into 80 columns: %s %s',
    async (...path) => {
      const text = await page(['help', ...path])
      expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
    },
  )

  it('shows three examples of every command at least, each about something else', () => {
    expect(new Set(examples.map(({ command }) => command))).toEqual(new Set(names))
    const shown = (name: string): readonly string[] =>
      examples.filter(({ command }) => command === name).map(({ about }) => about)
    expect(names.filter((name) => new Set(shown(name)).size < 3)).toEqual([])
    expect(names.filter((name) => new Set(shown(name)).size < shown(name).length)).toEqual([])
  })

  it('documents every exit code, and the README in the same words', () => {
    const documented = exitCodeRows.flatMap(([codes]) => codes.split(', ').map(Number))
    const signals = [130, 143]
    // The last is that of a program.
    expect(documented).toEqual([
      ...[...new Set([0, 5, 6, ...Object.values(exitCodes), ...signals])].sort((a, b) => a - b),
      Number.NaN,
    ])
    const [, table = ''] = readFileSync('README.md', 'utf8').split('| exit code | meaning')
    const [rows = ''] = table.split('\n\n')
    expect(
      [...rows.matchAll(/^\| (\w.*?) +\| (.*?) +\|$/gm)].map(([, codes, about]) => [codes, about]),
    ).toEqual(exitCodeRows)
  })

  it('has the exit codes of single commands in that table too', () => {
    const own = families
      .flatMap(({ commands }) => commands)
      .flatMap(({ path, about }) =>
        [...(/exit code (.*)/i.exec(about)?.[1] ?? '').matchAll(/\b\d\b/g)].map(
          ([code]) => `${code} ${path.join(' ')}`,
        ),
      )
    expect(own).toContain('3 daemon status')
    const inTable = (line: string): boolean =>
      exitCodeRows.some(([codes, about]) => codes === line[0] && about.includes(line.slice(2)))
    expect(own.filter((line) => !line.startsWith('0') && !inTable(line))).toEqual([])
  })
})

describe('tsnet version', () => {
  it('is that of the package', async () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    expect(tsnetVersion).toBe(manifest.version)
    expect(await page(['version', '--quiet'])).toBe(`${manifest.version}\n`)
    expect(JSON.parse(await page(['version', '--json']))).toMatchObject({ tsnet: manifest.version })
    expect(await page(['--version'])).toBe(await page(['version']))
  })
})
