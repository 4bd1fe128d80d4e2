/**
 * Published ports through the engine: who reaches them and as whom, who holds
 * them, which flows are forgotten, and what a FORWARD policy of DROP does.
 *
 * Packet by packet and backend by backend this is 250-firewall; here the
 * requests, reservations and units around it are tried.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContainerNetwork } from '../../lib/model/attachment.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { layStreet, leavesNothing } from './traceless.ts'

let lab: Lab
let host: Host
let outside: Host

async function street(options: Parameters<typeof layStreet>[1] = {}): Promise<void> {
  const laid = await layStreet(lab, options)
  host = laid.host
  outside = laid.outside
}

beforeEach(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'iptables-legacy', 'conntrack', 'gcc', 'veth', 'bridge', 'ipv6')
  lab = await createLab()
})

afterEach(async () => {
  await lab?.dispose()
})

type Firewall = 'nftables' | 'iptables'
interface Backend {
  readonly firewall: Firewall
  readonly iptables: 'nft' | 'legacy'
}
const backends: readonly (Backend & { readonly title: string })[] = [
  { title: 'nftables', firewall: 'nftables', iptables: 'nft' },
  { title: 'iptables (nf_tables)', firewall: 'iptables', iptables: 'nft' },
  { title: 'iptables (legacy)', firewall: 'iptables', iptables: 'legacy' },
]

async function connect(
  firewall: Firewall,
  ...words: string[]
): Promise<Container & { answer: ContainerNetwork }> {
  const box = await host.container()
  const answer = await host.tsnetJson<ContainerNetwork>(
    'setup',
    '--netns',
    box.netns,
    '--firewall',
    firewall,
    ...words,
  )
  return Object.assign(box, { answer })
}

const disconnect = async (...boxes: readonly Container[]): Promise<void> => {
  for (const box of boxes) await host.tsnet('teardown', '--netns', box.netns)
}

const portsOf = ({ answer }: { readonly answer: ContainerNetwork }): readonly unknown[] =>
  answer.attachments.flatMap(({ ports }) => ports)

describe.each(backends)('with $title, published ports', ({ firewall, iptables }) => {
  it('are reached from everywhere they should, as the client or as the gateway', async () => {
    await street({ iptables })
    await leavesNothing(host, async () => {
      await host.tsnet('network', 'create', 'other', '--subnet', '10.90.0.0/24', '--firewall', firewall)
      const web = await connect(
        firewall,
        ...['--id', 'web', '-p', '8080:80', '-p', '8080:80/udp', '-p', '127.0.0.1:8081:81'],
        ...['-p', '198.51.100.1:8082:80', '-p', '[2001:db8:1::1]:8083:80', '-p', '9000-9002:9000-9002'],
        ...['-p', '9100-9102:9000-9002/udp', '-p', '8080:80/sctp', '-p', '127.0.0.1:8081-8082:80-81/sctp'],
      )
      const same = await connect(firewall, '--id', 'same')
      const other = await connect(firewall, '--id', 'other', '--network', 'other')
      const [, six = ''] = web.answer.attachments[0]?.addresses.map((cidr) => cidr.split('/')[0]) ?? []
      for (const port of [80, 81, 82, 9000, 9002]) await web.serve.tcp(port)
      for (const [port, address] of [80, 9000, 9002].flatMap(
        (port) =>
          [
            [port, '10.89.0.2'],
            [port, six],
          ] as const,
      ))
        await web.serve.udp(port, { address })
      for (const port of [80, 81]) await web.serve.sctp(port)
      // From here on the host says so where nobody listens.
      await host.serve.sctp(9)
      const seen = async (
        from: Host | Container,
        protocol: 'tcp' | 'udp' | 'sctp',
        to: string,
        port: number,
        wanted: string,
      ): Promise<string> => {
        // An answer needs processes on two sides.
        const timeoutMs = wanted === 'timeout' ? 1500 : 10_000
        const { verdict, seenAs } = await from.probe[`${protocol}Detail`](to, port, { timeoutMs })
        return verdict === 'reached' ? `as ${seenAs}` : verdict
      }
      const rows = [
        ['from outside', outside, 'tcp', '198.51.100.1', 8080, 'as 198.51.100.2'],
        ['from outside', outside, 'udp', '198.51.100.1', 8080, 'as 198.51.100.2'],
        ['from outside', outside, 'tcp', '2001:db8:1::1', 8080, 'as 2001:db8:1::2'],
        ['from outside', outside, 'udp', '2001:db8:1::1', 8080, 'as 2001:db8:1::2'],
        ['bound to 127.0.0.1', outside, 'tcp', '198.51.100.1', 8081, 'refused'],
        ['bound to 127.0.0.1', host, 'tcp', '127.0.0.1', 8081, 'as 10.89.0.1'],
        ['bound to 127.0.0.1', host, 'tcp', '198.51.100.1', 8081, 'refused'],
        ['bound to an address', outside, 'tcp', '198.51.100.1', 8082, 'as 198.51.100.2'],
        ['bound to an address', host, 'tcp', '127.0.0.1', 8082, 'refused'],
        ['bound to an IPv6 address', outside, 'tcp', '2001:db8:1::1', 8083, 'as 2001:db8:1::2'],
        ['bound to an IPv6 address', outside, 'tcp', '198.51.100.1', 8083, 'refused'],
        ['range', outside, 'tcp', '198.51.100.1', 9002, 'as 198.51.100.2'],
        ['range', outside, 'tcp', '2001:db8:1::1', 9000, 'as 2001:db8:1::2'],
        ['shifted range', outside, 'udp', '198.51.100.1', 9100, 'as 198.51.100.2'],
        ['shifted range', outside, 'udp', '2001:db8:1::1', 9102, 'as 2001:db8:1::2'],
        ['from the host', host, 'tcp', '198.51.100.1', 8080, 'as 198.51.100.1'],
        ['from the host', host, 'tcp', '127.0.0.1', 8080, 'as 10.89.0.1'],
        ['from the host', host, 'tcp', '10.89.0.1', 8080, 'as 10.89.0.1'],
        ['from the host', host, 'tcp', '2001:db8:1::1', 8080, 'as 2001:db8:1::1'],
        ['from another network', other, 'tcp', '198.51.100.1', 8080, 'as 10.90.0.2'],
        ['from the same network', same, 'tcp', '198.51.100.1', 8080, 'as 10.89.0.1'],
        ['from itself', web, 'tcp', '198.51.100.1', 8080, 'as 10.89.0.1'],
        ['from itself', web, 'udp', '198.51.100.1', 8080, 'as 10.89.0.1'],
        ['from outside', outside, 'sctp', '198.51.100.1', 8080, 'as 198.51.100.2'],
        ['from outside', outside, 'sctp', '2001:db8:1::1', 8080, 'as 2001:db8:1::2'],
        ['bound to 127.0.0.1', outside, 'sctp', '198.51.100.1', 8082, 'refused'],
        ['bound to 127.0.0.1', host, 'sctp', '127.0.0.1', 8082, 'as 10.89.0.1'],
        ['from itself', web, 'sctp', '198.51.100.1', 8080, 'as 10.89.0.1'],
        ['not published', outside, 'tcp', '198.51.100.1', 82, 'refused'],
        ['not published', other, 'tcp', '10.89.0.2', 80, 'timeout'],
      ] as const
      const lines = await Promise.all(
        rows.map(async ([what, from, protocol, to, port, wanted]) => [
          what,
          from.name,
          protocol,
          to,
          port,
          await seen(from, protocol, to, port, wanted),
        ]),
      )
      expect(lines).toEqual(
        rows.map(([what, from, protocol, to, port, wanted]) => [what, from.name, protocol, to, port, wanted]),
      )
      expect((await host.tsnet('port', 'web')).stdout).toMatchInlineSnapshot(`
        "80/tcp -> 0.0.0.0:8080
        80/tcp -> [::]:8080
        80/udp -> 0.0.0.0:8080
        80/udp -> [::]:8080
        81/tcp -> 127.0.0.1:8081
        80/tcp -> 198.51.100.1:8082
        80/tcp -> [2001:db8:1::1]:8083
        9000-9002/tcp -> 0.0.0.0:9000-9002
        9000-9002/tcp -> [::]:9000-9002
        9000-9002/udp -> 0.0.0.0:9100-9102
        9000-9002/udp -> [::]:9100-9102
        80/sctp -> 0.0.0.0:8080
        80/sctp -> [::]:8080
        80-81/sctp -> 127.0.0.1:8081-8082
        "
      `)
      await disconnect(web, same, other)
      await host.tsnet('network', 'rm', 'other')
    })
  })

  it('hold when FORWARD drops, whether it did before the network was made or only later', {
    timeout: 300_000,
  }, async () => {
    await street({ iptables })
    const policy = (verdict: 'DROP' | 'ACCEPT', ...tools: readonly string[]): Promise<unknown> =>
      host.sh(
        tools
          .flatMap((tool) => [`ip${tool} -P FORWARD ${verdict}`, `ip6${tool} -P FORWARD ${verdict}`])
          .join('\n'),
      )
    const all = ['tables-nft', 'tables-legacy']
    // So that the legacy tables are there on both pictures.
    await policy('ACCEPT', ...all)
    const works = async (box: Container): Promise<readonly string[]> =>
      Promise.all([
        outside.probe.tcp('198.51.100.1', 8080),
        outside.probe.tcp('2001:db8:1::1', 8080),
        box.probe.tcp('198.51.100.2', 7000),
        box.probe.tcp('2001:db8:1::2', 7000),
      ])
    const fine = ['reached', 'reached', 'reached', 'reached']
    await outside.serve.tcp(7000)
    await leavesNothing(host, async () => {
      for (const tool of all) {
        await policy('DROP', tool)
        const box = await connect(firewall, '-p', '8080:80')
        await box.serve.tcp(80)
        expect([tool, 'before', ...(await works(box))]).toEqual([tool, 'before', ...fine])
        await disconnect(box)
        await policy('ACCEPT', tool)

        const first = await connect(firewall, '-p', '8080:80')
        await first.serve.tcp(80)
        await policy('DROP', tool)
        // The next setup, or gc, notices and puts the accept in.
        const own = firewall === 'iptables' && tool === `tables-${iptables}`
        expect([tool, await host.tsnetJson<unknown[]>('check', { expectExit: own ? 0 : 5 })]).toEqual([
          tool,
          own
            ? []
            : [4, 6].map((family) => ({
                subject: 'tsnet',
                kind: 'accept',
                what: `ip${family === 4 ? '' : 6}${tool} drops forwarded packets, and tsnet0 has no accept there`,
                hint: 'tsnet gc',
              })),
        ])
        const second = await connect(firewall)
        expect([tool, 'after', ...(await works(first))]).toEqual([tool, 'after', ...fine])
        expect(await host.tsnetJson('check')).toEqual([])
        await disconnect(first, second)
        await policy('ACCEPT', tool)

        const third = await connect(firewall, '-p', '8080:80')
        await third.serve.tcp(80)
        await policy('DROP', tool)
        await host.tsnet('gc')
        expect([tool, 'gc', ...(await works(third))]).toEqual([tool, 'gc', ...fine])
        await disconnect(third)
        await policy('ACCEPT', tool)
      }
    })
  })

  it('are back with the next container or port after somebody has flushed all rules', async () => {
    await street({ iptables })
    const flush = {
      nftables: 'nft flush ruleset',
      iptables: `for table in nat filter mangle; do for tool in iptables ip6tables; do
        $tool -t $table -F; $tool -t $table -X; done; done`,
    }[firewall]
    await leavesNothing(host, async () => {
      const web = await connect(firewall, '--id', 'web', '-p', '8080:80')
      await web.serve.tcp(80)
      const boxes = [web]
      const commands: Readonly<Record<string, () => Promise<unknown>>> = {
        setup: async () => boxes.push(await connect(firewall, '--id', 'next', '-p', '8081:80')),
        publish: () => host.tsnet('publish', 'add', 'web', '8082:80'),
      }
      for (const [name, command] of Object.entries(commands)) {
        await host.sh(flush)
        expect([name, await outside.probe.tcp('198.51.100.1', 8080)]).toEqual([name, 'refused'])
        await command()
        expect([name, await outside.probe.tcp('198.51.100.1', 8080)]).toEqual([name, 'reached'])
        expect([name, await host.tsnetJson('check')]).toEqual([name, []])
      }
      await disconnect(...boxes)
    })
  })
})

describe('a host port', () => {
  it('that is not given is chosen from the ephemeral range, the same in a dry run', async () => {
    await street()
    await host.sh('echo "40000 40003" > /proc/sys/net/ipv4/ip_local_port_range')
    await leavesNothing(host, async () => {
      const box = await host.container()
      const words = ['--netns', box.netns, '--id', 'c1', '-p', '80', '-p', '127.0.0.1::81', '-p', '90-91/udp']
      const { result } = await host.tsnetJson<{ result: ContainerNetwork }>('plan', ...words)
      const answer = await host.tsnetJson<ContainerNetwork>('setup', ...words)
      expect(portsOf({ answer })).toEqual(portsOf({ answer: result }))
      const chosen = answer.attachments.flatMap(({ ports }) => ports.map(({ hostPort }) => hostPort))
      expect(chosen.every((port) => port >= 40_000 && port <= 40_003)).toBe(true)
      await box.serve.tcp(80)
      expect(await outside.probe.tcp('198.51.100.1', chosen[0] ?? 0)).toBe('reached')
      const more = await host.container()
      const { stderr } = await host.tsnet(...['setup', '--netns', more.netns, '--id', 'c2', '-p', '1-3'], {
        expectExit: 4,
      })
      expect(stderr).toMatchInlineSnapshot(`
        "tsnet: choosing a host port for 1/tcp from 40000-40003: no 3 in a row are free
          field: publish
          value: 1-3/tcp
          hint: widen net.ipv4.ip_local_port_range, or name a host port
        "
      `)
      await disconnect(box)
    })
  })

  it('that a container has is refused, by name, for every address that meets it', async () => {
    await street()
    const web = ['--id', 'c1', '--container-name', 'web', '-p', '8080:80', '-p', '127.0.0.1:8081:81']
    await leavesNothing(host, async () => {
      const box = await connect('nftables', ...web, '-p', '0.0.0.0:8082:82', '-p', '9000-9009:9000-9009/udp')
      const told = async (...words: string[]): Promise<string> => {
        const late = await host.container()
        const before = await snapshot(host)
        const { stderr, exitCode } = await host.tsnet(
          ...['setup', '--netns', late.netns, '--id', 'late', '--firewall', 'nftables'],
          ...words.flatMap((word) => ['-p', word]),
          { expectExit: 'any' },
        )
        if (exitCode === 0) await host.tsnet('teardown', 'late')
        else expect(snapshotDifference(before, await snapshot(host))).toEqual([])
        await late.kill()
        return exitCode === 0 ? 'free' : (stderr.split('\n')[0] ?? '')
      }
      expect([
        await told('8080:80'),
        await told('127.0.0.1:8080:80'),
        await told('[2001:db8:1::1]:8080:80'),
        await told('8080:80/udp'),
        await told('8079-8080:79-80'),
        await told('198.51.100.1:8081:80'),
        await told('0.0.0.0:8081:80'),
        await told('127.0.0.1:8082:80'),
        await told('[::]:8082:80'),
        await told('9005:5/udp'),
        await told('9009-9012:1-4/udp'),
        await told('9010:1/udp'),
        await told('7000-57000:7000-57000'),
        await told('7000-57000:7000-57000/udp'),
      ]).toMatchInlineSnapshot(`
        [
          "tsnet: publishing 8080/tcp: held by container web (c1)",
          "tsnet: publishing 127.0.0.1:8080/tcp: held by container web (c1)",
          "tsnet: publishing [2001:db8:1::1]:8080/tcp: held by container web (c1)",
          "free",
          "tsnet: publishing 8080/tcp: held by container web (c1)",
          "free",
          "tsnet: publishing 0.0.0.0:8081/tcp: held by container web (c1)",
          "tsnet: publishing 127.0.0.1:8082/tcp: held by container web (c1)",
          "free",
          "tsnet: publishing 9005/udp: held by container web (c1)",
          "tsnet: publishing 9009/udp: held by container web (c1)",
          "free",
          "tsnet: publishing 8080/tcp: held by container web (c1)",
          "tsnet: publishing 9000/udp: held by container web (c1)",
        ]
      `)
      await disconnect(box)
    })
  })

  it('that a process listens on is refused, and the process is named', async () => {
    await street()
    await leavesNothing(host, async () => {
      const box = await host.container()
      const server = await host.serve.tcp(8080)
      const datagrams = await host.serve.udp(8081, { address: '127.0.0.1' })
      const told = async (spec: string): Promise<string> => {
        const { stderr } = await host.tsnet('setup', '--netns', box.netns, '-p', spec, { expectExit: 'any' })
        await host.tsnet('teardown', '--netns', box.netns)
        return (stderr.split('\n')[0] ?? '').replace(/process \d+/, 'process PID')
      }
      expect([
        await told('8080:80'),
        await told('127.0.0.1:8080:80'),
        await told('8081:80/udp'),
        await told('198.51.100.1:8081:80/udp'),
        await told('8000-8100:1000-1100'),
        await told('8081:80/tcp'),
        await told('8000-60000:8000-60000/tcp'),
        await told('8000-60000:8000-60000/udp'),
        await told('198.51.100.1:8000-60000:8000-60000/udp'),
        await told('8082-60000:8082-60000/udp'),
      ]).toMatchInlineSnapshot(`
        [
          "tsnet: publishing 8080/tcp: held by process PID (node)",
          "tsnet: publishing 127.0.0.1:8080/tcp: held by process PID (node)",
          "tsnet: publishing 8081/udp: held by process PID (node)",
          "",
          "tsnet: publishing 8080/tcp: held by process PID (node)",
          "",
          "tsnet: publishing 8080/tcp: held by process PID (node)",
          "tsnet: publishing 8081/udp: held by process PID (node)",
          "",
          "",
        ]
      `)
      await server.close()
      await datagrams.close()
    })
  })

  it('of a dead container is free again, and its rules no longer lead to it', async () => {
    await street()
    await leavesNothing(host, async () => {
      const dead = await connect('nftables', '--id', 'dead', '-p', '8080:80')
      await dead.end()
      const box = await connect('nftables', '--id', 'young', '-p', '8080:80')
      await box.serve.tcp(80)
      expect(await outside.probe.tcpDetail('198.51.100.1', 8080)).toMatchObject({
        answer: { name: box.name },
      })
      expect(await host.tsnetJson<unknown[]>('ls')).toHaveLength(1)
      await disconnect(box)
    })
  })

  it('is free again after a teardown, for a process of the host too', async () => {
    await street()
    await leavesNothing(host, async () => {
      const box = await connect('nftables', '-p', '8080:80')
      await box.serve.tcp(80)
      expect(await outside.probe.tcpDetail('198.51.100.1', 8080)).toMatchObject({
        answer: { name: box.name },
      })
      await disconnect(box)
      expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('refused')
      await host.serve.tcp(8080)
      expect(await outside.probe.tcpDetail('198.51.100.1', 8080)).toMatchObject({ answer: { name: 'host' } })
    })
  })

  it('is published where the configuration says when no address is given', async () => {
    await street()
    await host.sh(`echo '{"publishAddress": "127.0.0.1", "firewall": "nftables"}' > /etc/tsnet/config.json`)
    await leavesNothing(host, async () => {
      const box = await host.container()
      const answer = await host.tsnetJson<ContainerNetwork>('setup', '--netns', box.netns, '-p', '8080:80')
      expect(portsOf({ answer })).toEqual([
        { hostAddress: '127.0.0.1', hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
      ])
      expect(answer.attachments[0]?.firewall).toBe('nftables')
      await box.serve.tcp(80)
      expect(await host.probe.tcp('127.0.0.1', 8080)).toBe('reached')
      expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('refused')
      await disconnect(box)
    })
  })
})

describe('tracked flows', () => {
  it('of a reused UDP port are forgotten, exactly those', async () => {
    await street()
    await host.sh('sysctl -qw net.netfilter.nf_conntrack_udp_timeout=300')
    await leavesNothing(host, async () => {
      const old = await connect('nftables', '--id', 'old', '-p', '5353:53/udp', '-p', '5354:54/udp')
      await outside.serve.udp(5353, { address: '198.51.100.2' })
      for (const port of [53, 54]) await old.serve.udp(port, { address: '10.89.0.2' })
      const ask = (port: number): Promise<unknown> =>
        outside.probe
          .udpDetail('198.51.100.1', port, { sourcePort: 40_000 })
          .then(({ answer }) => answer?.name)
      expect([await ask(5353), await ask(5354)]).toEqual([old.name, old.name])
      // A flow through the host to a far port of the same number, and one to a port that stays.
      expect(await old.probe.udp('198.51.100.2', 5353, { sourcePort: 40_001, timeoutMs: 10_000 })).toBe(
        'reached',
      )
      const flows = async (): Promise<readonly string[]> =>
        (await host.run(['conntrack', '-L', '-p', 'udp'])).stdout
          .split('\n')
          .filter((line) => /dport=535[34] /.test(line))
          .map((line) => /src=\S+ dst=\S+ sport=\d+ dport=\d+/.exec(line)?.[0] ?? '')
          .sort()
      const kept = [
        'src=10.89.0.2 dst=198.51.100.2 sport=40001 dport=5353',
        'src=198.51.100.2 dst=198.51.100.1 sport=40000 dport=5354',
      ]
      expect(await flows()).toEqual(
        [...kept, 'src=198.51.100.2 dst=198.51.100.1 sport=40000 dport=5353'].sort(),
      )
      await disconnect(old)
      // The far one goes on; both published ports went with the container.
      expect(await flows()).toEqual([kept[0]])
      const young = await connect('nftables', '--id', 'young', '--ip', '10.89.0.9', '-p', '5353:53/udp')
      await young.serve.udp(53, { address: '10.89.0.9' })
      expect(await ask(5353)).toBe(young.name)
      await disconnect(young)
    })
  })

  it('to a port nobody had are forgotten when it is published', async () => {
    await street()
    await leavesNothing(host, async () => {
      // Asked before it is there, and asked again: the flow to the host itself must not live on.
      const ask = (): Promise<string> =>
        outside.probe.udp('198.51.100.1', 5353, { sourcePort: 40_000, timeoutMs: 10_000 })
      expect(await ask()).toBe('refused')
      const box = await connect('nftables', '--id', 'young', '-p', '5353:53/udp')
      await box.serve.udp(53, { address: '10.89.0.2' })
      expect(await ask()).toBe('reached')
      await disconnect(box)
    })
  })
})
