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
  const run = async (
    ...argv: readonly string[]
  ): Promise<{ code: number; stdout: string; stderr: string }> => {
    let [stdout, stderr] = ['', '']
    const code = await runAardvark({
      ...{ argv, env: {}, cwd: '/' },
      stdout: (text) => {
        stdout += text
      },
      stderr: (text) => {
        stderr += text
      },
    })
    return { code, stdout, stderr }
  }

  it('tells its version, which podman info shows', async () => {
    expect((await run('--version')).stdout).toMatch(/^aardvark-dns 2\.0\.0\+tsnet\.\S+\n$/)
    expect(Object.keys(JSON.parse((await run('version')).stdout) as object)).toEqual([
      'version',
      'commit',
      'build_time',
      'target',
    ])
  })

  it('runs nothing where there is no folder', async () => {
    const fault = 'Error starting server config directory /no/aardvark-dns must exist and be a directory\n'
    expect(await run('--config', 'no/aardvark-dns', '-p', '53', 'run')).toEqual({
      code: 1,
      stdout: '',
      stderr: fault,
    })
    expect(await run('run')).toMatchObject({ code: 1, stdout: '' })
  })

  it('refuses other words with exit code 2', async () => {
    expect(await run('nope')).toMatchObject({ code: 2, stdout: '' })
    expect(await run()).toMatchObject({ code: 2, stdout: '' })
    expect(await run('run', 'more')).toMatchObject({ code: 2, stdout: '' })
    expect((await run('-p', 'x', 'run')).stderr).toBe(
      'error: Invalid value "x" for \'--port <PORT>\': invalid digit found in string\n\nFor more information try --help\n',
    )
    expect((await run('--port=65536', 'run')).stderr).toContain('number too large to fit in target type')
    expect((await run('--help')).stdout).toContain('run        Answers names')
  })
})
