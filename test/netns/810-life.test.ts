/**
 * The life of networks and ports under running containers: real packets, real
 * default routes, and the way back.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { ContainerNetwork, PortBinding } from '../../lib/index.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6')

const backends = ['iptables', 'nftables'] as const

async function inside(host: Host, pid: number, command: string): Promise<string> {
  return (await host.sh(`nsenter -t ${pid} -n ${command}`)).stdout.trim()
}

describe.each(backends)('with %s', (backend) => {
  const flags = ['--firewall', backend]

  it('a running container joins a network, is reached there by name, and leaves without a trace', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const [web, db] = [await lab.container(host), await lab.container(host)]
    await host.tsnet('network', 'create', 'front', '--subnet', '10.90.0.0/24', ...flags)
    await host.tsnet('network', 'create', 'back', '--subnet', '10.91.0.0/24', '--ipv6', ...flags)
    await host.tsnet(
      'setup',
      '--pid',
      String(web.pid),
      '--container-name',
      'web',
      '--network',
      'front',
      ...flags,
    )
    await host.tsnet(
      'setup',
      '--pid',
      String(db.pid),
      '--container-name',
      'db',
      '--network',
      'back',
      ...flags,
    )
    await db.serve.tcp(5432)
    const [before, within] = [await snapshot(host), await snapshot(web)]
    const strict = await inside(host, web.pid, 'cat /proc/sys/net/ipv4/conf/eth0/rp_filter')

    expect(await web.probe.tcp('10.91.0.2', 5432)).not.toBe('reached')
    const now = await host.tsnetJson<ContainerNetwork>(
      ...['network', 'connect', 'back', 'web', '--alias', 'client', '--ip', '10.91.0.77'],
    )
    expect(
      now.attachments.map(({ network, ifname, addresses, defaultRoute }) => [
        network,
        ifname,
        addresses[0],
        defaultRoute,
      ]),
    ).toEqual([
      ['front', 'eth0', '10.90.0.2/24', [4]],
      // IPv6 had no way out before.
      ['back', 'eth1', '10.91.0.77/24', [6]],
    ])
    expect(await web.probe.tcp('10.91.0.2', 5432)).toBe('reached')
    expect(await inside(host, web.pid, 'ip -4 route show default')).toBe('default via 10.90.0.1 dev eth0')
    expect((await host.tsnet('dns', 'query', 'client', '--from', 'db')).stdout).toContain('10.91.0.77')
    expect((await host.tsnet('dns', 'query', 'db', '--from', 'web')).stdout).toContain('10.91.0.2')
    expect((await host.tsnet('check')).stdout).toContain('ok')

    // The same again is no change, and another wish for the same network is refused.
    await host.tsnet('network', 'connect', 'back', 'web')
    const refused = await host.tsnet('network', 'connect', 'back', 'web', '--ip', '10.91.0.9', {
      expectExit: 4,
    })
    expect(refused.stderr).toContain('it is on it already, as eth1 with 10.91.0.77')

    expect((await host.tsnet('network', 'disconnect', 'back', 'web')).stdout).toBe(
      'web left back; it is on front (eth0)\n',
    )
    expect((await host.tsnet('network', 'disconnect', 'back', 'web')).stdout).toBe('web is not on back\n')
    expect(await inside(host, web.pid, 'cat /proc/sys/net/ipv4/conf/eth0/rp_filter')).toBe(strict)
    // Where the next address is taken from.
    const left = snapshotDifference(before, await snapshot(host)).filter((line) => !line.includes('/.last'))
    expect(left).toEqual([])
    expect(snapshotDifference(within, await snapshot(web))).toEqual([])
  })

  it('the default route and published ports move with the networks, and packets follow', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const outside = await lab.host('outside')
    await lab.wire(host, outside, '198.51.100.0/24', { defaultRoute: 'first' })
    const web = await lab.container(host)
    const clean = await snapshot(host)
    const empty = await snapshot(web)
    await host.tsnet('network', 'create', 'one', '--subnet', '10.90.0.0/24', ...flags)
    await host.tsnet('network', 'create', 'two', '--subnet', '10.91.0.0/24', ...flags)
    await host.tsnet(
      ...[
        'setup',
        '--pid',
        String(web.pid),
        '--container-name',
        'web',
        '--network',
        'one',
        '-p',
        '8080:80',
        ...flags,
      ],
    )
    await web.serve.tcp(80)
    await outside.serve.tcp(7)
    const route = () => inside(host, web.pid, 'ip -4 route show default')

    await host.tsnet('network', 'connect', 'two', 'web', '--priority', '5')
    expect(await route()).toBe('default via 10.91.0.1 dev eth1')
    expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
    expect(await web.probe.tcp('198.51.100.2', 7)).toBe('reached')
    expect((await host.tsnet('check')).stdout).toContain('ok')

    await host.tsnet('network', 'disconnect', 'two', 'web')
    expect(await route()).toBe('default via 10.90.0.1 dev eth0')
    expect(await web.probe.tcp('198.51.100.2', 7)).toBe('reached')

    await host.tsnet('network', 'connect', 'two', 'web')
    await host.tsnet('network', 'disconnect', 'one', 'web')
    expect(await route()).toBe('default via 10.91.0.1 dev eth1')
    expect((await host.tsnet('port', 'web')).stdout).toBe('80/tcp -> 0.0.0.0:8080\n')
    expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
    expect((await host.tsnet('check')).stdout).toContain('ok')
    await host.tsnet('network', 'rm', 'one')

    await host.tsnet('network', 'disconnect', 'two', 'web')
    expect(await host.tsnetJson<unknown[]>('port', 'web')).toEqual([])
    const without = await host.tsnet('publish', 'add', 'web', '80:80', { expectExit: 2 })
    expect(without.stderr).toContain('it is on no network with a way in')
    await host.tsnet('teardown', 'web')
    await host.tsnet('prune')
    expect(snapshotDifference(clean, await snapshot(host))).toEqual([])
    // Loopback has been up, and the kernel remembers its queue.
    const left = snapshotDifference(empty, await snapshot(web)).filter((line) => !line.includes('lo qdisc='))
    expect(left).toEqual([])
  })

  it('ports come and go under a connection that does not notice', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const outside = await lab.host('outside')
    await lab.wire(host, outside, '198.51.100.0/24', { defaultRoute: 'first' })
    const web = await lab.container(host)
    const tool = [...['setup', '--pid', String(web.pid), '--container-name', 'web'], ...flags]
    await host.tsnet(...tool, '-p', '8080:80')
    await web.serve.tcp(80)
    await web.serve.udp(53)
    const before = await snapshot(host)
    web.start(['sh', '-c', 'exec socat TCP-LISTEN:99,fork,reuseaddr EXEC:cat 2>/dev/null'])
    await web.sh('until ss -Hltn | grep -q :99; do sleep 0.02; done')
    const added = await host.tsnetJson<PortBinding[]>(
      'publish',
      'add',
      'web',
      '8443:80',
      '5353:53/udp',
      '9000:99',
    )
    expect(added).toEqual([
      { hostPort: 8443, containerPort: 80, count: 1, protocol: 'tcp' },
      { hostPort: 5353, containerPort: 53, count: 1, protocol: 'udp' },
      { hostPort: 9000, containerPort: 99, count: 1, protocol: 'tcp' },
    ])
    expect(await outside.probe.tcp('198.51.100.1', 8443)).toBe('reached')
    expect(await outside.probe.udp('198.51.100.1', 5353, { timeoutMs: 10_000 })).toBe('reached')
    // One connection that stays open, and is answered each time.
    const talk = outside.start(['socat', '-', 'TCP:198.51.100.1:9000'])
    const say = async (word: string): Promise<void> => {
      talk.write(`${word}\n`)
      await talk.waitFor(word)
    }
    await say('one')
    expect((await host.tsnet('publish', 'add', 'web', '8443:80')).stdout).toBe(
      '0.0.0.0:8443 -> 80/tcp\n[::]:8443 -> 80/tcp\n',
    )
    expect(await host.tsnetJson<PortBinding[]>('publish', 'rm', 'web', '8443:80', '53/udp')).toEqual(
      added.slice(0, 2),
    )
    await say('two')
    expect(await outside.probe.tcp('198.51.100.1', 8443)).not.toBe('reached')
    expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
    // Closed, and still the connection through it goes on.
    await host.tsnet('publish', 'rm', 'web', '9000:99')
    await say('three')
    await talk.stop()
    const taken = await host.tsnet('publish', 'add', 'web', '8080:81', { expectExit: 4 })
    expect(taken.stderr).toContain('publishing 8080/tcp: held by container web')
    expect((await host.tsnet('check')).stdout).toContain('ok')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('a network is opened and closed under its containers, and the rules are those of a network made so', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const [web, db] = [await lab.container(host), await lab.container(host)]
    await host.tsnet('network', 'create', 'front', '--subnet', '10.90.0.0/24', ...flags)
    await host.tsnet('network', 'create', 'back', '--subnet', '10.91.0.0/24', '-o', 'isolate=false', ...flags)
    await host.tsnet('setup', '--pid', String(web.pid), '--id', 'web', '--network', 'front', ...flags)
    await host.tsnet('setup', '--pid', String(db.pid), '--id', 'db', '--network', 'back', ...flags)
    await db.serve.tcp(5432)
    const closed = await snapshot(host)
    expect(await web.probe.tcp('10.91.0.2', 5432)).not.toBe('reached')
    await host.tsnet('network', 'update', 'front', '--isolate', 'false', '--label', 'team=red')
    expect(await web.probe.tcp('10.91.0.2', 5432)).toBe('reached')
    expect((await host.tsnet('check')).stdout).toContain('ok')
    await host.tsnet('network', 'update', 'front', '--isolate', 'true', '--label-rm', 'team')
    expect(await web.probe.tcp('10.91.0.2', 5432)).not.toBe('reached')
    expect(snapshotDifference(closed, await snapshot(host))).toEqual([])
    await host.tsnet('network', 'update', 'front', '--isolate', 'false')
    await host.tsnet('teardown', 'web')
    await host.tsnet('teardown', 'db')
    await host.tsnet('prune')
    expect((await host.sh('ls /run/tsnet /var/lib/tsnet 2>/dev/null || true')).stdout).not.toContain('front')
  })
})

it('a hosts file and a resolv.conf of the container follow its networks, and are put back at teardown', async () => {
  await using lab = await createLab()
  const host = await lab.host('host', { forwarding: true })
  const web = await lab.container(host)
  await host.sh('echo "nameserver 192.0.2.1" > /run/r; printf "127.0.0.1 localhost\\n" > /run/h')
  await host.tsnet('network', 'create', 'one', '--subnet', '10.90.0.0/24')
  await host.tsnet('network', 'create', 'two', '--subnet', '10.91.0.0/24')
  await host.tsnet(
    ...['setup', '--pid', String(web.pid), '--container-name', 'web', '--network', 'one'],
    ...['--resolv-conf', '/run/r', '--hosts', '/run/h'],
  )
  await host.tsnet('network', 'connect', 'two', 'web', '--priority', '1')
  expect((await host.sh('grep -c web /run/h; grep nameserver /run/r')).stdout).toBe(
    '2\nnameserver 10.91.0.1\nnameserver 10.90.0.1\n',
  )
  await host.tsnet('network', 'disconnect', 'one', 'web')
  expect((await host.sh('grep web /run/h; grep nameserver /run/r')).stdout).toMatch(
    /^10\.91\.0\.2\s+.*web.*\nnameserver 10\.91\.0\.1\n$/,
  )
  await host.tsnet('teardown', 'web')
  expect((await host.sh('cat /run/r /run/h')).stdout).toBe('nameserver 192.0.2.1\n127.0.0.1 localhost\n')
})

it('a front end and a back end of five containers: each reaches what it should, and nothing else', async () => {
  await using lab = await createLab()
  const host = await lab.host('host', { forwarding: true })
  const outside = await lab.host('outside')
  await lab.wire(host, outside, '198.51.100.0/24', { defaultRoute: 'first' })
  const networks: Readonly<Record<string, readonly string[]>> = {
    proxy: ['front'],
    app1: ['front:alias=app', 'back'],
    app2: ['front:alias=app', 'back'],
    db: ['back:alias=sql'],
    cache: ['back'],
  }
  await host.tsnet('network', 'create', 'front')
  await host.tsnet('network', 'create', 'back', '--internal')
  const boxes = new Map<string, Awaited<ReturnType<typeof lab.container>>>()
  for (const [name, on] of Object.entries(networks)) {
    const box = await lab.container(host)
    boxes.set(name, box)
    const words = on.flatMap((network) => ['--network', network])
    const ports = name === 'proxy' ? ['-p', '8443:443'] : []
    await host.tsnet('setup', '--pid', String(box.pid), '--container-name', name, ...words, ...ports)
    await box.serve.tcp(443)
  }
  const addressOf = async (asker: string, name: string): Promise<string | undefined> => {
    const { stdout } = await host.tsnet('dns', 'query', name, '--from', asker, { expectExit: 'any' })
    return /\b10\.\d+\.\d+\.\d+\b/.exec(stdout)?.[0]
  }
  const reaches = async (asker: string, name: string): Promise<boolean> => {
    const address = await addressOf(asker, name)
    return address !== undefined && (await boxes.get(asker)?.probe.tcp(address, 443)) === 'reached'
  }
  const table: Record<string, readonly string[]> = {}
  // Five at a time: each question is a program.
  for (const asker of Object.keys(networks)) {
    const names = Object.keys(networks).map(async (name) => ((await reaches(asker, name)) ? [name] : []))
    table[asker] = (await Promise.all(names)).flat()
  }
  expect(table).toEqual({
    proxy: ['proxy', 'app1', 'app2'],
    app1: ['proxy', 'app1', 'app2', 'db', 'cache'],
    app2: ['proxy', 'app1', 'app2', 'db', 'cache'],
    db: ['app1', 'app2', 'db', 'cache'],
    cache: ['app1', 'app2', 'db', 'cache'],
  })
  expect(await reaches('proxy', 'app')).toBe(true)
  expect(await reaches('app1', 'sql')).toBe(true)
  expect(await outside.probe.tcp('198.51.100.1', 8443)).toBe('reached')
  await outside.serve.tcp(7)
  expect(await boxes.get('db')?.probe.tcp('198.51.100.2', 7)).not.toBe('reached')
  expect(await boxes.get('app1')?.probe.tcp('198.51.100.2', 7)).toBe('reached')
})
