/**
 * The rules that concern a container, in words, with what they have counted.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { RuleReport } from '../../lib/index.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

needs('root', 'ip', 'nft', 'iptables', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6')

/** `web` with port 8080 published, `db` beside it, and one connection to the port from another machine. */
async function yard(lab: Lab, backend: 'iptables' | 'nftables', iptables: 'nft' | 'legacy'): Promise<Host> {
  const host = await lab.host('host', { iptables, forwarding: true })
  const outside = await lab.host('outside')
  await lab.wire(host, outside, '198.51.100.0/24')
  await host.tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24', '--firewall', backend)
  for (const [name, ...more] of [['web', '-p', '8080:80'], ['db']]) {
    const box = await lab.container(host, { name: name ?? '' })
    await host.tsnet(
      ...['setup', '--pid', String(box.pid), '--id', name ?? '', '--container-name', name ?? ''],
      ...['--network', 'shop', '--firewall', backend, ...more],
    )
    if (name === 'web') await box.serve.tcp(80)
  }
  expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
  return host
}

/** What has counted something, as `words (packets)`; connections close in their own time, so of many only that. */
function counted({ rules }: RuleReport): string[] {
  return rules
    .filter(({ packets = 0 }) => packets > 0)
    .map(({ words, packets = 0, place }) => `${place}: ${words} (${packets > 1 ? 'several' : packets})`)
}

describe.each([
  ['iptables', 'nft'],
  ['iptables', 'legacy'],
  ['nftables', 'nft'],
] as const)('tsnet rules, with %s (iptables is %s)', (backend, iptables) => {
  it('tells what becomes of packets of a container, and how many there were', async () => {
    await using lab = await createLab()
    const host = await yard(lab, backend, iptables)
    const report = await host.tsnetJson<RuleReport>('rules', 'web')
    const tool = backend === 'nftables' ? 'nftables' : `iptables-${iptables}`
    expect(new Set(report.rules.map((rule) => rule.tool))).toEqual(new Set([tool]))
    expect(new Set(report.rules.map(({ owner }) => owner))).toEqual(new Set(['tsnet']))
    const seen = counted(report)
    expect(seen).toContain('publishing: TCP to port 8080 of this host: goes to 10.90.0.2:80 (1)')
    expect(seen.find((line) => line.includes('published port'))).toMatch(/^forwarding: .*: let through/)
    const { stdout } = await host.tsnet('rules', 'web')
    const counters = /^ +\d+(\.\d+)?[* ]k? +\d+(\.\d+)? k?B {2}/gm
    await expect(
      stdout.replace(/^web .*/, 'web').replace(counters, '        N       N B  '),
    ).toMatchFileSnapshot(`../golden/rules/words-${tool}.txt`)
  })

  it('leaves out rules of other containers and networks, shows all without a name, and changes nothing', async () => {
    await using lab = await createLab()
    const host = await yard(lab, backend, iptables)
    const before = await snapshot(host)
    const about = async (...words: string[]) => (await host.tsnetJson<RuleReport>('rules', ...words)).rules
    expect((await about('db')).some(({ does }) => does === 'dnat')).toBe(false)
    expect((await about('web')).filter(({ does }) => does === 'dnat')).toHaveLength(1)
    expect((await about()).filter(({ does }) => does === 'dnat')).toHaveLength(1)
    expect((await about('host')).filter(({ owner }) => owner === 'tsnet')).toEqual([])
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})

describe('rules of others', () => {
  it('are shown where they name the container, its network or nobody and drop, with their owner', async () => {
    await using lab = await createLab()
    const host = await yard(lab, 'nftables', 'nft')
    await host.sh(`
      iptables -N DOCKER-USER; iptables -A FORWARD -j DOCKER-USER
      iptables -A DOCKER-USER -s 10.90.0.0/16 -p tcp --dport 25 -j REJECT
      iptables -A DOCKER-USER -s 172.30.0.0/16 -p tcp --dport 26 -j REJECT
      iptables -A DOCKER-USER -p tcp --dport 27 -j ACCEPT
      iptables -A FORWARD -j DROP
      nft add rule inet tsnet TSNET-USER ip daddr 10.90.0.2 tcp dport 81 counter drop
      nft add table inet mine
      nft 'add chain inet mine in { type filter hook input priority 5; policy drop; }'
      nft add rule inet mine in accept
      nft add set inet mine bad '{ type ipv4_addr; elements = { 10.90.0.2, 192.0.2.1 }; }'
      nft 'add chain inet mine across { type filter hook forward priority 5; }'
      nft add rule inet mine across ip saddr @bad udp dport 53 drop
    `)
    const { rules } = await host.tsnetJson<RuleReport>('rules', 'web')
    const foreign = rules.filter(({ owner }) => owner !== 'tsnet')
    expect(foreign.map(({ owner, tool, words }) => [owner, tool, words])).toEqual([
      ['host', 'nftables', 'everything no rule of in lets through: dropped'],
      ['docker', 'iptables-nft', 'TCP to port 25 from 10.90.0.0/16: refused'],
      ['host', 'iptables-nft', 'everything: dropped'],
      ['admin', 'nftables', 'everything to 10.90.0.2 port 81: dropped'],
      ['host', 'nftables', 'everything to port 53 from 10.90.0.2, 192.0.2.1: dropped'],
    ])
  })

  it('are found for a container nobody knows but its namespace', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { iptables: 'nft' })
    await host.sh(`
      ip netns add named
      ip link add br9 type bridge; ip link set br9 up
      ip link add v9 type veth peer name eth0 netns named; ip link set v9 master br9 up
      ip -n named addr add 10.77.0.2/24 dev eth0
      iptables -t nat -A PREROUTING -p tcp --dport 99 -j DNAT --to-destination 10.77.0.2:9
      iptables -t nat -A POSTROUTING -s 10.77.0.0/24 ! -o br9 -j MASQUERADE
    `)
    const { rules } = await host.tsnetJson<RuleReport>('rules', 'named')
    expect(rules.map(({ words, owner, packets }) => [words, owner, packets])).toEqual([
      ['TCP to port 99: goes to 10.77.0.2:9', 'host', 0],
      ["everything from 10.77.0.0/24, out by all but br9: leaves with the host's address", 'host', 0],
    ])
    const wrong = await host.tsnet('rules', 'namd', { expectExit: 3 })
    expect(wrong.stderr).toContain('did you mean "named"?')
  })
})
