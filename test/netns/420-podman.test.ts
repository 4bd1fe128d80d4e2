/**
 * Debian's podman with its own netavark and with ours, in one script. What it
 * prints is one table; where ours answers otherwise, engines/differences.md says
 * why (decisions 29).
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { needs } from '../../netns-fixtures/requirements.ts'
import { debians, netavarksLimitMs, ours, podman, withoutNames } from './netavarks.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'macvlan', 'ipv6', 'busybox', 'curl', 'socat', 'podman')
needs('netavark', 'aardvark', 'built')

const same: Readonly<Record<string, string>> = {
  // 127.0.0.1, the host's address, a port bound to 127.0.0.1 from there and from elsewhere, a range.
  published: 'hello\nhello\nhello\nno (7)\nhello',
  far: 'hello',
  // The container sees who asks.
  udp: '198.51.100.2',
  taken: 'refused',
  cleared: '',
  // By name, alias, full name and short id.
  names: 'Address: 10.70.1.2\nAddress: 10.70.1.2\nAddress: 10.70.1.2\nAddress: 10.70.1.2',
  unknown: 'NXDOMAIN',
  resolv: 'search dns.podman\nnameserver 10.70.1.1',
  neighbour: 'hello',
  connected: 'inet 10.70.2.2\nAddress: 10.70.2.3\n0',
  reload: 'same\nhello',
  restart: 'hello',
  static: '10.70.1.77 02:00:00:00:00:77\n02:00:00:00:00:77',
  internal: '0\nhello\nclosed',
  ipv6: 'fd00:70::2/64\nAddress: fd00:70::2\nhello',
  isolated: 'apart',
  modes: 'lo\n1\nhello',
  macvlan: 'inet 198.51.100.50/24\ndefault via 198.51.100.2 dev eth0\nreached',
  pod: 'hello',
  killed: 'hello\nhello',
  prune: 'closed left mac one right six two',
}

const limit = { timeout: netavarksLimitMs }

describe('podman run, network, pod, restart, reload, prune', () => {
  it.concurrent("say with Debian's netavark what the table says", limit, async () => {
    const { after, left, ...told } = await podman('netavark', debians, 'iptables')
    expect(withoutNames(told)).toEqual(withoutNames(same))
    // engines/differences.md, 5, 1 and 2.
    expect(after).toMatch(/^no /)
    expect(left).toContain('NETAVARK-HOSTPORT')
  })

  it.concurrent.each(['iptables', 'nftables'])(
    'say the same with ours and %s, and leave nothing behind',
    limit,
    async (firewall) => {
      expect(await podman('netavark', ours, firewall)).toEqual({ ...same, after: 'hello', left: '' })
    },
  )
})
