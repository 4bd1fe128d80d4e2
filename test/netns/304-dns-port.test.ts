/**
 * Questions that have to get past others: a firewall that drops what comes to
 * the host, and programs that have port 53.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { dig, dropInput, layNameYard, type Named, startDnsmasq } from './nameyard.ts'
import { leavesNothing } from './traceless.ts'

needs(
  'root',
  'ip',
  'veth',
  'bridge',
  'ipv6',
  'built',
  'dig',
  'dnsmasq',
  'iptables-nft',
  'iptables-legacy',
  'nft',
)

const backends = ['nftables', 'iptables'] as const
const tools = ['iptables-nft', 'iptables-legacy'] as const

/** Over both transports and both families. */
async function askEverywhere({ box, told }: Named, name: string): Promise<readonly string[]> {
  const answers = []
  for (const server of told.resolver.servers) {
    for (const transport of ['+notcp', '+tcp']) {
      answers.push(await dig(box, `@${server}`, transport, name, 'A'))
    }
  }
  return answers
}

const found = (address: string): readonly string[] => Array.from({ length: 4 }, () => `NOERROR, A ${address}`)
/** What somebody else's mistake takes away. */
const flush = {
  nftables: 'nft flush table inet tsnet',
  iptables: 'iptables-nft -t nat -F; ip6tables-nft -t nat -F',
}
const nets = ['--subnet', '10.90.0.0/24', '--subnet', 'fd00:90::/64']

describe('a host that drops what comes in', () => {
  it.each(backends.flatMap((backend) => tools.map((tool) => [backend, tool] as const)))(
    'with names on %s: %s lets questions to the gateways through, nothing else, and is as it was in the end',
    async (backend, tool) => {
      await using lab = await createLab()
      const { host, container } = await layNameYard(lab)
      await dropInput(host, tool)
      await leavesNothing(host, async () => {
        await host.tsnet('network', 'create', 'shop', ...nets)
        const flags = ['--network', 'shop', '--firewall', backend] as const
        await container(...flags, '--id', 'web', '--container-name', 'web')
        const asker = await container(...flags, '--id', 'asker')
        expect(asker.told.resolver.servers).toEqual(['10.90.0.1', 'fd00:90::1'])
        expect(await askEverywhere(asker, 'web')).toEqual(found('10.90.0.2'))
        // Everything else on the host is as closed as the admin wants it.
        const listener = host.start(['socat', 'TCP4-LISTEN:5353,reuseaddr,fork', 'SYSTEM:echo open'])
        await host.sh("until ss -lnt 'sport = 5353' | grep -q :5353; do sleep 0.02; done")
        const { exitCode } = await asker.box.sh('socat -T1 - TCP4:10.90.0.1:5353,connect-timeout=0.5', {
          expectExit: 'any',
        })
        expect(exitCode).toBe(1)
        await listener.stop()
        await host.tsnet('teardown', 'web')
        await host.tsnet('teardown', 'asker')
        await host.tsnet('network', 'rm', 'shop')
      })
    },
  )

  it('later than the network was made is told by check, and mended by gc or the next container', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    const asker = await container('--container-name', 'asker', '--firewall', 'nftables')
    const [server = ''] = asker.told.resolver.servers
    await dropInput(host, 'iptables-nft')
    expect(await dig(asker.box, '+time=1', `@${server}`, 'asker')).toBe('no reply')
    expect(await host.tsnetJson<unknown>('check', { expectExit: 5 })).toEqual(
      ['iptables-nft', 'ip6tables-nft'].map((tool) => ({
        subject: 'tsnet',
        kind: 'accept',
        what: `${tool} drops questions for names, and tsnet0 has no accept there`,
        hint: 'tsnet gc',
      })),
    )
    await host.tsnet('gc')
    expect(await dig(asker.box, `@${server}`, 'asker')).toBe('NOERROR, A 10.89.0.2')
    await dropInput(host, 'iptables-legacy')
    await container('--container-name', 'next', '--firewall', 'nftables')
    expect(await dig(asker.box, `@${server}`, 'next')).toBe('NOERROR, A 10.89.0.3')
    expect(await host.tsnetJson<unknown>('check')).toEqual([])
  })
})

