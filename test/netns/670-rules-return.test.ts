/**
 * Rules that others flush come back by themselves where tsnetd runs, and by `tsnet firewall reload`.
 *
 * The gaps are measured and printed, and judged nowhere: how long one is depends on who else works on the machine
 * (figures of a quiet one: ../README.md).
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { figure } from './chaos.ts'
import { deletes, iptablesWays, nftWays, olderNft, program, until, type Way, yard } from './rulesyard.ts'

needs('root', 'ip', 'nft', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6', 'firewalld', 'built')

describe.each<[firewall: string, variant: 'nft' | 'legacy', ways: readonly Way[]]>([
  ['iptables', 'nft', [...iptablesWays, ...nftWays, deletes('ip nat')]],
  ['iptables', 'legacy', iptablesWays],
  ['nftables', 'nft', [...nftWays, olderNft, deletes('inet tsnet')]],
])('rules of %s (%s) that somebody takes away', (firewall, variant, ways) => {
  it('come back, the daemon says who it was, and requests succeed again', { timeout: 240_000 }, async () => {
    await using lab = await createLab()
    const { host, daemon, figures } = await yard(lab, firewall, { variant })
    for (const { what, line } of ways) {
      const before = await snapshot(host)
      await host.sh('nft delete table inet filter 2>/dev/null || true')
      await figures()
      const lines = daemon.output().split('\n').length - 1
      const pid = (await host.sh(`echo $$; ${line}`)).stdout.trim()
      const isBack = (line: string): boolean =>
        line.includes('"packet rules put back"') &&
        // Announced by iptables-nft and nft; of iptables-legacy nobody knows.
        (variant === 'legacy' || line.includes(`(${pid})`))
      await until(
        `rules are back, which ${pid} has taken away`,
        () => daemon.output(),
        (log) => log.split('\n').slice(lines).some(isBack),
      )
      await until(
        'check finds nothing',
        () => host.tsnet('check', { expectExit: 'any' }),
        ({ exitCode }) => exitCode === 0,
      )
      await host.sh('nft delete table inet filter 2>/dev/null || true')
      expect(snapshotDifference(before, await snapshot(host))).toEqual([])
      const { asked, failed, gapMs, perSecond } = await figures()
      await until('requests are answered', figures, (now) => now.failed === 0 && now.asked > 0)
      const told = `670 ${firewall} (${variant}), ${what}: ${failed} of ${asked} failed at ${perSecond}/s, gap ${gapMs} ms`
      console.log(told)
      figure(told)
    }
    expect((await host.tsnet('firewall', 'reload')).stdout).toBe('nothing was missing\n')
  })
})

describe('rules that are lost as soon as they are made', () => {
  it('come back as well: who watches does not have to know yet that there are any', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const daemon = host.start([process.execPath, program, 'daemon', 'run'])
    await daemon.waitFor('"listening"')
    const box = await lab.container(host)
    const env = { TSNET_FIREWALL: 'nftables' }
    await host.tsnet('setup', '--netns', box.netns, '--id', 'web', '-p', '8080:80', { env })
    const pid = (await host.sh('echo $$; exec nft flush ruleset')).stdout.trim()
    await daemon.waitFor('"packet rules put back"')
    expect(daemon.output()).toContain(`(${pid})`)
    expect((await host.tsnet('check')).stdout).toContain('ok')
  })
})

describe('a reload of firewalld, which forgets what it was told and flushes iptables', () => {
  it.each(['iptables', 'nftables'])('is mended by tsnetd, with rules of %s', async (firewall) => {
    await using lab = await createLab()
    const [host, far] = [await lab.host('host', { forwarding: true }), await lab.host('far')]
    await lab.wire(host, far, '198.51.100.0/24', { defaultRoute: 'first' })
    await host.sh('mkdir -p /run/dbus && dbus-daemon --system --fork')
    host.start(['firewalld', '--nofork', '--nopid'])
    await host.run(['sh', '-c', 'until firewall-cmd --state 2>/dev/null; do sleep 0.5; done'], {
      timeoutMs: 90_000,
    })
    const daemon = host.start([process.execPath, program, 'daemon', 'run'])
    await daemon.waitFor('"listening"')
    const box = await lab.container(host)
    await box.serve.tcp(80)
    const env = { TSNET_FIREWALL: firewall }
    await host.tsnet('setup', '--netns', box.netns, '--id', 'web', '-p', '8080:80', { env })
    expect(await far.probe.tcp('198.51.100.1', 8080)).toBe('reached')
    await host.sh('firewall-cmd --reload', { timeoutMs: 90_000 })
    await daemon.waitFor('"packet rules put back"')
    await until(
      'check finds nothing',
      () => host.tsnet('check', { expectExit: 'any' }),
      ({ exitCode }) => exitCode === 0,
    )
    expect(await far.probe.tcp('198.51.100.1', 8080)).toBe('reached')
    expect((await host.sh('firewall-cmd --zone=trusted --list-interfaces')).stdout).toBe('tsnet0\n')
    await host.tsnet('teardown', 'web', { env })
    expect((await host.sh('firewall-cmd --zone=trusted --list-interfaces')).stdout).toBe('\n')
  })
})

describe('tsnet firewall reload', () => {
  it.each<[firewall: string, variant: 'nft' | 'legacy']>([
    ['iptables', 'nft'],
    ['iptables', 'legacy'],
    ['nftables', 'nft'],
  ])('puts rules of %s (%s) back without a daemon, and does no harm twice', async (firewall, variant) => {
    await using lab = await createLab()
    const host = await lab.host('host', { iptables: variant })
    const env = { TSNET_FIREWALL: firewall }
    for (const [id, network] of Object.entries({ web: 'front', db: 'back', cache: 'back' })) {
      const box = await lab.container(host)
      const flags = [
        '--netns',
        box.netns,
        '--id',
        id,
        '--network',
        network,
        '-p',
        '80',
        '-p',
        '7000-7009:7000-7009/udp',
      ]
      if (id !== 'cache') await host.tsnet('network', 'create', network, '--ipv6', { env })
      await host.tsnet('setup', ...flags.slice(0, id === 'web' ? undefined : -2), { env })
    }
    const user = firewall === 'iptables' ? 'iptables -A TSNET-USER' : 'nft add rule inet tsnet TSNET-USER'
    await host.sh(`${user} ${firewall === 'iptables' ? '-s 192.0.2.1 -j DROP' : 'ip saddr 192.0.2.1 drop'}`)
    const before = await snapshot(host)
    const reload = async (): Promise<string> => (await host.tsnet('firewall', 'reload')).stdout
    expect(await reload()).toBe('nothing was missing\n')
    // One rule, one chain, one element, one port.
    const partly =
      firewall === 'iptables'
        ? 'iptables -D TSNET-FORWARD 2; ip6tables -F TSNET-IN; iptables -t nat -F TSNET-DNAT'
        : 'nft flush chain inet tsnet enter; nft flush map inet tsnet ports4; nft flush set inet tsnet icc'
    await host.sh(partly)
    expect(await reload()).toMatch(/^put back \d+ groups? of packet rules\n$/)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    const all =
      variant === 'legacy'
        ? 'for t in raw mangle nat; do iptables -t $t -F; iptables -t $t -X; done'
        : 'nft flush ruleset'
    await host.sh(all)
    expect(await host.tsnetJson('firewall', 'reload')).toEqual({ rules: expect.any(Number) })
    const after = await snapshot(host)
    // What the admin had in TSNET-USER nobody else knows.
    const lost = snapshotDifference(before, after).filter((line) => !line.includes('192.0.2.1'))
    expect(lost).toEqual([])
    expect(await reload()).toBe('nothing was missing\n')
    for (const id of ['web', 'db', 'cache']) await host.tsnet('teardown', id)
    expect((await host.tsnet('check')).stdout).toContain('ok')
  })
})
