/**
 * Debian's podman with its own netavark and with ours, on running containers, in
 * one script: networks come, go and are removed, ports move.
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
  // Two networks, then the second alone, with its address and route; none; a third; the first again.
  moved: [
    ...['hello', 'hello', 'Address: 10.71.2.50', 'hello', 'hello', 'default via 10.71.2.1 dev eth1'],
    ...['dead', 'hello', 'default via 10.71.3.1 dev eth0', 'hello', '10.71.1.3'],
  ].join('\n'),
  again: 'already connected',
  unknown: 'refused',
  // In use; with force its containers go with it, those of other networks stay.
  removed: 'refused\nasker \ndead\npodman',
}

const limit = { timeout: netavarksLimitMs }

describe('podman network connect, disconnect, rm -f', () => {
  it.concurrent("say with Debian's netavark what the table says", limit, async () => {
    const { left, ...told } = await podman('running', debians, 'iptables')
    expect(withoutNames(told)).toEqual(withoutNames(same))
    // engines/differences.md, 2.
    expect(left).not.toBe('')
  })

  it.concurrent.each(['iptables', 'nftables'])(
    'say the same with ours and %s, and leave nothing behind',
    limit,
    async (firewall) => {
      expect(await podman('running', ours, firewall)).toEqual({ ...same, left: '' })
    },
  )
})
