/**
 * Who may do and see what: files and sockets, the environment of programs, text
 * of users in paths.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { differences } from './traceless.ts'

let lab: Lab
let host: Host

beforeAll(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge')
  lab = await createLab()
  host = await lab.host('host', { forwarding: true })
})

afterAll(() => lab?.dispose())

describe('what tsnet keeps', () => {
  it('is root’s alone: every file, folder and socket, with tsnetd running or not', async () => {
    const box = await lab.container(host)
    await host.sh('chmod 755 /run /var/lib')
    await host.tsnet('network', 'create', 'front')
    await host.tsnet(
      'setup',
      '--netns',
      box.netns,
      '--container-name',
      'web',
      '--network',
      'front',
      '-p',
      '8080:80',
    )
    await host.tsnet('daemon', 'start')
    await host.tsnet('ls')
    const { stdout } = await host.sh(
      "find /run/tsnet /var/lib/tsnet/* -ignore_readdir_race ! -type l -printf '%U %m %y %p\\n'",
    )
    const all = stdout.trim().split('\n')
    expect(all.length).toBeGreaterThan(10)
    expect(all.filter((line) => !/^0 (?:600 [fs]|700 d) /.test(line))).toEqual([])
    // Nobody else gets as far as asking.
    const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    const ask = ['curl', '-sS', '--unix-socket', '/run/tsnet/tsnetd.sock', 'http://x/']
    expect((await host.run([...asNobody, ...ask], { expectExit: 7 })).stderr).toContain('connect')
    await host.tsnet('daemon', 'stop')
    await host.tsnet('teardown', 'web')
    await host.tsnet('network', 'rm', 'front')
  })
})

describe('programs that tsnet starts', () => {
  it('get what they need of its environment, and nothing else', async () => {
    const box = await lab.container(host)
    await host.sh(
      'mkdir /etc/fake; for tool in iptables-restore ip6tables-restore; do ' +
        `printf '#!/bin/sh\\nenv >> /etc/seen\\nexec /usr/sbin/%s "$@"\\n' "$tool" > /etc/fake/$tool; chmod +x /etc/fake/$tool; done`,
    )
    const env = {
      ...{ PATH: `/etc/fake:${process.env['PATH']}`, TSNET_FIREWALL: 'iptables' },
      ...{
        AWS_SECRET_ACCESS_KEY: 'hidden',
        XTABLES_LIBDIR: '/tmp/evil',
        BASH_ENV: '/tmp/evil',
        HOME: '/root',
      },
    }
    await host.tsnet('setup', '--netns', box.netns, '-p', '8081:80', { env })
    await host.tsnet('teardown', '--netns', box.netns, { env })
    const { stdout } = await host.sh("sed 's/=.*//' /etc/seen | sort -u")
    // PWD and _ are the shell's of this test.
    const names = stdout
      .trim()
      .split('\n')
      .filter((name) => !['PWD', '_', 'OLDPWD', 'SHLVL'].includes(name))
    expect(names.filter((name) => !['HOME', 'TERM', 'TMPDIR'].includes(name))).toEqual([
      'LANGUAGE',
      'LC_ALL',
      'PATH',
    ])
  })
})

describe('ids and names that are paths', () => {
  it.each([
    ['--id', '../../etc/passwd'],
    ['--id', '/etc/passwd'],
    ['--id', '..'],
    ['--id', '-rf'],
    ['--container-name', '../web'],
    ['--container-name', 'a/b'],
    ['--container-name', 'a\nb'],
    ['--network', '../../etc'],
    ['--network', 'front:ifname=../eth0'],
    ['--hostname', '../host'],
    ['--host-ifname', '../veth'],
    ['-p', '../8080:80'],
  ])('%s %j is refused before anything is done', async (flag, value) => {
    const box = await lab.container(host)
    const changed = await differences(host, async () => {
      const { stderr } = await host.tsnet(
        'setup',
        '--netns',
        box.netns,
        `${flag}${flag.startsWith('--') ? '=' : ''}${value}`,
        {
          expectExit: 2,
        },
      )
      expect(stderr).toMatch(/^(?:tsnet|error|usage)/i)
    })
    expect(changed).toEqual([])
  })

  it.each(['../front', 'a/b', '..', '/etc', '.hidden/'])('a network called %j is not made', async (name) => {
    expect(
      await differences(host, () => host.tsnet('network', 'create', '--', name, { expectExit: 2 })),
    ).toEqual([])
  })

  it.each([
    ['of another user', 'mkdir /run/planted; chown 65534 /run/planted', /it belongs to user 65534/],
    ['everybody may write to', 'mkdir -m 1777 /run/planted', /others may write to it \(mode 1777\)/],
    [
      'behind a link of another user',
      'mkdir -m 700 /run/ours; ln -s /run/ours /run/planted; chown -h 65534 /run/planted',
      /it belongs to user 65534/,
    ],
  ])(
    'a state folder %s is not used: what lies in it would be carried out as root',
    async (_what, lay, says) => {
      const box = await lab.container(host)
      await host.sh(lay)
      const changed = await differences(host, async () => {
        for (const words of [['setup', '--netns', box.netns], ['gc'], ['ls']]) {
          const { stderr } = await host.tsnet('--state-dir', '/run/planted', ...words, { expectExit: 69 })
          expect(stderr).toMatch(says)
          expect(stderr).toContain('hint: chown root /run/planted')
        }
      })
      expect(changed).toEqual([])
      await host.sh('rm -rf /run/ours /run/planted')
    },
  )

  it('a link in the place of a container’s resolv.conf is not followed', async () => {
    const box = await lab.container(host)
    await host.sh('echo precious > /run/precious; ln -s /run/precious /run/resolv')
    const refused = await host.tsnet('setup', '--netns', box.netns, '--resolv-conf', '/run/resolv', {
      expectExit: 'any',
    })
    expect(refused.exitCode).not.toBe(0)
    expect((await host.run(['cat', '/run/precious'])).stdout).toBe('precious\n')
    await host.sh('rm /run/precious /run/resolv')
  })
})
