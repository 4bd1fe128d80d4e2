/**
 * The throwaway hosts keep their promises; every other netns test leans on them.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { processesBeside } from '../../netns-fixtures/namespaces.ts'
import { type Place, repository } from '../../netns-fixtures/place.ts'
import { runToEnd, signalGroup, startInBackground } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { visit } from './visit.ts'

needs('root', 'ip', 'nft', 'iptables', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6')

/** The message of the error that `promise` ends with. */
async function messageOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'no error',
    (error: Error) => error.message,
  )
}

/** Two hosts on a dual-stack wire: near 198.51.100.1, far 198.51.100.2. */
async function wired(lab: Lab) {
  const near = await lab.host('near')
  const far = await lab.host('far')
  await lab.wire(near, far, '198.51.100.0/24', { v6: '2001:db8:1::/64' })
  return { near, far }
}

/** A zombie has ended; it only waits for PID 1, which may take seconds on small machines. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Of whom it is known that he is in there: who is killed on his way in is no process of the place yet. */
async function sleeperIn(place: Place): Promise<number> {
  const sleeper = place.start(['sh', '-c', 'echo here; exec sleep 1000'])
  await sleeper.waitFor('here')
  return sleeper.pid
}

/** Waits until none of the pids runs, and returns those that still do after a minute. */
async function stillRunning(pids: readonly number[]): Promise<number[]> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const left = pids.filter(runs)
    if (left.length === 0 || Date.now() > deadline) return left
    await sleep(20)
  }
}

describe('a throwaway host', () => {
  it('sees only its own loopback, by netlink and in sysfs', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    expect((await host.run(['ip', '-br', 'addr'])).stdout.trim().split(/\s+/)).toEqual([
      'lo',
      'UNKNOWN',
      '127.0.0.1/8',
      '::1/128',
    ])
    expect((await host.run(['ls', '/sys/class/net'])).stdout).toBe('lo\n')
    expect(await host.probe.tcp('198.51.100.2', 80)).toBe('unreachable')
  })

  it.each(['yes', 'no'] as const)('keeps what it writes to itself (overlayfs: %s)', async (overlay) => {
    await using lab = await createLab()
    const [one, two] = [await lab.host('one', { overlay }), await lab.host('two', { overlay })]
    const folders = [
      '/run',
      '/run/netns',
      '/dev/shm',
      '/var/lib',
      '/var/lib/tsnet',
      '/var/lib/cni',
      '/etc',
      '/etc/tsnet',
      '/etc/cni',
    ]
    const files = folders.map((folder) => `${folder}/lab-${process.pid}-was-here`)
    await one.sh(`for file in ${files.join(' ')}; do echo one > $file; done`)
    expect((await one.run(['cat', ...files])).stdout).toBe('one\n'.repeat(files.length))
    expect((await two.run(['ls', ...files], { expectExit: 'any' })).stdout).toBe('')
    expect(files.filter((file) => existsSync(file))).toEqual([])
  })

  it('has the usual contents of /etc and /var/lib, with or without overlayfs', async () => {
    await using lab = await createLab()
    const listing = 'cd /; find etc var/lib -maxdepth 1 | grep -vE "/(tsnet|cni)$" | sort'
    const machine = (await runToEnd(['sh', '-c', listing])).stdout
    for (const overlay of ['yes', 'no'] as const) {
      const host = await lab.host(`overlay-${overlay}`, { overlay })
      expect((await host.sh(listing)).stdout).toBe(machine)
    }
  })

  it('routes in both families when made with forwarding', async () => {
    await using lab = await createLab()
    const host = await lab.host('router', { forwarding: true })
    const { stdout } = await host.run([
      'cat',
      '/proc/sys/net/ipv4/ip_forward',
      '/proc/sys/net/ipv6/conf/all/forwarding',
    ])
    expect(stdout).toBe('1\n1\n')
  })

  it.each([
    ['nft', 'yes', 'nf_tables'],
    ['legacy', 'yes', 'legacy'],
    ['nft', 'no', 'nf_tables'],
    ['legacy', 'no', 'legacy'],
  ] as const)('has iptables of the chosen variant: %s (overlayfs: %s)', async (iptables, overlay, word) => {
    await using lab = await createLab()
    const machine = await runToEnd(['iptables', '--version'])
    const host = await lab.host('h1', { iptables, overlay })
    for (const folder of ['', '/usr/sbin/', '/sbin/']) {
      for (const name of [
        'iptables',
        'iptables-save',
        'iptables-restore',
        'ip6tables',
        'ip6tables-save',
        'ip6tables-restore',
      ]) {
        expect((await host.run([`${folder}${name}`, '--version'])).stdout).toContain(`(${word})`)
      }
    }
    expect(await runToEnd(['iptables', '--version'])).toEqual(machine)
  })

  it('runs TypeScript of this repository', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const script = `
      import { networkInterfaces } from 'node:os'
      console.log(JSON.stringify([Object.keys(networkInterfaces()), process.argv.slice(2)] satisfies unknown))`
    await host.run(['tee', '/run/agent.ts'], { stdin: script })
    expect(JSON.parse((await host.node('/run/agent.ts', 'a', 'b')).stdout)).toEqual([['lo'], ['a', 'b']])
  })
})

