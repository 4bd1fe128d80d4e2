/**
 * The command line from end to end: what a person or a script types, on a real
 * host, and what of it stays.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { ContainerNetwork, NetworkInspect } from '../../lib/index.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { Background } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6')

interface Yard {
  readonly host: Host
  readonly outside: Host
  readonly one: Container
  readonly two: Container
}

/** A host on a wire, with two containers that are not connected yet. */
async function yard(lab: Lab): Promise<Yard> {
  const host = await lab.host('host')
  const outside = await lab.host('outside')
  await lab.wire(host, outside, '198.51.100.0/24', { defaultRoute: 'first' })
  return { host, outside, one: await lab.container(host), two: await lab.container(host) }
}

/** What has to be there before pictures are compared: settings that stay for the whole host's sake, empty folders. */
async function onceBefore(host: Host, box: Container, backend: string): Promise<void> {
  await host.tsnet('network', 'create', 'once', '--ipv6', '--firewall', backend)
  await host.tsnet('setup', '--netns', box.netns, '-p', '80', '--firewall', backend)
  await host.tsnet('teardown', '--netns', box.netns)
  await host.tsnet('network', 'rm', 'once')
}

/** Waits until the kernel has given every link its link-local address: pictures would differ by that. */
async function settled(host: Host): Promise<void> {
  await host.sh('until [ -z "$(ip -6 addr show tentative)" ]; do sleep 0.05; done')
}

/** A refused command: exit code and the whole text. */
async function refused(place: Host, ...words: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await place.tsnet(...words, { expectExit: 'any' })
  expect(stdout).toBe('')
  return `\n${stderr}exit ${exitCode}\n`
}

