/**
 * Debian's podman with its own netavark and with ours, in one script. What it
 * prints is one table; where ours answers otherwise, engines/differences.md says
 * why (decisions 29).
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { sectionsOf } from './engines.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'macvlan', 'ipv6', 'busybox', 'curl', 'socat', 'podman')
needs('netavark', 'aardvark', 'built')

const scriptLimitMs = 110_000

type Told = Readonly<Record<string, string>>

/** @param firewall for ours; Debian's knows iptables only */
async function podman(helpers: string, firewall: string): Promise<Told> {
  await using lab = await createLab()
  const host = await lab.host('host')
  const far = await lab.host('far')
  await lab.wire(host, far, '198.51.100.0/24', { v6: '2001:db8:1::/64', defaultRoute: 'first' })
  const scripts = `${repository}test/netns/engines`
  const { stdout } = await host.run(['unshare', '-m', 'sh', `${scripts}/netavark.sh`], {
    env: {
      TSNET: `${repository}dist`,
      SCRIPTS: scripts,
      HELPERS: helpers,
      FAR: String(far.pid),
      NETAVARK_FW: firewall,
    },
    timeoutMs: scriptLimitMs,
  })
  return sectionsOf(stdout)
}

const same: Told = {
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

describe('podman run, network, pod, restart, reload, prune', () => {
  it("say with Debian's netavark what the table says", { timeout: scriptLimitMs }, async () => {
    const { after, left, ...told } = await podman('/usr/lib/podman', 'iptables')
    expect(told).toEqual(same)
    // engines/differences.md, 1 and 2.
    expect(after).toMatch(/^no /)
    expect(left).toContain('NETAVARK-HOSTPORT')
  })

  it.each(['iptables', 'nftables'])(
    'say the same with ours and %s, and leave nothing behind',
    { timeout: scriptLimitMs },
    async (firewall) => {
      expect(await podman(`${repository}dist/podman`, firewall)).toEqual({
        ...same,
        after: 'hello',
        left: '',
      })
    },
  )
})