describe('a name server on a port of its own', () => {
  it.each(backends)(
    'on %s answers what containers ask at port 53, beside who has that port',
    async (backend) => {
      await using lab = await createLab()
      const { host, outside, container } = await layNameYard(lab)
      const holders = ['UDP6-RECVFROM:53,fork', 'TCP6-LISTEN:53,reuseaddr,fork'].map((listen) =>
        host.start(['socat', listen, 'SYSTEM:cat']),
      )
      await host.sh("until [ $(ss -lntuH 'sport = 53' | grep -c '*:53') = 2 ]; do sleep 0.02; done")
      await leavesNothing(host, async () => {
        await host.tsnet('network', 'create', 'shop', ...nets, '-o', 'dns-port=5300')
        expect((await host.tsnet('network', 'ls')).stdout).toContain('dns-port=5300')
        const flags = ['--network', 'shop', '--firewall', backend] as const
        await container(...flags, '--id', 'web', '--container-name', 'web')
        const asker = await container(...flags, '--id', 'asker')
        expect(await askEverywhere(asker, 'web')).toEqual(found('10.90.0.2'))
        expect(await dig(asker.box, '@10.90.0.1', 'www.example.test')).toBe('NOERROR, A 192.0.2.80')
        // The host as well, at either port; and nobody's question to another server is led astray.
        expect(await dig(host, '@10.90.0.1', 'web')).toBe('NOERROR, A 10.90.0.2')
        expect(await dig(host, '@fd00:90::1', '-p', '5300', 'web')).toBe('NOERROR, A 10.90.0.2')
        expect(await dig(asker.box, '@198.51.100.2', 'www.example.test')).toBe('NOERROR, A 192.0.2.80')
        await outside.sh('ip route add 10.90.0.0/24 via 198.51.100.1')
        expect(await dig(outside, '@10.90.0.1', 'web')).toBe('REFUSED')
        // Past a firewall too, at the port it arrives at.
        await dropInput(host, 'iptables-legacy')
        await container(...flags, '--id', 'late')
        expect(await askEverywhere(asker, 'web')).toEqual(found('10.90.0.2'))
        expect((await host.tsnet('doctor', '-q', { expectExit: 5 })).stdout).toBe('mixed-backends host\n')
        await host.sh('for t in iptables ip6tables; do $t-legacy -P INPUT ACCEPT; done')
        // A change of the network keeps what leads questions there: where its rules are gone they come back whole.
        await host.tsnet('network', 'update', 'shop', '--isolate', 'false')
        await host.sh(flush[backend])
        await host.tsnet('gc')
        expect(await askEverywhere(asker, 'web')).toEqual(found('10.90.0.2'))
        await host.tsnet('network', 'update', 'shop', '--isolate', 'true')
        expect(await host.tsnetJson('check')).toEqual([])
        for (const id of ['web', 'asker', 'late']) await host.tsnet('teardown', id)
        await host.tsnet('network', 'rm', 'shop')
        await host.sh(
          'for t in iptables ip6tables; do $t-legacy -D INPUT 1; $t-legacy -D INPUT 1; done; ip6tables-legacy -D INPUT 1',
        )
      })
      for (const holder of holders) await holder.stop()
    },
  )

  it.each(backends)(
    'on %s keeps its questions from a container that publishes port 53, for all networks by the host file',
    async (backend) => {
      await using lab = await createLab()
      const { host, outside, container } = await layNameYard(lab)
      await host.sh('mkdir -p /etc/tsnet && echo \'{"dnsPort": 5301}\' > /etc/tsnet/config.json')
      const flags = ['--firewall', backend] as const
      const asker = await container(...flags, '--container-name', 'asker')
      const hole = await container(
        ...flags,
        ...['--container-name', 'hole', '-p', '53:53/udp', '-p', '53:53/tcp'],
      )
      await startDnsmasq(hole.box, '10.89.0.3', ['--address=/#/192.0.2.66'])
      expect(await dig(outside, '@198.51.100.1', 'any.test')).toBe('NOERROR, A 192.0.2.66')
      expect(await askEverywhere(asker, 'hole')).toEqual(found('10.89.0.3'))
      expect((await host.tsnetJson<unknown[]>('check')).length).toBe(0)
    },
  )
})
