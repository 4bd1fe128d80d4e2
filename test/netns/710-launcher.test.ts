/**
 * The launcher: the same answers as the Node program, and no way to make it hang.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { DaemonStatus } from '../../lib/daemon.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { Background, RunOptions, RunResult } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'built')

const env = { TSNET_FIREWALL: 'nftables' }
const alone = { ...env, TSNET_VIA: 'local' }
const launcher = `${repository}dist/launcher/tsnet`
/** What a daemon keeps for itself. */
const daemonFiles = { except: [/files: \/run\/tsnet(\/tsnetd\.|\/ )/] }

const call = (
  host: Host | Container,
  words: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> =>
  host.run([launcher, ...words], { timeoutMs: 30_000, ...options, env: { ...env, ...options.env } })

async function calls(host: Host): Promise<DaemonStatus['calls'] | undefined> {
  const { stdout } = await host.tsnet('daemon', 'status', '--json', { expectExit: 'any' })
  return (JSON.parse(stdout) as DaemonStatus | null)?.calls
}

function daemonPid(host: Host): number {
  return Number(readFileSync(`/proc/${host.pid}/root/run/tsnet/tsnetd.pid`, 'utf8'))
}

/** Somebody who keeps everybody from setting up, until told to go on. */
async function hostLock(host: Host): Promise<Background> {
  await host.sh('mkdir -p /run/tsnet/locks')
  const holder = host.start(['flock', '/run/tsnet/locks/host', 'sh', '-c', 'echo held; read end'])
  await holder.waitFor('held')
  return holder
}

async function untilWorking(host: Host): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const { stdout } = await host.tsnet('daemon', 'status', '--json', { expectExit: 'any' })
    if ((JSON.parse(stdout) as DaemonStatus | null)?.active === 1) return
    if (Date.now() > deadline) throw new Error('the daemon has no call after 30 s')
    await sleep(10)
  }
}

