/**
 * Debian's podman with its own netavark and with ours, on running containers, in
 * one script: networks come, go and are removed, ports move, rules are flushed,
 * watchers die. Where ours answers otherwise, engines/differences.md says why.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { needs } from '../../netns-fixtures/requirements.ts'
import { debians, netavarksLimitMs, ours, podman } from './netavarks.ts'

needs('root', 'ip', 'iptables', 'nft', 'veth', 'bridge', 'ipv6', 'busybox', 'curl', 'podman')
needs('netavark', 'aardvark', 'built')

const same: Readonly<Record<string, string>> = {
  // Two networks, then the second alone, with its address and route; none; a third; the first again.
  moved: [
    ...['hello', 'hello', 'Address: 10.71.2.50', 'hello', 'hello', 'default via 10.71.2.1 dev eth1'],
    ...['dead', 'hello', 'default via 10.71.3.1 dev eth0', 'hello', '10.71.1.3'],
  ].join('\n'),
  again: 'already connected',
  unknown: 'refused',
  // A container on two networks is known in both.
  order: 'inet 10.71.1.60/24\ninet 10.71.2.60/24\nAddress: 10.71.1.3\nAddress: 10.71.2.60',
  // Nobody answers for it; networks it was connected to meanwhile are there when it starts.
  stopped: 'NXDOMAIN\n3',
  reloaded: 'dead\nhello\nhello',
  names: 'Address: 10.71.1.3',
  // In use; with force its containers go with it, those of other networks stay.
  removed: 'refused\nasker \ndead\npodman',
  pod: 'hello\nhello\nAddress: 10.71.4.2\ndead\nhello\ndead',
  restarted: 'hello\nAddress: 10.71.4.77\n02:00:00:00:00:77',
  killed: 'hello\nAddress: 10.71.4.77\ndead\nhello\nhello\n0',
  failed: 'refused\nrefused\nhello',
  addressed: 'hello\nhello\ndead',
  any: 'hello',
  pruned: '0\npodman',
}

const isName = (line: string): boolean => /^(Address: .*|NXDOMAIN|)$/.test(line)

/** All that was told but for answers of name servers. */
function withoutNames(told: Readonly<Record<string, string>>): Readonly<Record<string, readonly string[]>> {
  const rest = (text: string): string[] => text.split('\n').filter((line) => !isName(line))
  return Object.fromEntries(Object.entries(told).map(([section, text]) => [section, rest(text)]))
}

const limit = { timeout: netavarksLimitMs }

describe('podman network connect, disconnect, reload, rm -f, pod, restart, kill -9, prune', () => {
  it.concurrent("say with Debian's netavark what the table says", limit, async () => {
    const { seen, hairpin, left, ...told } = await podman('running', debians, 'iptables')
    // engines/differences.md, 5, 4, 3 and 2.
    expect(withoutNames(told)).toEqual(withoutNames(same))
    // Where bridges do not show their packets to iptables it works there, too.
    expect(['', 'hello']).toContain(hairpin)
    expect(seen).not.toContain('10.71')
    expect(left).toContain('NETAVARK-HOSTPORT')
  })

  it.concurrent.each(['iptables', 'nftables'])(
    'say the same with ours and %s, and leave nothing behind',
    limit,
    async (firewall) => {
      expect(await podman('running', ours, firewall)).toEqual({
        ...same,
        hairpin: 'hello',
        seen: 'Address: 10.71.7.2',
        left: '',
      })
    },
  )
})
