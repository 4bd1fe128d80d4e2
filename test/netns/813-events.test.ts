/**
 * What happens to a host's network, as it happens.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { EventView } from '../../lib/index.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'

needs('root', 'ip', 'nft', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6')

const tsnet = [process.execPath, `${repository}dist/bin/tsnet`]

/** `tsnet events --json`, once it listens: a link comes and goes until that is told. */
async function listening(host: Host, ...words: string[]) {
  const events = host.start([...tsnet, 'events', '--json', ...words])
  while (!events.output().includes('probe0'))
    await host.sh('ip link add probe0 type veth; ip link del probe0')
  const seen = (): EventView[] =>
    events
      .output()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as EventView)
      .filter(({ subject, words: told }) => !/probe0|veth0/.test(subject + told))
  return { events, seen }
}

describe('tsnet events', () => {
  it('tells containers, networks, names, links and addresses that come and go', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    const { events, seen } = await listening(host)
    await host.tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24', '--firewall', 'nftables')
    await host.tsnet(
      ...['setup', '--pid', String(box.pid), '--container-name', 'web', '--firewall', 'nftables'],
      ...['--network', 'shop:alias=front', '-p', '8080:80'],
    )
    await events.waitFor('web is on shop')
    await host.tsnet('teardown', 'web')
    await events.waitFor('web is no longer on shop')
    await host.tsnet('network', 'rm', 'shop')
    await events.waitFor('network shop is gone')
    await host.sh('ip link add plain0 type veth peer name plain1; ip addr add 10.7.0.1/24 dev plain0')
    await events.waitFor('plain0 has got 10.7.0.1/24')
    await events.stop()
    const told = seen().map(({ kind, words }) => `${kind}: ${words}`)
    const wanted = [
      'network: network shop is there',
      'link: ts-shop-8d900 (bridge) is there',
      'address: ts-shop-8d900 has got 10.90.0.1/24',
      'attach: web is on shop: eth0 10.90.0.2, publishes 8080->80/tcp',
      'names: web is also called front on shop',
      'detach: web is no longer on shop',
      'link: ts-shop-8d900 is gone',
      'network: network shop is gone',
      'link: plain0 (veth) is there',
      'address: plain0 has got 10.7.0.1/24',
    ]
    expect(wanted.filter((line) => !told.includes(line))).toEqual([])
  })

  it('names the program and pid that changed rules, and iptables-legacy without', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const { events, seen } = await listening(host, '--only', 'rules,link')
    await host.sh('nft add table ip mine; nft add chain ip mine one; iptables-nft -A FORWARD -j ACCEPT')
    const pid = (await host.sh("sh -c 'echo $$; exec nft flush ruleset'")).stdout.trim()
    // Nobody tells of changes of iptables-legacy: they are looked for, at times before what others tell.
    await events.waitFor('1 rule removed from FORWARD')
    await host.sh('iptables-legacy -A FORWARD -j ACCEPT')
    await events.waitFor('iptables-legacy')
    await events.stop()
    const rules = seen().filter(({ kind }) => kind === 'rules')
    expect(rules.map(({ subject, by }) => [subject, by?.program])).toEqual([
      ['ip mine', 'nft'],
      ['ip mine', 'nft'],
      ['ip filter', 'iptables-nft'],
      ['ip mine', 'nft'],
      ['ip filter', 'nft'],
      ['iptables-legacy', undefined],
    ])
    const flushed = rules.filter(({ by }) => by?.pid === Number(pid))
    expect(flushed.map(({ words }) => words)).toEqual([
      `nft (${pid}) changed table ip mine: 1 chain removed, table removed`,
      `nft (${pid}) changed table ip filter: 1 rule removed from FORWARD, 1 chain removed, table removed`,
    ])
  })

  it('ends after --count, after --seconds, and by Ctrl-C, each time with exit code 0', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const counted = host.start([...tsnet, 'events', '--count', '1', '--only', 'link'])
    while (
      (await Promise.race([counted.exited, host.sh('ip link add p0 type veth; ip link del p0')])) !== 0
    ) {
      // Until it has begun to listen.
    }
    expect(counted.output().split('\n')).toHaveLength(2)
    expect((await host.tsnet('events', '--seconds', '1', '--only', 'attach')).stdout).toBe('')
    const { events } = await listening(host)
    await host.sh(`kill -INT ${events.pid}`)
    expect(await events.exited).toBe(0)
    const wrong = await host.tsnet('events', '--only', 'rulez', { expectExit: 2 })
    expect(wrong.stderr.split('\n')[0]).toBe('tsnet: --only: "rulez" is no kind of event')
  })
})
