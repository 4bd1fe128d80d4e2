/**
 * The main job on the default network: set up, repeat, tear down, by every
 * selector, also when the process is long dead.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContainerNetwork } from '../../lib/model/attachment.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { layStreet, leavesNothing, steady } from './traceless.ts'

let lab: Lab
let host: Host
let outside: Host

beforeEach(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'ipv6')
  lab = await createLab()
  const street = await layStreet(lab)
  host = street.host
  outside = street.outside
  await outside.serve.tcp(7000)
})

afterEach(async () => {
  await lab?.dispose()
})

const setup = (...words: string[]): Promise<ContainerNetwork> =>
  host.tsnetJson<ContainerNetwork>('setup', '--firewall', 'nftables', ...words)

const teardown = async (...words: string[]): Promise<string> =>
  (await host.tsnet('teardown', ...words)).stdout

const addressesOf = (answer: ContainerNetwork): readonly string[] =>
  steady(answer).attachments.flatMap(({ addresses }) => addresses)

describe.each(['nftables', 'iptables'])('with %s, a container on the default network', (firewall) => {
  it('gets addresses of both families, a way out, and the answer that describes them', async () => {
    const box = await host.container()
    await leavesNothing(host, async () => {
      const answer = await host.tsnetJson(
        'setup',
        '--netns',
        box.netns,
        '--id',
        'web',
        '--firewall',
        firewall,
      )
      expect(steady(answer)).toEqual({
        container: { id: 'web' },
        sandbox: { path: '/proc/PID/ns/net', identity: { cookie: 'COOKIE', bootId: 'BOOT' } },
        mode: 'bridge',
        attachments: [
          {
            network: 'tsnet',
            driver: 'bridge',
            ifname: 'eth0',
            hostIfname: 'web-e2e5c',
            bridge: 'tsnet0',
            addresses: ['10.89.0.2/24', 'fdxx::2/64'],
            gateways: ['10.89.0.1', 'fdxx::1'],
            mac: '02:42:0a:59:00:02',
            mtuBytes: 1500,
            aliases: [],
            defaultRoute: [4, 6],
            ports: [],
            firewall,
          },
        ],
        hostAddresses: [],
        resolver: {
          servers: ['10.89.0.1', 'fdxx::1'],
          search: [],
          options: ['ndots:0'],
          hosts: [{ name: 'host.containers.internal', address: '10.89.0.1' }],
        },
        createdAt: 'THEN',
      })
      expect(await host.tsnetJson('inspect', 'web')).toEqual(answer)
      // At once: no address is looked for in others, which takes a second.
      const tentative = ['ip', '-6', 'addr', 'show', 'tentative']
      expect((await box.run(tentative)).stdout + (await host.run(tentative)).stdout).toBe('')
      expect(await box.probe.tcpDetail('2001:db8:1::2', 7000)).toMatchObject({ seenAs: '2001:db8:1::1' })
      expect(await box.probe.tcpDetail('198.51.100.2', 7000)).toMatchObject({ seenAs: '198.51.100.1' })
      expect(await host.tsnetJson('teardown', '--netns', box.netns)).toEqual(answer)
    })
    expect((await box.run(['ip', '-br', 'addr'])).stdout.trim()).toMatch(/^lo +DOWN$/)
  })

  it('says in names and aliases of its links whose they are, and the bridge keeps its MAC', async () => {
    const [one, two] = [await host.container(), await host.container()]
    await leavesNothing(host, async () => {
      await host.tsnet('setup', '--netns', one.netns, '--id', 'c1', '--container-name', 'Web.Shop-long-name')
      const links = async (): Promise<string> =>
        (await host.sh("ip -o link show | grep -v ' lo:\\| eth0@'")).stdout.replaceAll(
          /^.*?: (\S+?)[@:].* link\/ether (\S+) .*?alias (.*)$/gm,
          '$1 | $2 | $3',
        )
      const alone = await links()
      expect(alone.replaceAll(/-[0-9a-f]{5} /g, '-HASH ')).toMatchInlineSnapshot(`
        "tsnet0 | 02:42:0a:59:00:01 | tsnet:network/tsnet
        web-shop-HASH | fe:42:0a:59:00:02 | tsnet:c1/eth0 Web.Shop-long-name
        "
      `)
      await host.tsnet('setup', '--netns', two.netns, '--mac', '02:00:00:00:00:01')
      await teardown('--netns', one.netns)
      expect((await links()).split('\n')[0]).toBe(alone.split('\n')[0])
      await teardown('--netns', two.netns)
    })
  })

  it('reaches the second container on it, by both families at once', async () => {
    const [one, two] = [await host.container(), await host.container()]
    await leavesNothing(host, async () => {
      await host.tsnet('setup', '--netns', one.netns, '--firewall', firewall)
      await one.serve.tcp(80)
      const answer = await host.tsnetJson<ContainerNetwork>(
        'setup',
        '--netns',
        two.netns,
        '--firewall',
        firewall,
      )
      const inside = (await one.run(['ip', '-j', 'addr', 'show', 'eth0'])).stdout
      const six = /"local":"(fd[^"]+)"/.exec(inside)?.[1] ?? ''
      expect(await two.probe.tcpDetail(six, 80)).toMatchObject({ verdict: 'reached' })
      expect(await two.probe.tcpDetail('10.89.0.2', 80)).toMatchObject({ seenAs: '10.89.0.3' })
      expect(addressesOf(answer)).toEqual(['10.89.0.3/24', 'fdxx::3/64'])
      await teardown('--netns', one.netns)
      expect((await host.run(['ip', '-br', 'link', 'show', 'tsnet0'])).stdout).toContain('tsnet0')
      await teardown('--netns', two.netns)
    })
  })
})

describe('a container is found', () => {
  const ways: readonly {
    readonly by: string
    readonly setup: (box: Container) => string[]
    readonly teardown: (box: Container) => string[]
  }[] = [
    { by: 'by path', setup: (box) => ['--netns', box.netns], teardown: (box) => ['--netns', box.netns] },
    { by: 'by pid', setup: (box) => ['--pid', `${box.pid}`], teardown: (box) => ['--pid', `${box.pid}`] },
    {
      by: 'by the pid of its setup and the path at teardown',
      setup: (box) => ['--pid', `${box.pid}`],
      teardown: (box) => ['--netns', box.netns],
    },
    {
      by: 'by the name of its namespace',
      setup: () => ['--name', 'blue'],
      teardown: () => ['--name', 'blue'],
    },
    {
      by: 'by another path to the same namespace',
      setup: () => ['--name', 'blue'],
      teardown: (box) => ['--netns', box.netns],
    },
    {
      by: 'by id',
      setup: (box) => ['--netns', box.netns, '--id', '0123456789abcdef'],
      teardown: () => ['--id', '0123456789abcdef'],
    },
    {
      by: 'by the beginning of its id',
      setup: (box) => ['--netns', box.netns, '--id', '0123456789abcdef'],
      teardown: () => ['012345678'],
    },
    {
      by: 'by its name',
      setup: (box) => ['--netns', box.netns, '--id', '0123456789abcdef', '--container-name', 'shop'],
      teardown: () => ['shop'],
    },
  ]
  it.each(ways)('$by', async ({ setup: given, teardown: asked }) => {
    const box = await host.container()
    await host.sh(`touch /run/netns/blue && mount --bind ${box.netns} /run/netns/blue`)
    try {
      await leavesNothing(host, async () => {
        const answer = await setup(...given(box))
        expect(await host.tsnetJson('teardown', ...asked(box))).toEqual(answer)
      })
    } finally {
      await host.sh('umount -l /run/netns/blue && rm /run/netns/blue')
    }
  })
})

describe('a repeat', () => {
  it('with the same wishes answers what is there and changes nothing', async () => {
    const box = await host.container()
    await leavesNothing(host, async () => {
      const words = ['--netns', box.netns, '--id', 'again', '-p', '8080:80', '--label', 'a=b']
      const first = await setup(...words)
      const between = await snapshot(host)
      // Another way to the same namespace is no other wish.
      expect(await setup('--pid', `${box.pid}`, ...words.slice(2))).toEqual(first)
      expect(snapshotDifference(between, await snapshot(host))).toEqual([])
      await teardown('again')
    })
  })

  it('with other wishes is a conflict and changes nothing', async () => {
    const box = await host.container()
    await leavesNothing(host, async () => {
      await setup('--netns', box.netns, '--id', 'again')
      const between = await snapshot(host)
      const { stderr } = await host.tsnet(
        'setup',
        '--firewall',
        'nftables',
        '--netns',
        box.netns,
        '--id',
        'again',
        '-p',
        '80',
        { expectExit: 4 },
      )
      expect(stderr).toMatchInlineSnapshot(`
        "tsnet: setting up again: it was set up before with a different request
          field: id
          value: again
          hint: "tsnet inspect again" shows it; "tsnet teardown --id again" first
        "
      `)
      expect(snapshotDifference(between, await snapshot(host))).toEqual([])
      await teardown('again')
    })
  })

  it('under another id is a conflict: the sandbox has its networks already', async () => {
    const box = await host.container()
    await leavesNothing(host, async () => {
      await setup('--netns', box.netns, '--id', 'first')
      const between = await snapshot(host)
      const { stderr } = await host.tsnet('setup', '--netns', box.netns, '--id', 'second', { expectExit: 4 })
      expect(stderr.replaceAll(box.netns, 'NETNS')).toMatchInlineSnapshot(`
        "tsnet: setting up second: its sandbox NETNS was set up as first
          field: sandbox
          value: NETNS
          hint: "tsnet teardown --id first" first, or share it with --network container:first
        "
      `)
      expect(snapshotDifference(between, await snapshot(host))).toEqual([])
      await teardown('first')
    })
  })

  it('of a teardown finds nothing and succeeds', async () => {
    const box = await host.container()
    await leavesNothing(host, async () => {
      await setup('--netns', box.netns, '--id', 'web')
      await teardown('web')
      expect(await teardown('web')).toBe('nothing is set up for web\n')
      expect(await host.tsnetJson('teardown', 'web')).toBeNull()
      expect(await host.tsnetJson('teardown', '--netns', box.netns)).toBeNull()
      expect(await host.tsnetJson('teardown', '--pid', '4194304')).toBeNull()
    })
  })

  it('after a teardown gets the next address, and the first again when all are gone', async () => {
    const [one, two] = [await host.container(), await host.container()]
    await leavesNothing(host, async () => {
      await setup('--netns', one.netns)
      expect(addressesOf(await setup('--netns', two.netns))).toEqual(['10.89.0.3/24', 'fdxx::3/64'])
      await teardown('--netns', two.netns)
      expect(addressesOf(await setup('--netns', two.netns))).toEqual(['10.89.0.4/24', 'fdxx::4/64'])
      await teardown('--netns', two.netns)
      await teardown('--netns', one.netns)
      expect(addressesOf(await setup('--netns', two.netns))).toEqual(['10.89.0.2/24', 'fdxx::2/64'])
      await teardown('--netns', two.netns)
    })
  })
})

describe('when its process is dead', () => {
  it('a container is taken down from its record, rules and leases too', async () => {
    const box = await host.container()
    await leavesNothing(host, async () => {
      const [attachment] = (await setup('--netns', box.netns, '-p', '8080:80/udp')).attachments
      await box.kill()
      await host.waitForLinkGone(attachment?.hostIfname ?? '')
      expect(await teardown('--netns', box.netns)).toMatch(/^took down ns-/)
    })
  })

  it('a container is taken down also before the kernel has cleaned up', async () => {
    const box = await host.container()
    await leavesNothing(host, async () => {
      await setup('--netns', box.netns, '--id', 'quick')
      await box.kill()
      expect(await teardown('quick')).toMatch(/^took down quick/)
    })
  })

  it('its pid means the living container that has it now', async () => {
    await leavesNothing(host, async () => {
      // A pid that comes back is a path that leads elsewhere.
      const [old, young] = [await host.container(), await host.container()]
      const use = (box: Container): Promise<unknown> =>
        host.sh(`touch /run/netns/reused && mount --bind ${box.netns} /run/netns/reused`)
      const leave = (): Promise<unknown> => host.sh('umount -l /run/netns/reused; rm /run/netns/reused')
      await use(old)
      await setup('--name', 'reused', '--id', 'a-old')
      await leave()
      await use(young)
      await setup('--name', 'reused', '--id', 'b-young')
      expect(await teardown('--name', 'reused')).toMatch(/^took down b-young/)
      // The old one is alive, by its own pid; its path has another now, who is not set up.
      expect(await host.tsnetJson('ls')).toMatchObject([{ container: { id: 'a-old' } }])
      expect(await teardown('--name', 'reused')).toBe('nothing is set up for /run/netns/reused\n')
      await old.end()
      expect(await teardown('--name', 'reused')).toMatch(/^took down a-old/)
      await leave()
    })
  })

  it('its id can be set up again in a new sandbox, and what the dead one had is gone', async () => {
    const [old, young] = [await host.container(), await host.container()]
    await leavesNothing(host, async () => {
      await setup('--netns', old.netns, '--id', 'web', '--container-name', 'web', '-p', '8080:80')
      await old.kill()
      const answer = await setup(
        '--netns',
        young.netns,
        '--id',
        'web',
        '--container-name',
        'web',
        '-p',
        '8080:80',
      )
      expect(answer.sandbox.path).toBe(young.netns)
      await young.serve.tcp(80)
      expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
      expect(await host.tsnetJson('check')).toEqual([])
      await teardown('web')
    })
  })
})