describe('a container', () => {
  it('is an empty namespace that any host can open by its path', async () => {
    await using lab = await createLab()
    const [host, other] = [await lab.host('h1'), await lab.host('h2')]
    const box = await lab.container(host)
    expect((await box.run(['ip', '-br', 'link'])).stdout).toMatch(/^lo +DOWN .*\n$/)
    const namespaces = await Promise.all(
      [host, other].map((place) => place.run(['stat', '-Lc', '%i', place.netns, box.netns])),
    )
    const [own, inside] = namespaces.map(({ stdout }) => stdout.trim().split('\n'))
    expect(own?.[1]).toBe(inside?.[1])
    expect(new Set([own?.[0], inside?.[0], own?.[1]]).size).toBe(3)
  })

  it('takes its processes and its end of a veth along when it is killed', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const box = await lab.container(host)
    await lab.wire(host, box, '192.0.2.0/24')
    await box.serve.tcp(80)
    const sleeper = await sleeperIn(box)
    await box.kill()
    await host.waitForLinkGone('eth0')
    expect(await stillRunning([box.pid, sleeper])).toEqual([])
    expect(runs(host.pid)).toBe(true)
    await box.kill()
  })
})

describe('a wire', () => {
  it('has the first two addresses of its prefixes, ready to use', async () => {
    await using lab = await createLab()
    const [one, two] = [await lab.host('one'), await lab.host('two')]
    const options = {
      v6: '2001:db8:1::/64',
      mtu: 1400,
      names: ['up0', 'down0'],
      defaultRoute: 'second',
    } as const
    expect(await lab.wire(one, two, '203.0.113.0/24', options)).toEqual({
      first: { ifname: 'up0', v4: '203.0.113.1', v6: '2001:db8:1::1' },
      second: { ifname: 'down0', v4: '203.0.113.2', v6: '2001:db8:1::2' },
    })
    expect((await two.run(['ip', 'route', 'show', 'default'])).stdout).toBe(
      'default via 203.0.113.1 dev down0 \n',
    )
    expect((await two.run(['ip', '-6', 'route', 'show', 'default'])).stdout).toMatch(
      /^default via 2001:db8:1::1 dev down0 /,
    )
    expect((await one.run(['ip', 'route', 'show', 'default'])).stdout).toBe('')
    expect((await one.run(['cat', '/sys/class/net/up0/mtu'])).stdout).toBe('1400\n')
    expect((await two.run(['cat', '/sys/class/net/down0/mtu'])).stdout).toBe('1400\n')
  })

  it('may be IPv6 only, and takes the next free interface names', async () => {
    await using lab = await createLab()
    const { near, far } = await wired(lab)
    expect(await lab.wire(far, near, '2001:db8:2::/64')).toEqual({
      first: { ifname: 'eth1', v6: '2001:db8:2::1' },
      second: { ifname: 'eth1', v6: '2001:db8:2::2' },
    })
  })

  it('refuses addresses that could be somebody’s', async () => {
    await using lab = await createLab()
    const [one, two] = [await lab.host('one'), await lab.host('two')]
    expect(await messageOf(lab.wire(one, two, '10.0.0.0/24'))).toMatchInlineSnapshot(
      `"10.0.0.0/24: wires use 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 or 2001:db8::/32 only"`,
    )
  })
})

