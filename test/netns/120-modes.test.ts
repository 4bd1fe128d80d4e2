/**
 * Modes beside bridge, and wishes that belong to no network: settings, names,
 * labels, the MTU.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContainerNetwork } from '../../lib/model/attachment.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { layStreet, leavesNothing, steady } from './traceless.ts'

let lab: Lab
let host: Host
let outside: Host

const env = { TSNET_FIREWALL: 'nftables' }

async function street(options: Parameters<typeof layStreet>[1] = {}): Promise<void> {
  const laid = await layStreet(lab, options)
  host = laid.host
  outside = laid.outside
}

beforeEach(async () => {
  needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6')
  lab = await createLab()
})

afterEach(async () => {
  await lab?.dispose()
})

const setup = (...words: string[]): Promise<ContainerNetwork> =>
  host.tsnetJson<ContainerNetwork>('setup', ...words, { env })

const teardown = (...words: string[]): Promise<unknown> => host.tsnet('teardown', ...words)

const inside = async (box: Container, line: string): Promise<string> => (await box.sh(line)).stdout.trim()

describe('mode none', () => {
  it('sets lo up, and nothing else', async () => {
    await street()
    const box = await host.container()
    await leavesNothing(host, async () => {
      const answer = await setup('--netns', box.netns, '--network', 'none', '--id', 'alone')
      expect(steady(answer)).toEqual({
        container: { id: 'alone' },
        sandbox: { path: '/proc/PID/ns/net', identity: { cookie: 'COOKIE', bootId: 'BOOT' } },
        mode: 'none',
        attachments: [],
        hostAddresses: [],
        resolver: { servers: [], search: [], options: [], hosts: [] },
        createdAt: 'THEN',
      })
      expect(await inside(box, 'ip -br link')).toMatch(/^lo +UNKNOWN/)
      await teardown('alone')
      expect(await inside(box, 'ip -br link')).toMatch(/^lo +DOWN/)
    })
  })
})

describe('mode host', () => {
  it('changes nothing and tells the addresses of the host', async () => {
    await street()
    await leavesNothing(host, async () => {
      const answer = await setup('--pid', `${host.pid}`, '--network', 'host', '--id', 'open')
      expect(steady(answer)).toEqual({
        container: { id: 'open' },
        sandbox: { path: '/proc/PID/ns/net', identity: { cookie: 'COOKIE', bootId: 'BOOT' } },
        mode: 'host',
        attachments: [],
        hostAddresses: ['198.51.100.1/24', '2001:db8:1::1/64'],
        resolver: {
          servers: [],
          search: [],
          options: [],
          hosts: [{ name: 'host.containers.internal', address: '198.51.100.1' }],
        },
        createdAt: 'THEN',
      })
      expect(await host.tsnetJson('check')).toEqual([])
      await teardown('open')
    })
  })

  it('refuses to publish with the reason, unless that is to be ignored', async () => {
    await street()
    await leavesNothing(host, async () => {
      const words = ['--pid', `${host.pid}`, '--network', 'host', '-p', '80']
      const { stderr } = await host.tsnet('setup', ...words, { expectExit: 2 })
      expect(stderr).toMatchInlineSnapshot(`
        "tsnet: reading publish: mode host publishes nothing: the container listens on the host itself
          field: publish
          value: host
          hint: leave the ports out, or add --ignore-publish
        "
      `)
      expect(await setup(...words, '--ignore-publish', '--id', 'open')).toMatchObject({ mode: 'host' })
      await teardown('open')
    })
  })

  it('refuses a namespace that is not the host’s', async () => {
    await street()
    const box = await host.container()
    await leavesNothing(host, async () => {
      const { stderr } = await host.tsnet('setup', '--netns', box.netns, '--network', 'host', {
        expectExit: 2,
      })
      expect(stderr.replaceAll(box.netns, 'NETNS')).toMatchInlineSnapshot(`
        "tsnet: host mode for NETNS: it is a network namespace of its own, not the host's
          field: sandbox
          value: NETNS
          hint: start the container without a network namespace, or choose another --network
        "
      `)
    })
  })
})

describe('mode container', () => {
  it('shares the sandbox of the other, found by name, and leaves it alone when it goes', async () => {
    await street()
    const box = await host.container()
    await leavesNothing(host, async () => {
      const owner = await setup('--netns', box.netns, '--id', 'web', '--container-name', 'shop')
      const answer = await setup('--pid', `${box.pid}`, '--network', 'container:shop', '--id', 'sidecar')
      expect(answer).toMatchObject({
        container: { id: 'sidecar' },
        sandbox: owner.sandbox,
        mode: 'container',
        shareWith: 'web',
        attachments: [],
      })
      await outside.serve.tcp(7000)
      await teardown('sidecar')
      expect(await box.probe.tcp('198.51.100.2', 7000)).toBe('reached')
      // The namespace means the one it was set up for.
      await setup('--pid', `${box.pid}`, '--network', 'container:web', '--id', 'sidecar')
      expect((await host.tsnetJson<ContainerNetwork>('teardown', '--netns', box.netns)).container.id).toBe(
        'web',
      )
      await teardown('sidecar')
    })
  })

  it('needs one that is there and alive', async () => {
    await street()
    const box = await host.container()
    await leavesNothing(host, async () => {
      const words = ['setup', '--netns', box.netns, '--id', 'x', '--network', 'container:nobody'] as const
      expect((await host.tsnet(...words, { expectExit: 3 })).stderr).toContain(
        'tsnet has none of that id or name',
      )
      await setup('--netns', box.netns, '--id', 'nobody')
      await box.kill()
      const { stderr } = await host.tsnet(...words, { expectExit: 2 })
      expect(stderr.replaceAll(box.netns, 'NETNS')).toMatchInlineSnapshot(`
        "tsnet: sharing the sandbox of nobody: NETNS is gone
          field: shareWith
          value: nobody
          hint: start that container first
        "
      `)
      await teardown('nobody')
    })
  })
})

describe('a wish', () => {
  it('--sysctl is set inside, and --label, --hostname, --dns and --add-host are kept and told', async () => {
    await street()
    const box = await host.container()
    await leavesNothing(host, async () => {
      const answer = await setup(
        ...['--netns', box.netns, '--id', 'c1', '--container-name', 'web', '--hostname', 'web.example'],
        ...['--label', 'owner=me', '--label', 'bare', '--network', 'none'],
        ...['--sysctl', 'net.core.somaxconn=77', '--sysctl', 'net.ipv4.ip_unprivileged_port_start=0'],
        ...[
          '--dns',
          '192.0.2.53',
          '--dns',
          '2001:db8::53',
          '--dns-search',
          'example',
          '--dns-option',
          'ndots:2',
        ],
        ...['--add-host', 'db:10.0.0.9', '--add-host', 'six=[2001:db8::9]'],
      )
      expect(await inside(box, 'sysctl -n net.core.somaxconn net.ipv4.ip_unprivileged_port_start')).toBe(
        '77\n0',
      )
      expect([answer.container, answer.resolver]).toEqual([
        { id: 'c1', name: 'web', hostname: 'web.example', labels: { owner: 'me', bare: '' } },
        {
          servers: ['192.0.2.53', '2001:db8::53'],
          search: ['example'],
          options: ['ndots:2'],
          hosts: [
            { name: 'db', address: '10.0.0.9' },
            { name: 'six', address: '2001:db8::9' },
          ],
        },
      ])
      expect(await host.tsnetJson('ls')).toEqual([answer])
      await teardown('web')
      expect(await inside(box, 'sysctl -n net.core.somaxconn net.ipv4.ip_unprivileged_port_start')).toBe(
        '4096\n1024',
      )
    })
  })

  it('--sysctl for an interface that is being made finds it', async () => {
    await street()
    const box = await host.container()
    await leavesNothing(host, async () => {
      await setup('--netns', box.netns, '--id', 'c1', '--sysctl', 'net/ipv4/conf/eth0/arp_notify=1')
      expect(await inside(box, 'cat /proc/sys/net/ipv4/conf/eth0/arp_notify')).toBe('1')
      await teardown('c1')
    })
  })

  it('host-gateway means the gateway, in host mode the address of the way out', async () => {
    await street()
    const box = await host.container()
    await leavesNothing(host, async () => {
      const hosts = async (...words: string[]): Promise<unknown> => {
        const answer = await setup(...words, '--id', 'c1', '--add-host', 'me:host-gateway')
        await teardown('c1')
        return answer.resolver.hosts
      }
      expect(await hosts('--netns', box.netns)).toEqual([
        { name: 'me', address: '10.89.0.1' },
        { name: 'host.containers.internal', address: '10.89.0.1' },
      ])
      expect(await hosts('--pid', `${host.pid}`, '--network', 'host')).toEqual([
        { name: 'me', address: '198.51.100.1' },
        { name: 'host.containers.internal', address: '198.51.100.1' },
      ])
    })
  })

  it('--publish-all publishes what is exposed, each at a chosen port', async () => {
    await street()
    const box = await host.container()
    await leavesNothing(host, async () => {
      const words = [
        '--netns',
        box.netns,
        '--id',
        'c1',
        '--expose',
        '80',
        '--expose',
        '53-54/udp',
        '-p',
        '8080:80',
      ]
      const answer = await setup(...words, '--expose', '443', '-P')
      const ports = answer.attachments.flatMap((attachment) => attachment.ports)
      expect(ports.map(({ hostPort: _, ...rest }) => rest)).toEqual([
        { containerPort: 80, count: 1, protocol: 'tcp' },
        { containerPort: 53, count: 1, protocol: 'udp' },
        { containerPort: 54, count: 1, protocol: 'udp' },
        { containerPort: 443, count: 1, protocol: 'tcp' },
      ])
      expect(ports[0]?.hostPort).toBe(8080)
      expect(ports.slice(1).every(({ hostPort }) => hostPort >= 32_768 && hostPort <= 60_999)).toBe(true)
      await box.serve.tcp(443)
      expect(await outside.probe.tcp('198.51.100.1', ports[3]?.hostPort ?? 0)).toBe('reached')
      // Only with -P.
      await teardown('c1')
      expect((await setup('--netns', box.netns, '--id', 'c1', '--expose', '80')).attachments).toMatchObject([
        { ports: [] },
      ])
      await teardown('c1')
    })
  })

  it('as one JSON document is the same as by flags', async () => {
    await street()
    const box = await host.container()
    await leavesNothing(host, async () => {
      const document = {
        publish: ['8080:80'],
        container: { id: 'c1', labels: { a: 'b' } },
        networks: [{ network: 'bridge', ip: '10.89.0.9' }],
        firewall: 'nftables',
        sandbox: { pid: box.pid },
      }
      const answer = await host.tsnetJson('setup', '--config', '-', { stdin: JSON.stringify(document) })
      const flags = [
        '--id',
        'c1',
        '--label',
        'a=b',
        '--ip',
        '10.89.0.9',
        '-p',
        '8080:80',
        '--firewall',
        'nftables',
      ]
      expect(await host.tsnetJson('setup', '--netns', box.netns, ...flags)).toEqual(answer)
      await teardown('c1')
    })
  })
})

describe('the MTU', () => {
  it('follows the way out of the host, on the bridge and both ends', async () => {
    await street({ mtu: 1400 })
    const box = await host.container()
    await leavesNothing(host, async () => {
      const answer = await setup('--netns', box.netns, '--id', 'c1')
      expect(answer.attachments).toMatchObject([{ mtuBytes: 1400 }])
      const mtus = 'cat /sys/class/net/tsnet0/mtu /sys/class/net/c1-*/mtu'
      expect((await host.sh(mtus)).stdout).toBe('1400\n1400\n')
      expect(await inside(box, 'ip -o link show eth0')).toContain('mtu 1400')
      await teardown('c1')
    })
  })

  it('is never smaller than IPv6 can live with, and a smaller one is refused for a network with IPv6', async () => {
    await street()
    await host.run(['ip', 'route', 'replace', 'default', 'via', '198.51.100.2', 'mtu', '1000'])
    const box = await host.container()
    await leavesNothing(host, async () => {
      const { stderr } = await host.tsnet('setup', '--netns', box.netns, '--mtu', '1279', {
        expectExit: 2,
        env,
      })
      expect(stderr).toMatchInlineSnapshot(`
        "tsnet: reading mtu: network tsnet has IPv6, which needs 1280 bytes; 1279 were given
          field: mtu
          value: 1279
          hint: raise the MTU, or use a network without IPv6
        "
      `)
      expect((await setup('--netns', box.netns, '--id', 'c1')).attachments).toMatchObject([
        { mtuBytes: 1280 },
      ])
      await teardown('c1')
      await host.tsnet('network', 'create', 'four', '--subnet', '10.90.0.0/24', { env })
      const answer = await setup('--netns', box.netns, '--id', 'c1', '--network', 'four')
      expect(answer.attachments).toMatchObject([{ mtuBytes: 1000 }])
      await teardown('c1')
      await host.tsnet('network', 'rm', 'four')
    })
  })
})

