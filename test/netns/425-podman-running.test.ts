/**
 * Debian's podman with its own netavark and with ours, on running containers, in
 * one script: networks come, go and are removed, ports move.
 * Where ours answers otherwise, engines/differences.md says why. And a teardown
 * that somebody wants to end.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { type Joined, netavark, request } from './netavarkcalls.ts'
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

describe('a teardown that has begun', () => {
  it.each([
    ['tsnetd', ''],
    ['the Node program', 'local'],
  ])('goes on over SIGTERM and SIGINT: by %s', async (_, via) => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const joined: Joined = { box: await lab.container(host), number: 1 }
    const before = await snapshot(host)
    const env = { TSNET_VIA: via }
    await netavark(host, joined, { verb: 'setup', env })
    await host.sh('cat > /run/input', { stdin: request(joined) })
    const lock = host.start(['flock', '/run/tsnet/locks/host', 'sh', '-c', 'echo held; read end'])
    await lock.waitFor('held')
    const words = [`${ours}/netavark`, '--config', '/run/nv', 'teardown', joined.box.netns]
    const teardown = host.start(['sh', '-c', 'exec "$@" < /run/input', 'sh', ...words], { env })
    await expect.poll(() => mindsNoSignal(teardown.pid), { timeout: 20_000 }).toBe(true)
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.kill(teardown.pid, name)
    lock.write('go on\n')
    expect(await teardown.exited).toBe(0)
    await host.tsnet('daemon', 'stop', { expectExit: 'any' })
    await host.sh('rm -r /run/input /run/nv')
    const log = { except: [/files: \/run\/tsnet(\/tsnetd\.|\/ )/] }
    expect(snapshotDifference(before, await snapshot(host), log)).toEqual([])
  })
})

/** The launcher ignores SIGTERM; the Node program hears it before it loads what it calls the kernel with. */
function mindsNoSignal(pid: number): boolean {
  const ignored = /^SigIgn:\s+(\w+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return (
    (BigInt(`0x${ignored}`) & 0x4000n) !== 0n || readFileSync(`/proc/${pid}/maps`, 'utf8').includes('koffi')
  )
}
