/**
 * Debian's podman with its own netavark and with ours, in one script: two networks, pods,
 * restarts, watchers that die, containers that cannot start, rules that are flushed, what is left.
 * Where ours answers otherwise, engines/differences.md says why.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { needs } from '../../netns-fixtures/requirements.ts'
import { debians, netavarksLimitMs, ours, podman, withoutNames } from './netavarks.ts'

needs('root', 'ip', 'iptables', 'nft', 'veth', 'bridge', 'ipv6', 'busybox', 'curl', 'podman')
needs('netavark', 'aardvark', 'built')

const same: Readonly<Record<string, string>> = {
  // A container on two networks is known in both.
  order: 'inet 10.71.1.60/24\ninet 10.71.2.60/24\nAddress: 10.71.1.2\nAddress: 10.71.2.60',
  // Nobody answers for it; networks it was connected to meanwhile are there when it starts.
  stopped: 'NXDOMAIN\n3',
  pod: 'hello\nhello\nAddress: 10.71.4.2\ndead\nhello\ndead',
  restarted: 'hello\nAddress: 10.71.4.77\n02:00:00:00:00:77',
  killed: 'hello\nAddress: 10.71.4.77\ndead\nhello\nhello\n0',
  failed: 'refused\nrefused\nhello',
  reloaded: 'hello\nhello',
  names: 'Address: 10.71.4.90',
  addressed: 'hello\nhello\ndead',
  any: 'hello',
  pruned: '0\npodman',
}

const limit = { timeout: netavarksLimitMs }

describe('podman pod, restart, kill -9, run that fails, network reload, prune', () => {
  it.concurrent("say with Debian's netavark what the table says", limit, async () => {
    const { seen, hairpin, left, ...told } = await podman('lives', debians, 'iptables')
    // engines/differences.md, 4, 3 and 2.
    expect(withoutNames(told)).toEqual(withoutNames(same))
    // Where bridges do not show their packets to iptables it works there, too.
    expect(['', 'hello']).toContain(hairpin)
    expect(seen).not.toContain('10.71')
    expect(left).not.toBe('')
  })

  it.concurrent.each(['iptables', 'nftables'])(
    'say the same with ours and %s, and leave nothing behind',
    limit,
    async (firewall) => {
      expect(await podman('lives', ours, firewall)).toEqual({
        ...same,
        hairpin: 'hello',
        seen: 'Address: 10.71.7.2',
        left: '',
      })
    },
  )
})
