/**
 * `tsnet teardown` of several containers and of all: together, of ours only,
 * and without a trace.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { ContainerNetwork } from '../../lib/index.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { leavesNothing } from './traceless.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6')

/** A veth, a bridge, a rule and a set of somebody else, much like ours. */
const strangers = [
  // iptables makes the chains of a table at first use, and they stay: that is documented, and no part of this.
  'for chain in OUTPUT POSTROUTING; do iptables -t nat -P $chain ACCEPT; done',
  'ip link add tsnet9 type bridge',
  'ip link set tsnet9 up',
  'ip link add web-stranger type veth peer name web-peer',
  'ip link set web-stranger master tsnet9 up',
  'iptables -t nat -A PREROUTING -p tcp --dport 8080 -m comment --comment "tsnet:web" -j RETURN',
  'nft add table ip stranger',
].join('\n')

describe.each(['iptables', 'nftables'] as const)('with %s', (firewall) => {
  it('several go at once, the dead among them, and what is nobody’s business of ours stays', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    await host.sh(strangers)
    await leavesNothing(host, async () => {
      const boxes = await Promise.all(Array.from({ length: 12 }, () => lab.container(host)))
      await host.tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24', '--subnet', 'fd00:90::/64', {
        env: { TSNET_FIREWALL: firewall },
      })
      for (const [i, box] of boxes.entries()) {
        const network = i % 3 === 0 ? ['--network', 'shop'] : []
        await host.tsnet('setup', '--netns', box.netns, '--id', `c${i}`, '-p', `${8000 + i}:80`, ...network, {
          env: { TSNET_FIREWALL: firewall },
        })
      }
      await boxes[4]?.kill()

      // Named ones, one of them dead, one that nobody knows.
      const { stdout } = await host.tsnet('teardown', 'c3', 'c4', 'nobody', '-q')
      expect(stdout).toBe('c3\nc4\n')
      const left = await host.tsnetJson<ContainerNetwork[]>('ls')
      const ids = [0, 1, 2, 5, 6, 7, 8, 9, 10, 11].map((i) => `c${i}`)
      expect(left.map(({ container }) => container.id).sort()).toEqual([...ids].sort())
      expect(await host.tsnetJson('check')).toEqual([])
      expect((await host.tsnet('port', 'c5', '80')).stdout).toBe('0.0.0.0:8005\n[::]:8005\n')

      const gone = await host.tsnetJson<ContainerNetwork[]>('teardown', '--all')
      expect(gone).toEqual(left)
      expect(await host.tsnetJson('ls')).toEqual([])
      expect(await host.tsnetJson('teardown', '--all')).toEqual([])
      await host.tsnet('network', 'rm', 'shop')
    })
  })
})