describe('a probe', () => {
  it.each([
    ['IPv4', '198.51.100.1', '198.51.100.2', '203.0.113.9'],
    ['IPv6', '2001:db8:1::1', '2001:db8:1::2', '2001:db8:ff::9'],
  ])(
    'tells reached, refused, dropped, rejected and unreachable apart over %s',
    async (_family, own, address, nowhere) => {
      await using lab = await createLab()
      const { near, far } = await wired(lab)
      for (const port of [80, 81, 82]) {
        await far.serve.tcp(port)
        await far.serve.udp(port)
      }
      await far.run(['nft', '-f', '-'], {
        stdin: `table inet t {
        chain c {
          type filter hook input priority 0; policy accept;
          meta l4proto { tcp, udp } th dport 81 drop
          meta l4proto { tcp, udp } th dport 82 reject with icmpx admin-prohibited
        }
      }`,
      })
      const table = await Promise.all(
        (['tcp', 'udp'] as const).map(async (protocol) => ({
          open: (await near.probe[`${protocol}Detail`](address, 80)).seenAs,
          verdicts: await Promise.all([
            // An answer needs processes on two sides.
            near.probe[protocol](address, 80, { timeoutMs: 10_000 }),
            near.probe[protocol](address, 81),
            near.probe[protocol](address, 83, { timeoutMs: 10_000 }),
            near.probe[protocol](address, 82, { timeoutMs: 2500 }),
            near.probe[protocol](nowhere, 80),
          ]),
        })),
      )
      const expected = {
        open: own,
        verdicts: ['reached', 'timeout', 'refused', 'unreachable', 'unreachable'],
      }
      expect(table).toEqual([expected, expected])
    },
  )

  it('says from which address and port the server saw it, and the server agrees', async () => {
    await using lab = await createLab()
    const { near, far } = await wired(lab)
    await near.run(['ip', 'addr', 'add', '198.51.100.77/24', 'dev', 'eth0'])
    const options = { from: '198.51.100.77', sourcePort: 4321 }
    const peer = { address: '198.51.100.77', port: 4321 }
    for (const protocol of ['tcp', 'udp'] as const) {
      const server = await far.serve[protocol](0, { address: '198.51.100.2' })
      expect(await near.probe[`${protocol}Detail`]('198.51.100.2', server.port, options)).toEqual({
        verdict: 'reached',
        seenAs: '198.51.100.77',
        answer: { name: 'far', peer, local: { address: '198.51.100.2', port: server.port } },
      })
      expect(await server.seen()).toEqual([peer])
      await server.close()
      expect(await near.probe[protocol]('198.51.100.2', server.port, options)).toBe('refused')
    }
  })

  it('speaks SCTP where the kernel does not, and sees through its translation', async () => {
    await using lab = await createLab()
    const { near, far } = await wired(lab)
    await near.run(['ip', 'addr', 'add', '198.51.100.77/24', 'dev', 'eth0'])
    const server = await far.serve.sctp(80)
    for (const [address, from] of [
      ['198.51.100.2', '198.51.100.77'],
      ['2001:db8:1::2', '2001:db8:1::1'],
    ] as const) {
      const options = { from, sourcePort: 4321 }
      const answer = {
        name: 'far',
        peer: { address: from, port: 4321 },
        local: { address, port: 80 },
      }
      const reached = { verdict: 'reached', seenAs: from, answer }
      expect(await near.probe.sctpDetail(address, 80, options)).toEqual(reached)
      expect(await near.probe.sctp(address, 81)).toBe('refused')
    }
    expect(await server.seen()).toEqual([
      { address: '198.51.100.77', port: 4321 },
      { address: '2001:db8:1::1', port: 4321 },
    ])
    expect(await near.probe.sctp('192.0.2.1', 80)).toBe('unreachable')
    // The checksum covers the ports: netfilter translates only where it is right, and so must it be afterwards.
    await far.sh(
      `nft 'table ip t { chain c { type nat hook prerouting priority 0; sctp dport 9000 dnat to :80; }; }'`,
    )
    expect(await near.probe.sctpDetail('198.51.100.2', 9000)).toMatchObject({
      verdict: 'reached',
      answer: { local: { address: '198.51.100.2', port: 80 } },
    })
  })

  it('counts a server that waits for us to speak as reached', async () => {
    await using lab = await createLab()
    const { near, far } = await wired(lab)
    const page = 'x'.repeat(300_000)
    await far.serve.http(80, { body: page })
    // As long as the kernel takes to ask for a neighbour once more.
    const silence = { timeoutMs: 1500 }
    expect(await near.probe.tcpDetail('198.51.100.2', 80, silence)).toEqual({ verdict: 'reached' })
    expect(await near.probe.http('2001:db8:1::2', 80)).toEqual({
      verdict: 'reached',
      status: 200,
      body: page,
    })
  })

  it('runs by the hundred beside others', async () => {
    await using lab = await createLab()
    const { near, far } = await wired(lab)
    const ports = Array.from({ length: 200 }, (_, index) => 7000 + index)
    await Promise.all(ports.map((port) => far.serve.tcp(port)))
    const verdicts = await Promise.all([...ports, 7200].map((port) => near.probe.tcp('2001:db8:1::2', port)))
    expect(verdicts).toEqual([...ports.map(() => 'reached'), 'refused'])
  })

  it('reports a port that is taken', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.serve.tcp(80)
    expect(await messageOf(host.serve.tcp(80))).toBe('h1: listen EADDRINUSE: address already in use :::80')
  })
})

