/**
 * Completion in the shells people have, and man pages as man prints them.
 *
 * @module
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { families } from '../../cmd/tsnet/commands.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'shells', 'groff')

/** What Tab offers behind the words, the last of which is being written. */
type Complete = (host: Host, ...words: readonly string[]) => Promise<string[]>

const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ')

async function offered(host: Host, argv: readonly string[]): Promise<string[]> {
  const home = mkdtempSync(join(tmpdir(), 'tsnet-shell-'))
  try {
    const env = { PATH: `${repository}dist/bin:${process.env['PATH']}`, HOME: home }
    const { stdout } = await host.run(argv, { env })
    return stdout.split('\n').filter((line) => line !== '')
  } finally {
    rmSync(home, { recursive: true })
  }
}

const shells: readonly (readonly [string, Complete])[] = [
  [
    'bash',
    (host, ...words) =>
      offered(host, [
        ...['bash', '--norc', '-c'],
        `. <(tsnet completion bash); COMP_WORDS=(tsnet ${quoted(words)}); COMP_CWORD=${words.length}; _tsnet; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ]),
  ],
  [
    'zsh',
    (host, ...words) =>
      offered(host, [
        ...['zsh', '-f', '-c'],
        // What the completion system would show, printed instead.
        `compdef() { }; _describe() { print -rl -- "\${(@P)2}" }; _files() { }; . <(tsnet completion zsh); words=(tsnet ${quoted(words)}); CURRENT=${words.length + 1}; _tsnet`,
      ]).then((lines) => lines.map((line) => line.replace(/:.*/, ''))),
  ],
  [
    'fish',
    (host, ...words) =>
      offered(host, [
        ...['fish', '--no-config', '-c'],
        `tsnet completion fish | source; complete -C "tsnet ${words.join(' ')}"`,
      ]).then((lines) => lines.map((line) => line.replace(/\t.*/, ''))),
  ],
]

describe.each(shells)('completion in %s', (shell, complete) => {
  it('knows commands, their flags, values, and the names of this host', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet('network', 'create', 'shop', '--firewall', 'nftables')
    await host.tsnet(
      ...['setup', '--pid', String(box.pid), '--container-name', 'webfront', '--network', 'shop'],
      ...['--firewall', 'nftables'],
    )
    expect(await complete(host, 'con')).toEqual(['conntrack'])
    expect(await complete(host, 'network', 'in')).toEqual(['inspect'])
    expect(await complete(host, 'capture', 'web')).toEqual(['webfront'])
    expect(await complete(host, 'setup', '--network', 'sh')).toEqual(['shop'])
    expect(await complete(host, 'capture', 'webfront', '--sec')).toEqual(['--seconds'])
    expect(await complete(host, '--firewall', 'n')).toEqual(['nftables', 'none'])
    // Files are the shell's own to offer, where we have nothing.
    if (shell === 'fish')
      expect(await complete(host, 'capture', 'webfront', '--write', '/etc/ho')).toContain('/etc/hosts')
  })
})

describe('man pages', () => {
  it('are there for every command, and print without a warning', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const folder = `${repository}dist/man/man1`
    const names = families.flatMap(({ commands }) =>
      commands.map(({ path }) => `${['tsnet', ...path].join('-')}.1`),
    )
    expect(readdirSync(folder).sort()).toEqual(['tsnet.1', ...names].sort())
    const { stdout, stderr } = await host.sh(
      `for page in ${folder}/*.1; do groff -man -ww -z -Tutf8 $page; done; groff -man -Tascii -P-c ${folder}/tsnet-rules.1`,
      // Each page is three programs.
      { timeoutMs: 120_000 },
    )
    expect(stderr).toBe('')
    expect(stdout).toContain('tsnet-rules - the packet rules that concern a container')
    expect(readFileSync(`${folder}/tsnet-rules.1`, 'utf8')).toBe(
      (await host.tsnet('help', '--man', 'rules')).stdout,
    )
  })
})
