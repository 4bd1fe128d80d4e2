/**
 * tsnetd on a real host: its life, whom it serves, and what is left when it dies.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { DaemonStatus } from '../../lib/daemon.ts'
import type { ContainerNetwork } from '../../lib/index.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { Background } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { dig } from './nameyard.ts'
import { layStreet } from './traceless.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'built', 'dig')

const env = { TSNET_FIREWALL: 'nftables' }
const program = `${repository}dist/bin/tsnet`
const launcher = `${repository}dist/launcher/tsnet`

/** What the host sees at that path. */
const inHost = (host: Host, path: string): string => `/proc/${host.pid}/root${path}`

async function running(host: Host, ...flags: string[]): Promise<Background> {
  const daemon = host.start([process.execPath, program, 'daemon', 'run', ...flags], { env })
  await daemon.waitFor('"listening"')
  return daemon
}

async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`still not so after 30 s: ${what}`)
    await sleep(10)
  }
}

/** Its lines, without times, durations and pids. */
const told = (log: string): unknown[] =>
  log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .map(({ time: _time, ms: _ms, pid: _pid, ...rest }) => rest)

/** Of a tsnetd that was started on demand. */
const logOf = (host: Host): string => readFileSync(inHost(host, '/run/tsnet/tsnetd.log'), 'utf8')