describe('a command', () => {
  it('shows on failure what it was, what it said, and what the place looked like', async () => {
    await using lab = await createLab()
    const { near } = await wired(lab)
    await near.run(['nft', 'add', 'table', 'inet', 'evidence'])
    const message = await messageOf(near.run(['sh', '-c', 'echo out; echo err >&2; exit 7']))
    expect(message.replaceAll(/fe80::\S+/g, 'fe80::…').replaceAll(/ +\n/g, '\n')).toMatchInlineSnapshot(`
      "near: sh -c 'echo out; echo err >&2; exit 7': exit code 7, expected 0
      stdout: out
      stderr: err
      --- near: ip -br addr
      lo               UNKNOWN        127.0.0.1/8 ::1/128
      eth0@if2         UP             198.51.100.1/24 2001:db8:1::1/64 fe80::…
      --- near: ip route
      198.51.100.0/24 dev eth0 proto kernel scope link src 198.51.100.1
      --- near: ip -6 route
      2001:db8:1::/64 dev eth0 proto kernel metric 256 pref medium
      fe80::… dev eth0 proto kernel metric 256 pref medium
      --- near: nft list ruleset
      table inet evidence {
      }"
    `)
  })

  it('may end as the caller expects it to', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    expect(
      await host.run(['sh', '-c', 'cat; echo "$WORD" >&2; pwd; exit 7'], {
        stdin: 'in ',
        env: { WORD: 'word' },
        cwd: '/run/netns',
        expectExit: 7,
      }),
    ).toEqual({ exitCode: 7, stdout: 'in /run/netns\n', stderr: 'word\n' })
    expect((await host.run(['sh', '-c', 'kill -9 $$'], { expectExit: 'any' })).exitCode).toBe(137)
    expect(await messageOf(host.run(['true'], { expectExit: 1 }))).toMatch(
      /^h1: true: exit code 0, expected 1\n/,
    )
  })

  it('is killed with everything it started when its time is over', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const message = await messageOf(host.sh('sleep 1000 & echo $! $$; wait', { timeoutMs: 10_000 }))
    expect(message).toContain('not done after 10000 ms')
    const pids = (/stdout: (\d+) (\d+)/.exec(message) ?? []).slice(1).map(Number)
    expect(pids).toHaveLength(2)
    expect(await stillRunning(pids)).toEqual([])
  })

  it('runs in the background until it is stopped', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const echo = host.start(['sh', '-c', 'echo ready; while read -r word; do echo "got $word"; done'])
    expect(await echo.waitFor('ready\n')).toBe('ready\n')
    echo.write('one\n')
    expect(await echo.waitFor(/got \w+\n/)).toBe('ready\ngot one\n')
    expect(await echo.stop()).toBe(143)
    expect(await messageOf(echo.waitFor('never'))).toMatch(/ended with exit code 143 without printing never/)
  })
})

