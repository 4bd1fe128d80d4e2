/**
 * The command lines of netavark and aardvark-dns: words, exit codes, versions,
 * log lines.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { runAardvark } from '../../../../lib/adapters/netavark/aardvark.ts'
import { readCommandLine } from '../../../../lib/adapters/netavark/commandline.ts'
import { createLog } from '../../../../lib/adapters/netavark/log.ts'
import { netavark } from './netavark.ts'

describe('netavark', () => {
  it('takes global options in all their spellings, before the verb', () => {
    const read = (...argv: readonly string[]) => readCommandLine([...argv, 'setup', '/n'], '1')
    const asked = read(
      '--config',
      '/c',
      '--rootless=false',
      '--aardvark-binary=/a',
      '--plugin-directory',
      '/p',
    )
    expect(asked).toEqual({
      verb: 'setup',
      arg: '/n',
      config: '/c',
      file: undefined,
      aardvark: '/a',
      firewall: undefined,
      pluginFolders: ['/p'],
      rootless: false,
      dnsServers: [],
    })
    expect(read('-c', '/c', '-r', 'false', '-a/a', '--plugin-directory=/p')).toEqual(asked)
    expect(read('-c=/c', '-a=/a', '--plugin-directory=/p')).toEqual(asked)
  })

  it.each([['-V'], ['--version']])('%s is name and version', async (flag) => {
    expect((await netavark([flag])).stdout).toMatch(/^netavark 2\.1\.0\+tsnet\.\d+\.\d+\.\d+\n$/)
  })

  it('version is JSON with the default firewall', async () => {
    const { stdout } = await netavark(['version'])
    expect(Object.keys(JSON.parse(stdout))).toEqual([
      'version',
      'commit',
      'build_time',
      'target',
      'default_fw_driver',
    ])
    expect(stdout).toMatch(/^\{\n {2}"version": "/)
  })

  it.each([['--help'], ['-h'], ['help']])('%s is its page', async (flag) => {
    const { code, stdout } = await netavark([flag])
    expect(code).toBe(0)
    await expect(stdout.replace(/tsnet\.\S+/, 'tsnet.VERSION')).toMatchFileSnapshot(
      '../../../golden/adapters/netavark/help.txt',
    )
  })

  it.each(['setup', 'teardown', 'update', 'create', 'version', 'firewall-reload', 'firewalld-reload'])(
    '%s has a page of its own',
    async (verb) => {
      const { code, stdout } = await netavark([verb, '--help'])
      expect(code).toBe(0)
      await expect(stdout).toMatchFileSnapshot(`../../../golden/adapters/netavark/help-${verb}.txt`)
    },
  )

  it.each([
    [[], 'netavark 2.1.0'],
    [['nope'], "error: Found argument 'nope' which wasn't expected"],
    [['update', 'front'], '--network-dns-servers <NETWORK_DNS_SERVERS>'],
    [['setup'], '<NETWORK_NAMESPACE_PATH>'],
    [['create', 'x'], "error: Found argument 'x' which wasn't expected"],
    [['--rootless', 'maybe', 'setup', '/n'], 'Invalid value "maybe"'],
  ])('%j is a mistake told on standard error, with exit code 2', async (argv, words) => {
    const { code, stdout, stderr } = await netavark(argv)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(words)
  })

  it('firewall-reload applies the rules anew and says nothing', async () => {
    const { code, stdout, calls } = await netavark(['--config', '/c', 'firewall-reload'])
    expect({ code, stdout, calls }).toEqual({ code: 0, stdout: '', calls: [['reapplyRules']] })
  })

  it('an unknown firewall is an error that names it', async () => {
    const { stdout } = await netavark(
      ['--config', '/c', '--firewall-driver', 'Foo', 'setup', '/proc/self/ns/net'],
      {
        stdin: '{"container_id":"c","container_name":"c","networks":[],"network_info":{}}',
      },
    )
    expect(stdout).toBe('{"error":"Must provide a valid firewall backend, got Foo"}\n')
  })
})

describe('log lines', () => {
  it.each([
    ['netavark=debug', true, true],
    ['warn', true, false],
    ['info,netavark=error', false, false],
    [undefined, false, false],
  ])('with RUST_LOG=%s', (filter, warns, debugs) => {
    const lines: string[] = []
    const log = createLog(filter, (text) => lines.push(text))
    log('warn', 'network::bridge', 'a')
    log('debug', 'network::bridge', 'b')
    expect(lines).toEqual([
      ...(warns ? ['[WARN  netavark::network::bridge] a\n'] : []),
      ...(debugs ? ['[DEBUG netavark::network::bridge] b\n'] : []),
    ])
  })
})

describe('aardvark-dns', () => {
  const run = (...argv: readonly string[]): { code: number; stdout: string; stderr: string } => {
    let [stdout, stderr] = ['', '']
    const code = runAardvark({
      argv,
      stdout: (text) => {
        stdout += text
      },
      stderr: (text) => {
        stderr += text
      },
    })
    return { code, stdout, stderr }
  }

  it('tells its version, which podman info shows', () => {
    expect(run('--version').stdout).toMatch(/^aardvark-dns 2\.0\.0\+tsnet\.\S+\n$/)
    expect(Object.keys(JSON.parse(run('version').stdout))).toEqual([
      'version',
      'commit',
      'build_time',
      'target',
    ])
  })

  it('does not run a server: ours is started by our netavark', () => {
    expect(run('--config', '/c/aardvark-dns', '-p', '53', 'run')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        "aardvark-dns: tsnet's name server is started by tsnet's netavark; use both from the same folder, or neither\n",
    })
  })

  it('refuses other words with exit code 2', () => {
    expect(run('nope')).toMatchObject({ code: 2, stdout: '' })
    expect(run()).toMatchObject({ code: 2, stdout: '' })
    expect(run('--help').stdout).toContain('run        Not here')
  })
})
