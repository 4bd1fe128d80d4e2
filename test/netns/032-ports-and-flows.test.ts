/**
 * Who holds a port, flows that conntrack remembers, and locks between processes.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { startRulesAgent } from './agents/rules-client.ts'
import { waitUntil } from './rulesbench.ts'

needs(
  'root',
  'ip',
  'nft',
  'iptables',
  'iptables-nft',
  'iptables-legacy',
  'conntrack',
  'socat',
  'veth',
  'ipv6',
)

describe('holders of ports', () => {
  const socat = (kind: string, options: string): string[] => [
    'socat',
    '-u',
    `${kind}:${options}`,
    '/dev/null',
  ]

  it.each([
    ['tcp', null, 'TCP4-LISTEN', '8080,reuseaddr'],
    ['tcp', null, 'TCP4-LISTEN', '8080,bind=127.0.0.1,reuseaddr'],
    ['tcp', '192.0.2.1', 'TCP4-LISTEN', '8080,reuseaddr'],
    ['tcp', '192.0.2.1', 'TCP6-LISTEN', '8080,ipv6only=0,reuseaddr'],
    ['tcp', null, 'TCP6-LISTEN', '8080,ipv6only=1,reuseaddr'],
    ['tcp', '2001:db8::1', 'TCP6-LISTEN', '8080,reuseaddr'],
    ['tcp', '2001:db8::1', 'TCP6-LISTEN', '8080,bind=[2001:db8::1],reuseaddr'],
    ['udp', null, 'UDP4-RECV', '8080,reuseaddr'],
    ['udp', '192.0.2.1', 'UDP4-RECV', '8080,bind=192.0.2.1,reuseaddr,reuseport'],
    ['udp', '2001:db8::1', 'UDP6-RECV', '8080'],
    ['udp', '192.0.2.1', 'UDP6-RECV', '8080,ipv6only=0'],
  ] as const)('%s on %s is held by %s:%s', async (protocol, address, kind, options) => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh('ip addr add 192.0.2.1/24 dev lo; ip addr add 2001:db8::1/64 dev lo nodad')
    const rules = startRulesAgent(host)
    expect(await rules.call('portHolder', protocol, address, 8080)).toBeUndefined()
    const other = host.start(socat(kind, options))
    await waitUntil(host, `ss -Hlnut 'sport = 8080'`, (out) => out.includes(':8080'))
    const holder = { pid: other.pid, program: 'socat' }
    expect(await rules.call('portHolder', protocol, address, 8080)).toEqual(holder)
    expect(await rules.call('portHolders', protocol, address, 8000, 1000)).toEqual([
      { port: 8080, ...holder },
    ])
    expect(await rules.call('portHolders', protocol, address, 8081, 1000)).toEqual([])
    const otherProtocol = protocol === 'tcp' ? 'udp' : 'tcp'
    expect(await rules.call('portHolder', otherProtocol, address, 8080)).toBeUndefined()
    await other.stop()
    expect(await rules.call('portHolder', protocol, address, 8080)).toBeUndefined()
  })

  it.each([
    ['tcp', '192.0.2.1', 'TCP4-LISTEN', '8080,bind=127.0.0.1'],
    ['tcp', '192.0.2.1', 'TCP6-LISTEN', '8080,ipv6only=1'],
    ['tcp', '2001:db8::1', 'TCP4-LISTEN', '8080'],
    ['udp', '2001:db8::1', 'UDP4-RECV', '8080'],
  ] as const)('%s on %s is free beside %s:%s', async (protocol, address, kind, options) => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh('ip addr add 192.0.2.1/24 dev lo; ip addr add 2001:db8::1/64 dev lo nodad')
    const rules = startRulesAgent(host)
    host.start(socat(kind, options))
    await waitUntil(host, `ss -Hlnut 'sport = 8080'`, (out) => out.includes(':8080'))
    expect(await rules.call('portHolder', protocol, address, 8080)).toBeUndefined()
  })

  it('a socket that is bound and does not listen holds its port', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    const script =
      'import socket,time; s=socket.socket(); s.bind(("0.0.0.0",8080)); print("bound",flush=True); time.sleep(60)'
    await host.start(['python3', '-c', script]).waitFor('bound')
    expect(await rules.call('portHolder', 'tcp', null, 8080)).toEqual({})
  })

  it('the local end of an outgoing connection, and what is left of one, hold nothing', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    const server = host.start(['socat', 'TCP4-LISTEN:7000,reuseaddr,fork', 'EXEC:cat'])
    await waitUntil(host, `ss -Hlnt 'sport = 7000'`, (out) => out.includes(':7000'))
    const client = host.start(['socat', 'EXEC:cat', 'TCP4:127.0.0.1:7000,sourceport=8080'])
    await waitUntil(host, `ss -Hnt state established 'sport = 8080'`, (out) => out.includes(':8080'))
    // A child has the connection, which is established before, and has closed what it inherited: the port is its parent's.
    const pids = (out: string): string => [...out.matchAll(/pid=(\d+)/g)].map(([, pid]) => pid).join()
    const isChilds = (out: string): boolean => /^\d+$/.test(pids(out)) && pids(out) !== `${server.pid}`
    await waitUntil(host, `ss -Hntp state established 'sport = 7000'`, isChilds)
    await waitUntil(host, `ss -Hlntp 'sport = 7000'`, (out) => pids(out) === `${server.pid}`)
    expect(await rules.call('portHolder', 'tcp', null, 8080)).toBeUndefined()
    expect(await rules.call('portHolder', 'tcp', null, 7000)).toEqual({ pid: server.pid, program: 'socat' })
    await client.stop()
    expect(await rules.call('portHolder', 'tcp', null, 8080)).toBeUndefined()
  })

  it('an address that the host does not have is refused', async () => {
    await using lab = await createLab()
    const rules = startRulesAgent(await lab.host('h1'))
    const refused = {
      code: 'TSNET_BAD_VALUE',
      message: 'publishing on 192.0.2.9: this host does not have that address',
      field: '--publish',
      value: '192.0.2.9',
      hint: 'see the addresses of this host with `ip addr`',
    }
    expect(await rules.errorOf('portHolder', 'tcp', '192.0.2.9', 80)).toMatchObject(refused)
    expect(await rules.errorOf('portHolders', 'udp', '192.0.2.9', 80, 1000)).toMatchObject(refused)
  })
})

describe('tracked flows', () => {
  /** `protocol original-destination:port reply-source:port` of every flow, sorted. */
  const flows = async (host: Host): Promise<string[]> => {
    const { stdout } = await host.sh('conntrack -L -f ipv4; conntrack -L -f ipv6')
    return stdout
      .split('\n')
      .filter((line) => line.includes('sport='))
      .map((line) => {
        const all = (key: string) =>
          [...line.matchAll(new RegExp(`\\b${key}=(\\S+)`, 'g'))].map(([, value]) => value)
        const [dst, sport, dport] = [all('dst'), all('sport'), all('dport')]
        return `${line.split(' ')[0]} ${all('src')[0]}:${sport[0]} ${dst[0]}:${dport[0]} ${all('src')[1]}:${sport[1]}`
      })
      .sort()
  }
  const made = [
    // protocol, client, where it sends to, who answers
    ['udp', '198.51.100.2:1001', '198.51.100.1:53', '10.0.0.2:53'],
    ['udp', '198.51.100.2:1002', '198.51.100.1:53', '198.51.100.1:53'],
    ['udp', '127.0.0.1:1003', '127.0.0.1:53', '10.0.0.2:53'],
    ['udp', '198.51.100.2:1004', '198.51.100.1:54', '10.0.0.2:5353'],
    ['udp', '198.51.100.2:1005', '198.51.100.1:53', '10.0.0.3:53'],
    ['tcp', '198.51.100.2:1006', '198.51.100.1:53', '10.0.0.2:53'],
    ['udp', '10.0.0.2:1007', '9.9.9.9:53', '9.9.9.9:53'],
    ['udp', '10.0.0.2:53', '9.9.9.9:1008', '9.9.9.9:1008'],
    ['udp', '10.0.0.9:1009', '10.0.0.2:53', '10.0.0.2:53'],
    ['udp', '2001:db8::2#1010', '2001:db8::1#53', 'fd00::2#53'],
    ['udp', '2001:db8::2#1011', '2001:db8::1#53', 'fd00::3#53'],
  ] as const

  async function hostWithFlows(host: Host): Promise<void> {
    const split = (end: string): [string, string] => {
      const at = end.lastIndexOf(end.includes('#') ? '#' : ':')
      return [end.slice(0, at), end.slice(at + 1)]
    }
    await host.sh(
      'ip link add x0 type veth; ip addr add 198.51.100.1/24 dev x0; ip addr add 2001:db8::1/64 dev x0 nodad; ip link set x0 up',
    )
    const lines = made.map(([protocol, client, to, from]) => {
      const [[src, sport], [dst, dport], [rsrc, rsport]] = [split(client), split(to), split(from)]
      const state = protocol === 'tcp' ? '--state ESTABLISHED' : ''
      return (
        `conntrack -I -p ${protocol} -t 600 ${state} -u SEEN_REPLY -s ${src} -d ${dst} --sport ${sport} --dport ${dport} ` +
        `-r ${rsrc} -q ${src} --reply-port-src ${rsport} --reply-port-dst ${sport}`
      )
    })
    await host.sh(lines.join('\n'))
  }

  const step = (fields: object): object => ({
    kind: 'conntrack',
    where: 'host',
    protocol: 'udp',
    hostPort: 53,
    containerAddress: '10.0.0.2',
    containerPort: 53,
    count: 1,
    ...fields,
  })

  it.each([
    ['any address of the host, and the container', {}, [1001, 1002, 1003, 1005, 1009]],
    ['one address of the host, and the container', { hostAddress: '127.0.0.1' }, [1001, 1003, 1009]],
    ['an unspecified address is any', { hostAddress: '0.0.0.0' }, [1001, 1002, 1003, 1005, 1009]],
    ['the other protocol', { protocol: 'tcp' }, [1006]],
    ['a range', { hostPort: 50, containerPort: 5350, count: 10 }, [1001, 1002, 1003, 1004, 1005]],
    ['the other family', { containerAddress: 'fd00::2' }, [1010, 1011]],
    ['nothing of the kind', { hostPort: 80, containerPort: 80 }, []],
    ['another container on another port', { hostPort: 80, containerAddress: '10.0.0.3' }, [1005]],
  ])('%s: exactly those are forgotten', async (_, fields, expected) => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await hostWithFlows(host)
    const before = await flows(host)
    expect(before).toHaveLength(made.length)
    await rules.call('flushFlows', [step(fields)])
    const after = await flows(host)
    const clientPort = (flow: string): number => Number(/^\S+ \S+:(\d+) /.exec(flow)?.[1])
    expect(
      before
        .filter((flow) => !after.includes(flow))
        .map(clientPort)
        .sort(),
    ).toEqual(expected)
    expect(after.filter((flow) => !before.includes(flow))).toEqual([])
    expect(await rules.call('spawnCount')).toBe(0)
  })

  it('finds one flow among twenty thousand', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await hostWithFlows(host)
    const flood =
      'import socket\n' +
      's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n' +
      's.bind(("127.0.0.1", 0))\n' +
      'for i in range(20000):\n  try: s.sendto(b"", ("127.0.0.1", 10000 + i))\n  except OSError: pass\n'
    await host.run([
      'nft',
      'add table ip track; add chain ip track c { type filter hook output priority 0; }; add rule ip track c ct state new',
    ])
    // Nobody answers: they must not be forgotten by themselves between the two counts.
    await host.sh('echo 600 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout')
    await host.run(['python3', '-c', flood])
    const count = async () => Number((await host.run(['conntrack', '-C'])).stdout)
    const before = await count()
    expect(before).toBeGreaterThan(15_000)
    await rules.call('flushFlows', [step({ hostAddress: '127.0.0.1', hostPort: 20_000, containerPort: 9 })])
    expect(await count()).toBe(before - 1)
  })
})