/** Shell that starts daemons of three kinds, two of them in mount and network namespaces of their own, and prints their pids. */
const wanderers = `
  setsid unshare -m sleep 1000 >/dev/null 2>&1 & one=$!
  setsid unshare -n -m sleep 1000 >/dev/null 2>&1 & two=$!
  setsid sh -c 'while :; do sleep 1000; done' >/dev/null 2>&1 & three=$!
  until [ "$(cat /proc/$one/comm /proc/$two/comm)" = "$(echo sleep; echo sleep)" ]; do :; done
  echo [$one, $two, $three]`

const commandOf = (pid: number): string =>
  whileThere(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')

/** Processes of this host and of others end while one looks. */
function whileThere(look: () => string): string {
  try {
    return look()
  } catch {
    return ''
  }
}

describe('disposing', () => {
  it('leaves no process behind, also none that made itself a daemon, when a test throws', async () => {
    const pids: number[] = []
    const test = async (): Promise<void> => {
      await using lab = await createLab()
      const { near, far } = await wired(lab)
      const box = await lab.container(near)
      await Promise.all([near, far, box].map((place) => place.serve.tcp(80)))
      const daemon = await box.sh('setsid sleep 1000 >/dev/null 2>&1 & echo $!')
      pids.push(near.pid, far.pid, box.pid, await sleeperIn(near), Number(daemon.stdout))
      expect(pids.filter(runs)).toHaveLength(5)
      throw new Error('the test’s own')
    }
    expect(await messageOf(test())).toBe('the test’s own')
    expect(await stillRunning(pids)).toEqual([])
  })

  it('takes along what has left the namespaces of its host, and what starts others when they are killed', async () => {
    const lab = await createLab()
    const box = await lab.container(await lab.host('h1'))
    const pids = JSON.parse((await box.sh(wanderers)).stdout) as number[]
    expect(pids.filter(runs)).toHaveLength(3)
    await lab.dispose()
    expect(await stillRunning(pids)).toEqual([])
  })

  it('takes along the name server and the daemon that commands have started', async () => {
    const lab = await createLab()
    const host = await lab.host('h1')
    const box = await lab.container(host)
    await host.tsnet('setup', '--netns', box.netns)
    await host.tsnet('daemon', 'start')
    const pids = processesBeside(host.pid).filter((pid) => commandOf(pid).includes('/dist/bin/tsnet'))
    expect(pids.map(commandOf)).toEqual(
      expect.arrayContaining([expect.stringMatching(/tsnet-dns/), expect.stringMatching(/daemon run/)]),
    )
    await lab.dispose()
    expect(await stillRunning(pids)).toEqual([])
  })

  it('is done by the hosts themselves when the test worker is killed', async () => {
    const worker = `
      const { createLab } = await import('${repository}netns-fixtures/lab.ts')
      const lab = await createLab()
      const host = await lab.host('orphan')
      const box = await lab.container(host)
      await box.serve.tcp(80)
      const wanderers = JSON.parse((await box.sh(${JSON.stringify(wanderers)})).stdout)
      const sleeper = host.start(['sh', '-c', 'echo here; exec sleep 1000'])
      await sleeper.waitFor('here')
      console.log(JSON.stringify([host.pid, box.pid, sleeper.pid, ...wanderers]))
      process.kill(process.pid, 'SIGKILL')`
    const argv = [
      process.execPath,
      '--import',
      `${repository}node_modules/tsx/dist/loader.mjs`,
      '--input-type=module',
    ]
    const { stdout } = await runToEnd([...argv, '--eval', worker], { cwd: repository, expectExit: 137 })
    const pids = JSON.parse(stdout) as number[]
    expect(pids).toHaveLength(6)
    expect(await stillRunning(pids)).toEqual([])
  })

  it('signals nobody who was given the number of one that has ended', async () => {
    const other = startInBackground(['sleep', '60'])
    const ended = { pid: other.pid, exitCode: 0, signalCode: null }
    signalGroup(ended, 'SIGTERM')
    signalGroup({ ...ended, exitCode: null, signalCode: 'SIGKILL' }, 'SIGTERM')
    // Whoever comes first has ended it.
    process.kill(-other.pid, 'SIGINT')
    expect(await other.exited).toBe(130)
  })

  it('signals nobody of another host, whose number a stale file may have', async () => {
    await using lab = await createLab()
    const [one, two] = [await lab.host('h1'), await lab.host('h2')]
    const other = two.start(['sh', '-c', 'echo here; exec sleep 60'])
    await other.waitFor('here')
    expect(one.signal(other.pid, 'SIGTERM')).toBe(false)
    expect(two.signal(other.pid, 'SIGINT')).toBe(true)
    expect(await other.exited).toBe(130)
    expect(two.signal(other.pid, 'SIGINT')).toBe(false)
  })

  it('leaves those alone that only look into the namespace, as tsnet ps of another test does', async () => {
    await using others = await createLab()
    const home = await others.host('h1')
    const lab = await createLab()
    const host = await lab.host('h1')
    const box = await lab.container(host)
    const visits = await Promise.all([box, host].map((place) => visit(home, place.netns)))
    await box.kill()
    await lab.dispose()
    for (const leave of visits) expect(await leave()).toBe(0)
  })

  it('takes along whom an ended leader has left behind', async () => {
    const leader = startInBackground(['sh', '-c', 'sleep 60 & echo $!'])
    const left = Number(await leader.waitFor(/\n/))
    await leader.stop()
    expect(await stillRunning([left])).toEqual([])
  })

  it('can be done twice', async () => {
    const lab = await createLab()
    const host = await lab.host('h1')
    await lab.dispose()
    await lab.dispose()
    expect(await stillRunning([host.pid])).toEqual([])
  })
})

describe('npm run lab', () => {
  it.each(['one-host', 'two-hosts', 'dual-stack'])(
    'builds %s, runs what is piped in, and leaves nothing',
    async (name) => {
      const argv = [
        process.execPath,
        '--import',
        `${repository}node_modules/tsx/dist/loader.mjs`,
        `${repository}netns-fixtures/shell.ts`,
        name,
      ]
      const { stdout } = await runToEnd(argv, {
        stdin: 'ping -c 1 -W 10 -q 198.51.100.2 >/dev/null && echo pinged; ls -L $ONE $TWO; exit 3',
        expectExit: 3,
        timeoutMs: 60_000,
      })
      expect(stdout).toMatch(/pinged\n\/proc\/\d+\/ns\/net\n\/proc\/\d+\/ns\/net\n$/)
      const pids = [...stdout.matchAll(/nsenter -t (\d+)/g)].map(([, pid]) => Number(pid))
      expect(pids.length).toBeGreaterThanOrEqual(4)
      expect(await stillRunning(pids)).toEqual([])
    },
  )

  it('names the topologies there are', async () => {
    const argv = [
      process.execPath,
      '--import',
      `${repository}node_modules/tsx/dist/loader.mjs`,
      `${repository}netns-fixtures/shell.ts`,
      'moon',
    ]
    const { stderr } = await runToEnd(argv, { expectExit: 2 })
    expect(stderr).toBe('no topology moon; there are one-host, two-hosts, dual-stack\n')
  })
})