describe.each(['iptables', 'nftables'])('with %s', (backend) => {
  it('a container is set up, shown in every way, and taken down without a trace', async () => {
    await using lab = await createLab()
    const { host, outside, one, two } = await yard(lab)
    await onceBefore(host, one, backend)
    const before = await snapshot(host)
    const boxBefore = await snapshot(one)

    const flags = ['--netns', one.netns, '--container-name', 'web', '-p', '8080:80', '--firewall', backend]
    const web = await host.tsnetJson<ContainerNetwork>('setup', ...flags)
    expect(web).toMatchObject({
      container: { name: 'web' },
      mode: 'bridge',
      attachments: [
        {
          network: 'tsnet',
          ifname: 'eth0',
          bridge: 'tsnet0',
          defaultRoute: [4, 6],
          ports: [{ hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' }],
          firewall: backend,
        },
      ],
    })
    await one.serve.tcp(80)
    expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
    expect(await outside.probe.tcp('198.51.100.1', 80)).not.toBe('reached')

    expect(await host.tsnetJson('setup', ...flags)).toEqual(web)
    expect(await host.tsnetJson('inspect', 'web')).toEqual(web)
    expect(await host.tsnetJson('inspect', '--pid', String(one.pid))).toEqual(web)
    expect(await host.tsnetJson('ls')).toEqual([web])
    expect((await host.tsnet('ls', '-q')).stdout).toBe(`${web.container.id}\n`)
    expect((await host.tsnet('port', 'web')).stdout).toBe('80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n')
    expect((await host.tsnet('check')).stdout).toBe('ok: everything is as it was set up\n')
    expect(await host.tsnetJson<NetworkInspect[]>('network', 'ls')).toMatchObject([
      {
        config: { name: 'tsnet', ephemeral: true },
        live: true,
        containers: [{ name: 'web', ifname: 'eth0' }],
      },
    ])

    // A second one beside it, then both go in the order they came.
    await host.tsnet('setup', '--pid', String(two.pid), '--id', 'second', '--firewall', backend)
    expect(await host.tsnetJson('teardown', 'web')).toEqual(web)
    expect(await host.tsnetJson('teardown', 'web')).toBe(null)
    expect(snapshotDifference(boxBefore, await snapshot(one))).toEqual([])
    await host.tsnet('teardown', '--netns', two.netns)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('a dry run changes nothing and prints what would be done', async () => {
    await using lab = await createLab()
    const { host, one } = await yard(lab)
    const before = await snapshot(host)
    const flags = ['--netns', one.netns, '-p', '8080:80', '--firewall', backend]
    const planned = await host.tsnet('plan', ...flags)
    expect(planned.stdout.split('\n')[0]).toBe('#!/bin/sh')
    expect((await host.tsnet('setup', ...flags, '--dry-run')).stdout).toBe(planned.stdout)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('every step is told on standard error under --verbose, the result alone is on standard output', async () => {
    await using lab = await createLab()
    const { host, one } = await yard(lab)
    const flags = ['--netns', one.netns, '--id', 'web', '--firewall', backend]
    const { stdout, stderr } = await host.tsnet('setup', ...flags, '--verbose', '--json')
    expect(JSON.parse(stdout)).toEqual(await host.tsnetJson('inspect', 'web'))
    const told = stderr.split('\n')
    expect(told.filter((line) => line.startsWith('ip link add'))).toHaveLength(2)
    expect(told.filter((line) => line.includes('route add default via 10.89.0.1 dev eth0'))).toHaveLength(1)
  })
})

describe('a mistake', () => {
  it('is told with its field, its value and the way out, before anything is changed', async () => {
    await using lab = await createLab()
    const { host, one, two } = await yard(lab)
    const free = ['setup', '--pid', String(two.pid), '--firewall', 'nftables']
    await host.tsnet(
      'setup',
      '--pid',
      String(one.pid),
      '--id',
      'c1',
      '--container-name',
      'web',
      '-p',
      '8080:80',
    )
    await host.tsnet('network', 'create', 'inner', '--internal', '--subnet', '10.91.0.0/24')
    await host.serve.tcp(7000)
    await settled(host)
    const before = await snapshot(host)
    const told = (...words: string[]): Promise<string> => refused(host, ...words)

    expect(await told('setup', '--netns', '/proc/self/ns/net')).toMatchInlineSnapshot(`
      "
      tsnet: opening /proc/self/ns/net: it is the network namespace tsnet itself runs in
        field: sandbox
        value: /proc/self/ns/net
        hint: give the container a namespace of its own (unshare -n), or use --network host
      exit 2
      "
    `)
    expect(await told('setup', '--netns', '/proc/self/ns/mnt')).toMatchInlineSnapshot(`
      "
      tsnet: opening network namespace /proc/self/ns/mnt: it is a namespace of another kind
        field: sandbox.path
        value: /proc/self/ns/mnt
        hint: the network namespace of a process is /proc/PID/ns/net
      exit 2
      "
    `)
    expect(await told('setup', '--netns', '/etc/passwd')).toMatchInlineSnapshot(`
      "
      tsnet: opening network namespace /etc/passwd: it is no namespace
        field: sandbox.path
        value: /etc/passwd
        hint: a name below /run/netns is only a namespace while \`ip netns\` has it mounted; or use /proc/PID/ns/net
      exit 2
      "
    `)
    expect(await told('setup', '--name', 'nowhere')).toMatchInlineSnapshot(`
      "
      tsnet: opening network namespace /run/netns/nowhere: no such process or namespace
        field: sandbox.path
        value: /run/netns/nowhere
        hint: is the process still running? see \`ip netns list\`, \`lsns -t net\`
      exit 2
      "
    `)
    expect(await told(...free, '--network', 'nope')).toMatchInlineSnapshot(`
      "
      tsnet: finding network nope: there is none of that name
        field: --network
        value: nope
        hint: there are inner, tsnet; "tsnet network create nope" makes it
      exit 3
      "
    `)
    expect(await told(...free, '--ip', '10.89.0.1')).toMatchInlineSnapshot(`
      "
      tsnet: checking address 10.89.0.1: it is the gateway
        field: ip
        value: 10.89.0.1
        hint: choose one from 10.89.0.2 to 10.89.0.254, or leave it out
      exit 2
      "
    `)
    expect(await told(...free, '--ip', '192.0.2.1')).toMatchInlineSnapshot(`
      "
      tsnet: checking address 192.0.2.1: it is outside subnet 10.89.0.0/24
        field: ip
        value: 192.0.2.1
        hint: choose one from 10.89.0.2 to 10.89.0.254, or leave it out
      exit 2
      "
    `)
    expect(await told(...free, '--ip', '10.89.0.2')).toMatchInlineSnapshot(`
      "
      tsnet: leasing 10.89.0.2 on network tsnet: held by web (c1)
        field: ip
        value: 10.89.0.2
        hint: choose another address, or leave it out to get a free one
      exit 4
      "
    `)
    expect(await told(...free, '-p', '8080:80')).toMatchInlineSnapshot(`
      "
      tsnet: publishing 8080/tcp: held by container web (c1)
        field: publish
        value: 8080/tcp
        hint: "tsnet ls" shows it; choose another host port, or leave it out to get a free one
      exit 4
      "
    `)
    expect(
      (await told(...free, '-p', '7000:80')).replace(/process \d+/, 'process PID'),
    ).toMatchInlineSnapshot(`
      "
      tsnet: publishing 7000/tcp: held by process PID (node)
        field: publish
        value: 7000/tcp
        hint: "ss -ltnp 'sport = :7000'" shows it; choose another host port, or leave it out to get a free one
      exit 4
      "
    `)
    expect(await told(...free, '-p', '[::1]:80:80')).toMatchInlineSnapshot(`
      "
      tsnet: reading --publish: publishing on [::1]: the kernel does not forward connections to the IPv6 loopback
        field: --publish
        value: ::1
        hint: publish on 127.0.0.1, or on another IPv6 address of the host
      exit 2
      "
    `)
    expect(await told(...free, '-p', '80:80', '-p', '80:81')).toMatchInlineSnapshot(`
      "
      tsnet: reading --publish: 80:81 and 80:80 want the same port of the host
        field: --publish
        value: 80:81
        hint: give them different host ports or addresses
      exit 2
      "
    `)
    expect(await told(...free, '--id', 'c2', '--container-name', 'web')).toMatchInlineSnapshot(`
      "
      tsnet: naming the container web: web (c1) has that name
        field: --container-name
        value: web
        hint: choose another --container-name, or "tsnet teardown" the other first
      exit 4
      "
    `)
    expect(await told('setup', '--pid', String(one.pid), '--id', 'c1', '-p', '81:80')).toMatchInlineSnapshot(`
      "
      tsnet: setting up c1: it was set up before with a different request
        field: id
        value: c1
        hint: "tsnet inspect c1" shows it; "tsnet teardown --id c1" first
      exit 4
      "
    `)
    expect(await told(...free, '--network', 'inner', '-p', '80')).toMatchInlineSnapshot(`
      "
      tsnet: publishing ports: every network of this container is internal, nothing can reach it from outside
        field: publish
        value: 80
        hint: add a network that is not internal, or drop -p, or use --ignore-publish
      exit 2
      "
    `)
    expect(await told('setup', '--network', 'host', '-p', '80')).toMatchInlineSnapshot(`
      "
      tsnet: reading publish: mode host publishes nothing: the container listens on the host itself
        field: publish
        value: host
        hint: leave the ports out, or add --ignore-publish
      exit 2
      "
    `)
    expect(await told('setup', '--network', 'container:nobody')).toMatchInlineSnapshot(`
      "
      tsnet: finding container nobody: tsnet has none of that id or name
        field: --network
        value: nobody
        hint: "tsnet ls" shows all
      exit 3
      "
    `)
    expect(await told('network', 'create', 'inner')).toMatchInlineSnapshot(`
      "
      tsnet: creating network inner: there is one of that name
        field: NAME
        value: inner
        hint: "tsnet network inspect inner" shows it; choose another name
      exit 4
      "
    `)
    expect(await told('network', 'create', 'x', '--subnet', '10.91.0.0/25')).toMatchInlineSnapshot(`
      "
      tsnet: checking subnet 10.91.0.0/25: it overlaps network inner (10.91.0.0/24)
        field: subnet
        value: 10.91.0.0/25
        hint: choose another subnet, or leave it out to have a free one chosen
      exit 4
      "
    `)
    expect(await told('network', 'create', 'x', '--subnet', '198.51.100.0/24')).toMatchInlineSnapshot(`
      "
      tsnet: checking subnet 198.51.100.0/24: it overlaps address 198.51.100.1/24 of eth0
        field: subnet
        value: 198.51.100.0/24
        hint: choose another subnet, or leave it out to have a free one chosen
      exit 4
      "
    `)
    expect(await told('network', 'rm', 'tsnet')).toMatchInlineSnapshot(`
      "
      tsnet: removing network tsnet: a container is on it
        field: NAME
        value: tsnet
        hint: tear down web (c1) first
      exit 4
      "
    `)
    expect(await told('network', 'inspect', 'nope')).toMatchInlineSnapshot(`
      "
      tsnet: finding network nope: there is none of that name
        field: NAME
        value: nope
        hint: there are inner, tsnet
      exit 3
      "
    `)
    // "tsnet network create host" would be refused.
    expect(await told('network', 'rm', 'host')).toMatchInlineSnapshot(`
      "
      tsnet: finding network host: there is none of that name
        field: NAME
        value: host
        hint: there are inner, tsnet
      exit 3
      "
    `)
    expect(await told('inspect', 'nobody')).toMatchInlineSnapshot(`
      "
      tsnet: finding container nobody: tsnet has none of that id or name
        field: CONTAINER
        value: nobody
        hint: "tsnet ls" shows all
      exit 3
      "
    `)

    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('of a user without rights is told as one', async () => {
    await using lab = await createLab()
    const place = await yard(lab)
    const { stderr, exitCode } = await place.host.run(
      ['setpriv', '--reuid=1000', '--clear-groups', process.execPath, `${repository}dist/bin/tsnet`, 'ls'],
      { expectExit: 'any' },
    )
    expect(`\n${stderr}exit ${exitCode}\n`).toMatchInlineSnapshot(`
      "
      tsnet: checking rights: not run by root
        hint: run it with sudo
      exit 77
      "
    `)
  })
})

describe('SIGINT and SIGTERM', () => {
  /** A host where another container has been set up, so that there are locks. */
  async function busy(lab: Lab): Promise<Yard> {
    const place = await yard(lab)
    await place.host.tsnet('setup', '--pid', String(place.two.pid), '-p', '80', '--firewall', 'iptables')
    await settled(place.host)
    return place
  }

  const start = (host: Host, ...words: string[]): Background =>
    host.start([process.execPath, `${repository}dist/bin/tsnet`, ...words, '--firewall', 'iptables', '-v'], {
      env: { ...process.env, PATH: `/run/gate:${process.env['PATH']}` },
    })

  const there = (host: Host, path: string): Promise<unknown> =>
    host.sh(`until [ -e ${path} ]; do sleep 0.02; done`)

  /** From now on each `iptables-restore` waits for `open`; `reached` tells that one does. */
  async function gate(
    host: Host,
  ): Promise<{ readonly reached: () => Promise<unknown>; readonly open: () => Promise<unknown> }> {
    await host.sh(`mkdir /run/gate
      real=$(command -v iptables-restore)
      printf '#!/bin/sh\ntouch /run/gate/reached\nuntil [ -e /run/gate/open ]; do sleep 0.02; done\nexec %s "$@"\n' \
        "$real" >/run/gate/iptables-restore
      chmod +x /run/gate/iptables-restore`)
    return { reached: () => there(host, '/run/gate/reached'), open: () => host.sh('touch /run/gate/open') }
  }

  /** The whole group, as a terminal's Ctrl-C does. */
  const interrupt = (command: Background, signal: NodeJS.Signals): boolean =>
    process.kill(-command.pid, signal)

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s in the middle of setup takes everything back', async (signal, code) => {
    await using lab = await createLab()
    const { host, one } = await busy(lab)
    const before = await snapshot(host)
    const { reached, open } = await gate(host)
    const setup = start(host, 'setup', '--pid', String(one.pid), '-p', '8080:80')
    await reached()
    interrupt(setup, signal)
    await setup.waitFor(`${signal}: taking back what was done`)
    await open()
    expect(await setup.exited).toBe(code)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('in the middle of teardown wait until it is done', async () => {
    await using lab = await createLab()
    const { host, one, two } = await busy(lab)
    await host.tsnet('setup', '--pid', String(one.pid), '--id', 'web', '-p', '80', '--firewall', 'iptables')
    const { reached, open } = await gate(host)
    const teardown = start(host, 'teardown', 'web')
    await reached()
    interrupt(teardown, 'SIGINT')
    await teardown.waitFor('SIGINT: finishing what has begun')
    await open()
    expect(await teardown.exited).toBe(0)
    expect(await host.tsnetJson('ls')).toMatchObject([{ sandbox: { path: two.netns } }])
  })

  describe('while a command waits for another', () => {
    /** Somebody who does not let go of the lock of the whole host. */
    async function occupied(host: Host): Promise<Background> {
      const holder = host.start(['flock', '-x', '/run/tsnet/locks/host', 'sh', '-c', 'echo held; cat'])
      await holder.waitFor('held')
      return holder
    }

    it.each([
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const)('%s ends it at once, with nothing changed', async (signal, code) => {
      await using lab = await createLab()
      const { host, one, two } = await busy(lab)
      const web = await host.tsnetJson('setup', '--pid', String(one.pid), '--id', 'web', '-p', '80')
      const box = await lab.container(host)
      const before = await snapshot(host)
      const { pid } = await occupied(host)

      // The journal entry and the container's own lock are there before the lock of the host is asked for.
      const setup = start(host, 'setup', '--pid', String(box.pid), '--id', 'new')
      await there(host, '/run/tsnet/pending/container.new.json')
      interrupt(setup, signal)
      expect(await setup.exited).toBe(code)
      expect(setup.output()).toContain(
        `locking /run/tsnet/locks/host: interrupted while it was held by ${pid} (`,
      )

      const teardown = start(host, 'teardown', 'web')
      // It holds nothing while it waits, so nothing shows that it does; a signal before that ends it as well.
      await sleep(2000)
      interrupt(teardown, signal)
      expect(await teardown.exited).toBe(code)

      expect(await host.tsnetJson('inspect', 'web')).toEqual(web)
      expect(await host.tsnetJson('ls')).toMatchObject([{ sandbox: { path: two.netns } }, web])
      expect((await host.sh('ls -A /run/tsnet/pending')).stdout).toBe('')
      expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    })
  })
})