describe('locks', () => {
  const path = '/run/demo.lock'
  const exclusive = { exclusive: true, timeoutMs: 0 }
  const shared = { exclusive: false, timeoutMs: 0 }

  it('exclude other processes, and say who holds them', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const [one, two] = [startRulesAgent(host), startRulesAgent(host)]
    await one.call('lock', path, exclusive)
    for (const options of [exclusive, shared]) {
      const error = await two.errorOf('lock', path, options)
      expect(error).toMatchObject({ code: 'TSNET_LOCK_TIMEOUT', retryable: true })
      expect(error.message).toMatch(
        new RegExp(`^locking ${path}: still held by ${one.pid} \\(.*node.*\\) after 0 ms$`),
      )
    }
    await one.call('unlock', path)
    await two.call('lock', path, exclusive)
  })

  it('are shared by those who ask for that, and keep an exclusive one out until the last has gone', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const [one, two, three] = [startRulesAgent(host), startRulesAgent(host), startRulesAgent(host)]
    await one.call('lock', path, shared)
    await two.call('lock', path, shared)
    expect(await three.errorOf('lock', path, exclusive)).toMatchObject({ code: 'TSNET_LOCK_TIMEOUT' })
    await one.call('unlock', path)
    expect(await three.errorOf('lock', path, exclusive)).toMatchObject({ code: 'TSNET_LOCK_TIMEOUT' })
    const waiting = three.call('lock', path, { exclusive: true, timeoutMs: 20_000 })
    await two.call('unlock', path)
    await waiting
  })

  it('are free when their holder is killed, even if a child of it lives on', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const [one, two] = [startRulesAgent(host), startRulesAgent(host)]
    await one.call('lock', path, exclusive)
    const child = await one.call<number>('startChild')
    await one.kill()
    await two.call('lock', path, { exclusive: true, timeoutMs: 10_000 })
    await host.sh(`test -e /proc/${child}`)
  })

  it('leave no file behind when they are transient, and still exclude', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const [one, two] = [startRulesAgent(host), startRulesAgent(host)]
    const transient = { exclusive: true, timeoutMs: 0, transient: true }
    await one.call('lock', path, transient)
    expect(await two.errorOf('lock', path, transient)).toMatchObject({ code: 'TSNET_LOCK_TIMEOUT' })
    const waiting = two.call('lock', path, { ...transient, timeoutMs: 20_000 })
    await one.call('unlock', path)
    await waiting
    expect(await one.errorOf('lock', path, transient)).toMatchObject({ code: 'TSNET_LOCK_TIMEOUT' })
    await two.call('unlock', path)
    await host.sh(`test ! -e ${path}`)
  })
})