describe('the launcher', () => {
  it('says and does what the Node program does, and errs like it', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    const lines: readonly (readonly string[])[] = [
      ['ls'],
      ['setup', '--netns', box.netns, '--id', 'web', '-p', '8080:80'],
      ['setup', '--netns', box.netns, '--id', 'web', '-p', '8080:80', '--json'],
      ['ls'],
      ['ls', '--json'],
      ['ls', '-q'],
      ['port', 'web'],
      ['port', 'web', '--json'],
      ['setup', '--netns', box.netns, '--id', 'web', '-p', '8081:80', '--json'],
      ['setup', '--netns', '/etc/passwd'],
      ['setup', '--pid', '999999999', '--json'],
      ['setup', '--nets', box.netns],
      ['port', 'nobody'],
      ['teardown', '--pid', String(box.pid)],
      ['teardown', 'web'],
      ['help', 'ls'],
      ['network', 'ls'],
      ['version'],
    ]
    const told = async (run: (words: readonly string[]) => Promise<RunResult>) => {
      const answers: unknown[] = []
      for (const words of lines) {
        const { exitCode, stdout, stderr } = await run(words)
        answers.push({ words, exitCode, stdout: stdout.replace(/"createdAt": ".*"/, ''), stderr })
      }
      return answers
    }
    const node = await told((words) => host.tsnet(...words, { env: alone, expectExit: 'any' }))
    // Cookies go on counting, so the same sandbox: its prefix of the ULA is made from the network's name.
    const fast = await told((words) => call(host, words, { expectExit: 'any' }))
    expect(fast).toEqual(node)
    expect(await calls(host)).toEqual({
      'tsnet ls': 4,
      'tsnet setup': 6,
      'tsnet port': 3,
      'tsnet teardown': 2,
      // Not worth a launcher's while: the Node program, which asks the daemon it finds.
      'engine listNetworks': 1,
    })
    // In the words of the C library.
    const full = await host.run(['sh', '-c', `${launcher} ls > /dev/full`], { env, expectExit: 1 })
    expect(full.stderr).toBe(
      'tsnet: writing the output: No space left on device\n' +
        '  hint: give it room and run it again: what has been done is found done\n',
    )
    await host.tsnet('daemon', 'stop')
  })

  it('passes on standard input, relative paths and the environment', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    const request = JSON.stringify({ container: { id: 'web' }, publish: ['8080:80'] })
    await host.sh(`mkdir -p /run/here; touch /run/here/box; mount --bind ${box.netns} /run/here/box`)
    await host.sh(`echo '${request}' > /run/here/request.json`)
    const started = await call(host, ['setup', '--config', '-', '--netns', 'box', '-q'], {
      stdin: request,
      cwd: '/run/here',
    })
    expect(started.stdout).toBe('web\n')
    const again = await call(host, ['setup', '--config', 'request.json', '--netns', 'box', '-q'], {
      cwd: '/run/here',
    })
    expect(again.stdout).toBe('web\n')
    expect((await call(host, ['ls', '-q', '--state-dir', 'elsewhere'], { cwd: '/run/here' })).stdout).toBe('')
    expect((await host.sh('ls /run/here/elsewhere')).stdout).toContain('tsnetd.sock')
    const refused = await call(host, ['ls'], { env: { TSNET_FIREWALL: 'wall' }, expectExit: 2 })
    expect(refused.stderr).toContain('"wall" is no firewall backend')
    expect((await call(host, ['teardown', '--netns', 'box', '-q'], { cwd: '/run/here' })).stdout).toBe(
      'web\n',
    )
    await host.sh('umount -l /run/here/box')
  })

  it('works as a copy, as a link and without any environment', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh(
      `mkdir -p /run/bin; cp ${launcher} /run/bin/tsnet; mkdir /run/links; ln -s ${launcher} /run/links/tsnet`,
    )
    for (const path of ['/run/bin/tsnet', '/run/links/tsnet']) {
      expect((await host.run(['env', '-i', path, 'ls', '--json'])).stdout).toBe('[]\n')
      expect((await host.run(['env', '-i', path, 'version', '-q'])).stdout).toBe('0.1.0\n')
      expect((await host.run(['env', '-i', 'TSNET_VIA=local', path, 'ls', '--json'])).stdout).toBe('[]\n')
    }
    expect(await calls(host)).toEqual({ 'tsnet ls': 2 })
    await host.tsnet('daemon', 'stop')
  })

  it('does without a daemon where it is told to, and where none can be', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const ls = ['ls', '--json']
    for (const one of [
      { TSNET_VIA: 'local' },
      { TSNET_VIA: 'auto' },
      { TSNET_SOCKET: '/proc/nowhere/tsnetd.sock' },
    ]) {
      expect((await call(host, ls, { env: one })).stdout).toBe('[]\n')
    }
    expect((await host.sh('ls /run')).stdout).not.toContain('tsnet')
    // A socket nobody serves any more, and a file in its place.
    await host.sh('mkdir -p /run/tsnet; echo > /run/tsnet/tsnetd.sock')
    expect((await call(host, ls)).stdout).toBe('[]\n')
    await host.tsnet('daemon', 'stop')
  })

  it('is started a hundred times at once without a daemon: one is started, and serves them all', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const line = 'for i in $(seq 100); do "$0" ls --json & done; wait'
    const { stdout } = await host.run(['sh', '-c', line, launcher], { env, timeoutMs: 100_000 })
    expect(stdout).toBe('[]\n'.repeat(100))
    expect(await calls(host)).toEqual({ 'tsnet ls': 100 })
    const log = (await host.tsnet('daemon', 'logs')).stdout
    expect(log.split('\n').filter((one) => one.includes('"listening"'))).toHaveLength(1)
    await host.tsnet('daemon', 'stop')
  })

  it('takes back what it did on SIGINT, and ends with its exit code', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await call(host, ['setup', '--netns', box.netns])
    await call(host, ['teardown', '--netns', box.netns])
    const before = await snapshot(host)
    const lock = await hostLock(host)
    const setup = host.start([launcher, 'setup', '--netns', box.netns], { env })
    await untilWorking(host)
    process.kill(setup.pid, 'SIGINT')
    // Though somebody has the lock still.
    expect(await setup.exited).toBe(130)
    lock.write('go on\n')
    await lock.exited
    await host.sh('rm -r /run/tsnet/locks')
    expect(snapshotDifference(before, await snapshot(host), daemonFiles)).toEqual([])
    await host.tsnet('daemon', 'stop')
  })

  it('is killed: what it asked for is taken back', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await call(host, ['setup', '--netns', box.netns])
    await call(host, ['teardown', '--netns', box.netns])
    const before = await snapshot(host)
    const lock = await hostLock(host)
    const setup = host.start([launcher, 'setup', '--netns', box.netns], { env })
    await untilWorking(host)
    process.kill(setup.pid, 'SIGKILL')
    await setup.exited
    lock.write('go on\n')
    await lock.exited
    // It ends when its last call has.
    await host.tsnet('daemon', 'stop')
    // The file our lock has made goes with the next command, which finds nothing else to do.
    const { stdout } = await host.tsnet('gc')
    expect(stdout).toBe('nothing to clean up\n')
    expect(snapshotDifference(before, await snapshot(host), daemonFiles)).toEqual([])
  })

  it('asks again when the daemon is killed under its call', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await call(host, ['ls'])
    const lock = await hostLock(host)
    const setup = call(host, ['setup', '--netns', box.netns, '--id', 'web', '-q'])
    await untilWorking(host)
    expect(host.signal(daemonPid(host), 'SIGKILL')).toBe(true)
    await sleep(100)
    lock.write('go on\n')
    expect(await setup).toEqual({ exitCode: 0, stdout: 'web\n', stderr: '' })
    expect(await calls(host)).toEqual({ 'tsnet setup': 1 })
    expect((await call(host, ['teardown', 'web', '-q'])).stdout).toBe('web\n')
    await host.tsnet('daemon', 'stop')
  })

  it('does it itself when the daemon is frozen', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await call(host, ['ls'])
    const pid = daemonPid(host)
    expect(host.signal(pid, 'SIGSTOP')).toBe(true)
    expect((await call(host, ['ls', '--json'])).stdout).toBe('[]\n')
    host.signal(pid, 'SIGCONT')
    // Whoever has given up is not served behind its back.
    await sleep(100)
    expect(await calls(host)).toEqual({ 'tsnet ls': 1 })
    await host.tsnet('daemon', 'stop')
  })

  it('has its daemon and the name server come before ordinary programs, and plugins of others after them, with its environment', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    // It has its place after it was started: by then it may have begun.
    const plugin = [
      '#!/bin/sh',
      'for try in $(seq 50); do [ "$(nice)" = 0 ] && break; sleep 0.1; done',
      'nice > /run/plugins/nice',
      'echo "$TRACEPARENT $CNI_COMMAND" > /run/plugins/told',
      `echo '{"cniVersion":"1.0.0","ips":[{"address":"10.9.0.2/24"}]}'`,
    ]
    await host.sh('mkdir /run/plugins; cat > /run/plugins/mine; chmod 755 /run/plugins/mine', {
      stdin: `${plugin.join('\n')}\n`,
    })
    await host.run([`${repository}dist/cni/bridge`], {
      stdin: JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'bridge', ipam: { type: 'mine' } }),
      env: {
        CNI_COMMAND: 'ADD',
        CNI_CONTAINERID: 'pod1',
        CNI_IFNAME: 'eth1',
        CNI_NETNS: box.netns,
        CNI_PATH: '/run/plugins',
        TRACEPARENT: '00-ab-cd-01',
      },
    })
    const web = await lab.container(host)
    await call(host, ['setup', '--netns', web.netns, '--id', 'web'])
    const placeOf = (pid: number): unknown => {
      const [, words = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
      return {
        nice: Number(words.split(' ')[16]),
        group: readFileSync(`/proc/${pid}/autogroup`, 'utf8').split(' ')[2],
      }
    }
    const { stdout } = await host.sh("ss -lnupH 'sport = 53'")
    const preferred = { nice: -10, group: '-10\n' }
    expect(placeOf(daemonPid(host))).toEqual(preferred)
    expect(placeOf(Number(/pid=(\d+)/.exec(stdout)?.[1]))).toEqual(preferred)
    expect((await host.sh('cat /run/plugins/nice')).stdout).toBe('0\n')
    expect((await host.sh('cat /run/plugins/told')).stdout).toBe('00-ab-cd-01 ADD\n')
    await call(host, ['teardown', 'web'])
    await host.tsnet('daemon', 'stop')
  })

  it('runs CNI plugins, with the answers of the Node programs', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    const conf = JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'tsnet' })
    const run = (via: string | undefined, command: string, stdin = conf): Promise<RunResult> =>
      host.run([`${repository}dist/cni/tsnet`], {
        stdin,
        expectExit: 'any',
        env: {
          CNI_COMMAND: command,
          CNI_CONTAINERID: 'pod1',
          CNI_IFNAME: 'eth0',
          CNI_NETNS: box.netns,
          CNI_PATH: `${repository}dist/cni`,
          TSNET_VIA: via,
        },
      })
    const round = async (via: string | undefined): Promise<unknown> => {
      const version = await run(via, 'VERSION')
      const wrong = await run(via, 'ADD', '{')
      const added = await run(via, 'ADD')
      const twice = await run(via, 'ADD')
      const deleted = await run(via, 'DEL')
      return [version, wrong, added, twice, deleted, await run(via, 'DEL')]
    }
    expect(await round(undefined)).toEqual(await round('local'))
    expect(await calls(host)).toEqual({ 'cni/tsnet ADD': 3, 'cni/tsnet DEL': 2 })
    await host.tsnet('daemon', 'stop')
  })
})