describe('tsnetd', () => {
  it('is started, shown and ended by hand, and leaves nothing but its log', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    expect(await host.tsnet('daemon', 'status', { expectExit: 3 })).toMatchObject({
      stdout: 'tsnetd is not running at /run/tsnet/tsnetd.sock\n',
      stderr: '',
    })
    expect((await host.tsnet('daemon', 'stop')).stdout).toBe('tsnetd is not running\n')
    const started = await host.tsnetJson<DaemonStatus>('daemon', 'start')
    expect(started).toEqual({
      pid: expect.any(Number),
      version: '0.1.0',
      protocol: 1,
      socket: '/run/tsnet/tsnetd.sock',
      startedAt: expect.any(String),
      residentBytes: expect.any(Number),
      calls: {},
      active: 0,
    })
    expect((await host.tsnet('daemon', 'start', '-q')).stdout).toBe(`${started.pid}\n`)
    const mode = (path: string): string => (statSync(inHost(host, path)).mode & 0o777).toString(8)
    expect([mode('/run/tsnet'), mode('/run/tsnet/tsnetd.sock')]).toEqual(['700', '600'])
    expect((await host.tsnet('daemon', 'stop', '-q')).stdout).toBe(`${started.pid}\n`)
    expect((await host.sh('ls /run/tsnet')).stdout).toBe('tsnetd.log\n')
    expect(told((await host.tsnet('daemon', 'logs')).stdout)).toEqual([
      { level: 'info', text: 'listening', socket: '/run/tsnet/tsnetd.sock', version: '0.1.0' },
      { level: 'info', text: 'leaving', reason: 'asked to end' },
    ])
  })

  it('refuses a second one at the same socket, but not at another', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const daemon = await running(host)
    const second = await host.tsnet('daemon', 'run', { expectExit: 4 })
    expect(second.stderr).toBe(
      `tsnet: claiming /run/tsnet/tsnetd.sock: tsnetd (pid ${daemon.pid}) answers there already\n` +
        '  value: /run/tsnet/tsnetd.sock\n' +
        '  hint: "tsnet daemon stop" ends it; "tsnet daemon status" shows it\n',
    )
    const other = await running(host, '--socket', '/run/other.sock')
    expect(await other.stop()).toBe(0)
    expect(await daemon.stop()).toBe(0)
    expect((await host.sh('ls /run')).stdout).not.toContain('tsnet')
  })

  it('serves the command line, logs one line for each call, and tells errors as they are', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    const daemon = await running(host)
    const flags = ['--netns', box.netns, '--id', 'web', '-p', '8080:80', { env }] as const
    const web = await host.tsnetJson<ContainerNetwork>('setup', ...flags)
    expect(await host.tsnetJson('setup', ...flags)).toEqual(web)
    const served = await host.tsnet('setup', '--netns', box.netns, '--id', 'web', { env, expectExit: 4 })
    const alone = await host.tsnet('setup', '--netns', box.netns, '--id', 'web', {
      env: { ...env, TSNET_VIA: 'local' },
      expectExit: 4,
    })
    expect(served).toEqual(alone)
    const steps = await host.tsnet('teardown', 'web', '--verbose')
    expect(steps.stdout).toMatch(/^took down web: /)
    await daemon.stop()
    expect(told(daemon.output())).toEqual([
      expect.objectContaining({ text: 'listening' }),
      { level: 'info', text: 'engine setup', code: 0 },
      { level: 'info', text: 'engine setup', code: 0 },
      { level: 'info', text: 'engine setup', code: 'TSNET_ALREADY_ATTACHED' },
      { level: 'info', text: 'engine teardown', code: 0 },
      { level: 'info', text: 'leaving', reason: 'asked to end' },
    ])
  })

  it('tells Prometheus what it has done and what is left, on its socket and on a loopback port', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const daemon = await running(host, '--metrics-port', '9123')
    const box = await lab.container(host)
    await host.tsnet('network', 'create', 'web', '--subnet', '10.90.0.0/24', '-o', 'dns=false')
    const flags = ['--network', 'web', '--firewall', 'nftables', '-p', '8080-8089:80-89']
    await host.tsnet('setup', '--netns', box.netns, '--id', 'c1', ...flags, { env: { TSNET_VIA: 'daemon' } })
    const wanted = {
      'tsnet_operations_total{operation="engine setup",outcome="ok"}': '1',
      tsnet_containers: '1',
      tsnet_published_ports: '10',
      'tsnet_leases_left{network="web",family="4"}': '252',
    }
    const asked = [
      await host.tsnet('daemon', 'metrics'),
      await host.sh('curl -s --unix-socket /run/tsnet/tsnetd.sock http://tsnetd/metrics'),
      await host.sh('ip link set lo up; curl -s http://127.0.0.1:9123/metrics'),
    ]
    for (const { stdout } of asked) {
      const values = Object.fromEntries(stdout.split('\n').map((line) => line.split(/ (?=\S+$)/)))
      expect(values).toMatchObject(wanted)
    }
    expect(
      (
        await host.tsnet('daemon', 'run', '--metrics-port', '9123', '--socket', '/run/other.sock', {
          expectExit: 4,
        })
      ).stderr,
    ).toMatch(/^tsnet: serving metrics on 127.0.0.1 port 9123: .*EADDRINUSE/)
    await daemon.stop()
    expect((await host.tsnet('daemon', 'metrics', { expectExit: 3 })).stderr).toBe(
      'tsnetd is not running at /run/tsnet/tsnetd.sock\n',
    )
  })

  it('ends by itself when nobody calls, and when its socket is taken away', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const idle = await running(host, '--idle-exit', '0.5')
    expect(await idle.exited).toBe(0)
    expect(told(idle.output()).at(-1)).toEqual({ level: 'info', text: 'leaving', reason: 'idle' })
    expect(existsSync(inHost(host, '/run/tsnet'))).toBe(false)
    const robbed = await running(host)
    await host.sh('rm -r /run/tsnet')
    expect(await robbed.exited).toBe(0)
    expect(robbed.output()).toContain('the socket was taken away')
  })

  it('answers the call it is at before it ends', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    const daemon = await running(host)
    await host.sh('mkdir -p /run/tsnet/locks')
    const holder = host.start(['flock', '/run/tsnet/locks/host', 'sh', '-c', 'echo held; read end'])
    await holder.waitFor('held')
    const setup = host.run([launcher, 'setup', '--netns', box.netns, '--id', 'web', '-q'], { env })
    await until('it works on the call', async () => (await status(host))?.active === 1)
    const ended = daemon.stop()
    await daemon.waitFor('"leaving"')
    await until('its name is gone', () => !existsSync(inHost(host, '/run/tsnet/tsnetd.sock')))
    holder.write('go on\n')
    expect((await setup).stdout).toBe('web\n')
    expect(await ended).toBe(0)
    expect((await host.tsnet('ls', '-q')).stdout).toBe('web\n')
    await host.tsnet('teardown', 'web', { env })
  })

  it('makes room for the tsnet that was installed in its place, and no caller notices', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const old = '/run/old-tsnet.cjs'
    await host.sh(`echo "require('${program}')" > ${old}`)
    const daemon = host.start([process.execPath, old, 'daemon', 'run'], { env })
    await daemon.waitFor('"listening"')
    expect((await host.run([launcher, 'ls', '--json'])).stdout).toBe('[]\n')
    await host.sh(`echo "// newer" > ${old}.new; mv ${old}.new ${old}`)
    expect((await host.run([launcher, 'ls', '--json'])).stdout).toBe('[]\n')
    expect(await daemon.exited).toBe(0)
    expect(daemon.output()).toContain('another tsnet is installed')
    const now = await status(host)
    expect(now?.pid).not.toBe(daemon.pid)
    expect(now?.calls).toEqual({ 'tsnet ls': 1 })
    await host.tsnet('daemon', 'stop')
  })

  it('makes room under load: each call is answered once, and no connection or question is lost', async () => {
    await using lab = await createLab()
    const { host, outside } = await layStreet(lab)
    const [web, asker] = [await lab.container(host), await lab.container(host)]
    const guests = [await lab.container(host), await lab.container(host), await lab.container(host)]
    const byHand = { env: { ...env, TSNET_VIA: 'local' } }
    await host.tsnet('setup', '--netns', web.netns, '--id', 'web', '-p', '8080:80', byHand)
    await host.tsnet('setup', '--netns', asker.netns, '--id', 'asker', byHand)
    await web.serve.tcp(80)
    const old = '/run/old-tsnet.cjs'
    await host.sh(`echo "require('${program}')" > ${old}`)
    const daemon = host.start([process.execPath, old, 'daemon', 'run'], { env })
    await daemon.waitFor('"listening"')
    // From now on no question is lost: each of those below is asked once.
    expect(await dig(asker, '@10.89.0.1', 'web')).toBe('NOERROR, A 10.89.0.2')

    const answers: string[] = []
    let isOver = false
    const request = async (): Promise<void> => {
      while (!isOver) {
        // Less than a second, after which what was lost is sent again.
        answers.push(await outside.probe.tcp('198.51.100.1', 8080, { timeoutMs: 900 }))
        answers.push((await asker.run(['dig', '+short', '+tries=1', '@10.89.0.1', 'web'])).stdout)
      }
    }
    const codes: number[] = []
    let isNewer = false
    const call = async (...words: string[]): Promise<void> => {
      const { exitCode } = await host.run([launcher, ...words], { env, expectExit: 'any', timeoutMs: 30_000 })
      codes.push(exitCode)
    }
    const comeAndGo = async (netns: string, id: string): Promise<void> => {
      // Some with the old one, some while it leaves, and some with the new one for certain.
      for (let round = 0, later = 0; round < 5 || later < 2; round++) {
        await call('setup', '--netns', netns, '--id', id, '-p', '80')
        await call('teardown', id)
        if (isNewer) later++
      }
    }
    const requests = request()
    const calls = guests.map(({ netns }, nth) => comeAndGo(netns, `guest${nth}`))
    await until('some calls are answered', () => codes.length > 5)
    await host.sh(`echo "// newer" > ${old}.new; mv ${old}.new ${old}`)
    expect(await daemon.exited).toBe(0)
    isNewer = true
    await Promise.all(calls)
    isOver = true
    await requests
    expect(codes.filter((code) => code !== 0)).toEqual([])
    expect([...new Set(answers)].sort()).toEqual(['10.89.0.2\n', 'reached'])
    // The old one and the new one together have answered each of them, and nobody had to do it himself.
    const worked = (log: string): unknown[] =>
      told(log).flatMap((line) => {
        const { text, code } = line as { text: string; code?: number }
        return /^tsnet (setup|teardown)$/.test(text) ? [code] : []
      })
    // A call is answered before its line is written.
    await expect
      .poll(() => [...worked(daemon.output()), ...worked(logOf(host))], { timeout: 20_000 })
      .toEqual(codes)
    expect(worked(daemon.output()).length).toBeGreaterThan(0)
    expect(worked(logOf(host)).length).toBeGreaterThan(0)
    await host.tsnet('daemon', 'stop')
  })

  it('answers who has started it before it looks after what others have left', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    await host.tsnet('setup', '--netns', box.netns, '--id', 'web', { env: { ...env, TSNET_VIA: 'local' } })
    const { stdout } = await host.sh("ss -lnupH 'sport = 53'")
    expect(host.signal(Number(/pid=(\d+)/.exec(stdout)?.[1]), 'SIGKILL')).toBe(true)
    expect((await host.run([launcher, 'ls', '-q'])).stdout).toBe('web\n')
    await until('the name server is back', () => logOf(host).includes('name server'))
    expect(told(logOf(host)).map((line) => (line as { text: string }).text)).toEqual([
      'listening',
      'tsnet ls',
      'name server started again',
    ])
    await host.tsnet('teardown', 'web', { env })
    await host.tsnet('daemon', 'stop')
  })

  it('takes the socket systemd hands over, and leaves it there', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const activated = await host.node('test/netns/agents/activation.ts', { env, timeoutMs: 30_000 })
    expect(JSON.parse(activated.stdout)).toEqual({
      first: { exitCode: 0, stdout: '[]\n' },
      second: { exitCode: 0, stdout: '[]\n' },
      differentProcesses: true,
      socketStays: true,
    })
  })

  it('serves a group it is told to, and nobody else', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const daemon = await running(host, '--group', '12345')
    const as = (group: string) => ['setpriv', '--reuid=65534', `--regid=${group}`, '--clear-groups']
    const ls = ['ls', '--json']
    expect((await host.run([...as('12345'), launcher, ...ls])).stdout).toBe('[]\n')
    expect((await host.run([...as('12345'), process.execPath, program, ...ls])).stdout).toBe('[]\n')
    const stranger = await host.run([...as('65534'), launcher, ...ls], { expectExit: 77 })
    expect(JSON.parse(stranger.stderr)).toMatchObject({ error: { code: 'TSNET_NOT_ROOT' } })
    await daemon.stop()
  })

  it('leaves callers of other namespaces to themselves', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    const daemon = await running(host, '--log-level', 'debug')
    // The box shares the host's files, but not its network.
    expect((await box.run([launcher, 'ls', '--json'])).stdout).toBe('[]\n')
    expect((await box.tsnet('ls', '--json')).stdout).toBe('[]\n')
    const moved = await host.run(['unshare', '-m', launcher, 'ls', '--json'])
    expect(moved.stdout).toBe('[]\n')
    await daemon.stop()
    expect(told(daemon.output()).filter((line) => (line as { text: string }).text !== 'listening')).toEqual([
      {
        level: 'debug',
        text: 'refused',
        reason: 'the caller lives in another network namespace than the daemon',
      },
      {
        level: 'debug',
        text: 'refused',
        reason: 'the caller lives in another mount namespace than the daemon',
      },
      { level: 'info', text: 'leaving', reason: 'asked to end' },
    ])
  })

  it('can be killed at any moment: everybody gets what was asked for, and all can be taken back', {
    timeout: 400_000,
  }, async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const boxes = await Promise.all(Array.from({ length: 10 }, () => lab.container(host)))
    let killing = true
    const kills = (async () => {
      let count = 0
      while (killing) {
        await sleep(40 + 60 * Math.random())
        const pid = pidOf(host)
        // Otherwise it was killed before, and nobody has started the next one yet.
        if (pid !== undefined && host.signal(pid, 'SIGKILL')) count++
      }
      return count
    })()
    const call = (...words: string[]) => host.run([launcher, ...words], { env, timeoutMs: 100_000 })
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        boxes.map((box, i) =>
          call('setup', '--netns', box.netns, '--id', `box${i}`, '-p', `${8000 + i}:80`, '-q'),
        ),
      )
      expect(await host.tsnetJson('check', { env: { ...env, TSNET_VIA: 'local' } })).toEqual([])
      await Promise.all(boxes.map((_, i) => call('teardown', `box${i}`)))
      expect(await host.tsnetJson('ls', { env: { ...env, TSNET_VIA: 'local' } })).toEqual([])
    }
    killing = false
    expect(await kills).toBeGreaterThan(3)
    await host.tsnet('daemon', 'stop')
    await host.tsnet('gc', { env: { ...env, TSNET_VIA: 'local' } })
    expect(
      (await host.sh('ls /run/tsnet')).stdout.split('\n').filter((name) => !/^tsnetd\./.test(name)),
    ).toEqual([''])
    expect((await host.sh('ip -br link show type bridge; nft list tables')).stdout).toBe('')
  })
})

async function status(host: Host): Promise<DaemonStatus | undefined> {
  const { stdout } = await host.tsnet('daemon', 'status', '--json', { expectExit: 'any' })
  return (JSON.parse(stdout) as DaemonStatus | null) ?? undefined
}

function pidOf(host: Host): number | undefined {
  try {
    return Number(readFileSync(inHost(host, '/run/tsnet/tsnetd.pid'), 'utf8')) || undefined
  } catch {
    return undefined
  }
}