describe('a host', () => {
  it('without IPv6 gets IPv4 alone', async () => {
    await street()
    await host.sh('ip -6 addr flush dev eth0; mkdir /run/none; mount --bind /run/none /proc/sys/net/ipv6')
    const box = await host.container()
    const before = (await host.sh('ip -o addr; nft -s list ruleset')).stdout
    const answer = await setup('--netns', box.netns, '--id', 'c1', '-p', '8080:80')
    expect(answer.attachments).toMatchObject([{ addresses: ['10.89.0.2/24'], defaultRoute: [4] }])
    await box.serve.tcp(80)
    expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
    await teardown('c1')
    expect((await host.sh('ip -o addr; nft -s list ruleset')).stdout).toBe(before)
  })

  it('with IPv6 switched off for new links gets both families', async () => {
    await street()
    await host.sh('echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6')
    const box = await host.container()
    await box.sh('echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6')
    await leavesNothing(host, async () => {
      await setup('--netns', box.netns, '--id', 'c1')
      await outside.serve.tcp(7000)
      expect(await box.probe.tcp('2001:db8:1::2', 7000)).toBe('reached')
      await teardown('c1')
    })
  })

  it('without any way out works all the same', async () => {
    host = await lab.host('island', { forwarding: true })
    const [one, two] = [await host.container(), await host.container()]
    await leavesNothing(host, async () => {
      await setup('--netns', one.netns, '--id', 'c1', '-p', '8080:80')
      await setup('--netns', two.netns, '--id', 'c2')
      await one.serve.tcp(80)
      expect(await two.probe.tcp('10.89.0.2', 80)).toBe('reached')
      expect(await host.probe.tcp('127.0.0.1', 8080)).toBe('reached')
      await teardown('c1')
      await teardown('c2')
    })
  })

  it('that does not forward yet is made to, and that stays: the documented settings and no others', async () => {
    host = await lab.host('plain')
    const box = await host.container()
    const settings = async (): Promise<readonly string[]> =>
      (
        await host.sh('cd /proc/sys/net; grep -rs . ipv4/ip_forward ipv4/conf ipv6/conf bridge || true')
      ).stdout
        .split('\n')
        .sort()
    const before = await settings()
    await setup('--netns', box.netns, '--id', 'c1')
    await teardown('c1')
    const changed = (await settings()).filter((line) => !before.includes(line))
    expect(changed).toMatchInlineSnapshot(`
      [
        "ipv4/conf/all/accept_redirects:0",
        "ipv4/conf/all/forwarding:1",
        "ipv4/conf/default/forwarding:1",
        "ipv4/conf/lo/forwarding:1",
        "ipv4/ip_forward:1",
        "ipv6/conf/all/forwarding:1",
        "ipv6/conf/default/forwarding:1",
        "ipv6/conf/lo/forwarding:1",
      ]
    `)
  })
})
