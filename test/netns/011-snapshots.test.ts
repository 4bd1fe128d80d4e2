/**
 * Snapshots see what programs configure and nothing else.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { normaliseIptables, normaliseNft } from '../../netns-fixtures/normalise.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

needs('root', 'ip', 'nft', 'iptables', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6')

describe('a snapshot', () => {
  it('of an untouched host equals itself, also after traffic and a second look', async () => {
    await using lab = await createLab()
    const [one, two] = [await lab.host('one'), await lab.host('two')]
    await lab.wire(one, two, '198.51.100.0/24', { v6: '2001:db8:1::/64' })
    await one.run(['nft', '-f', '-'], {
      stdin: `table inet t {
        counter c { }
        set s { type ipv4_addr; flags dynamic,timeout; timeout 1h; }
        chain in { type filter hook input priority 0; counter name "c"; counter; add @s { ip saddr }; }
      }`.replaceAll('; }', '\n }'),
    })
    await one.run(['iptables-nft', '-A', 'INPUT', '-j', 'ACCEPT'])
    await one.run(['iptables-legacy', '-A', 'INPUT', '-j', 'ACCEPT'])
    await one.serve.tcp(80)
    // The set's element is there before the first look; later packets only renew its time.
    expect(await two.probe.tcp('198.51.100.1', 80)).toBe('reached')
    const before = await snapshot(one)
    expect(await two.probe.tcp('198.51.100.1', 80)).toBe('reached')
    expect(await two.probe.tcp('2001:db8:1::1', 80)).toBe('reached')
    expect(await snapshot(one)).toEqual(before)
    expect(before['nft']?.filter((line) => / set s element /.test(line))).toHaveLength(1)
  })

  it('creates no table by looking', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await snapshot(host, { emptyTables: 'keep' })
    const look = 'nft list tables; cat /proc/net/ip_tables_names /proc/net/ip6_tables_names'
    expect((await host.sh(look)).stdout).toBe('')
  })

  it('differs after one ip link add, and is back after ip link del', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const before = await snapshot(host)
    await host.run(['ip', 'link', 'add', 'br9', 'type', 'bridge'])
    const changed = snapshotDifference(before, await snapshot(host))
    expect(changed.filter((line) => line.startsWith('+ link:') && line.includes('info_kind'))).toEqual([
      '+ link: br9 linkinfo.info_kind="bridge"',
    ])
    expect(changed.filter((line) => !line.startsWith('+ '))).toEqual([])
    await host.run(['ip', 'link', 'del', 'br9'])
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it.each([
    ['an address', 'ip addr add 192.0.2.7/32 dev lo', 'address'],
    ['an IPv6 address', 'ip addr add 2001:db8::7/128 dev lo nodad', 'address'],
    ['a route', 'ip route add blackhole 203.0.113.0/24', 'route4'],
    ['an IPv6 route', 'ip -6 route add blackhole 2001:db8:7::/64', 'route6'],
    ['a route in another table', 'ip route add blackhole 203.0.113.0/24 table 77', 'route4'],
    ['a rule', 'ip rule add from 192.0.2.7 lookup 77', 'rule4'],
    ['an IPv6 rule', 'ip -6 rule add from 2001:db8::7 lookup 77', 'rule6'],
    ['a link alias', 'ip link set lo alias tsnet:x', 'link'],
    ['an nft table', 'nft add table inet t', 'nft'],
    ['an nft-variant rule', 'iptables-nft -t nat -A POSTROUTING -j MASQUERADE', 'iptables-nft'],
    ['an IPv6 nft-variant rule', 'ip6tables-nft -N TSNET', 'ip6tables-nft'],
    ['a legacy rule', 'iptables-legacy -t nat -A POSTROUTING -j MASQUERADE', 'iptables-legacy'],
    ['an IPv6 legacy policy', 'ip6tables-legacy -P FORWARD DROP', 'ip6tables-legacy'],
    ['a policy', 'iptables-nft -P FORWARD DROP', 'iptables-nft'],
    ['forwarding', 'echo 1 > /proc/sys/net/ipv4/ip_forward', 'sysctl'],
    ['a sysctl of one interface', 'echo 1 > /proc/sys/net/ipv4/conf/lo/route_localnet', 'sysctl'],
    ['a file', 'mkdir -p /run/tsnet; echo 1 > /run/tsnet/lock', 'files'],
    ['a definition', 'echo 1 > /var/lib/tsnet/n.json', 'files'],
    ['a namespace name', 'ip netns add blue', 'files'],
  ])('sees %s', async (_what, command, section) => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const before = await snapshot(host)
    await host.sh(command)
    const sections = snapshotDifference(before, await snapshot(host)).map((line) => line.split(' ')[1])
    expect(sections).toContain(`${section}:`)
  })

  it('does not count built-in tables that were only ever used', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const before = await snapshot(host)
    for (const program of ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy']) {
      await host.sh(`${program} -t nat -A POSTROUTING -j MASQUERADE; ${program} -N X`)
      expect(snapshotDifference(before, await snapshot(host))).not.toEqual([])
      await host.sh(`${program} -t nat -D POSTROUTING -j MASQUERADE; ${program} -X X`)
    }
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    const kept = await snapshot(host, { emptyTables: 'keep' })
    expect(kept['iptables-legacy']?.filter((line) => !line.includes(':'))).toEqual(['*filter', '*nat'])
    for (const variant of ['iptables-nft', 'ip6tables-nft', 'ip6tables-legacy']) {
      expect(kept[variant]?.filter((line) => !line.includes(':'))).toEqual(['*filter', '*nat'])
    }
  })

  it('takes the rules of iptables-nft from iptables-nft-save, and from nft what that does not tell', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh('iptables-nft -t nat -A POSTROUTING -j MASQUERADE; nft add set ip nat s "{ type mark; }"')
    const { nft, 'iptables-nft': iptables } = await snapshot(host)
    expect(nft).toEqual(['table ip nat', 'table ip nat set s', 'table ip nat set s type mark'])
    expect(iptables).toContain('*nat -A POSTROUTING -j MASQUERADE')
    // A table that iptables cannot tell is told by nft.
    await host.sh('nft add rule ip nat POSTROUTING numgen random mod 2 0 accept')
    const { nft: all, 'iptables-nft': none } = await snapshot(host)
    expect(all).toContain('table ip nat chain POSTROUTING numgen random mod 2 0 accept')
    expect(none).toEqual([])
  })

  it('of a container is about its namespace, not about the host or its files', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const box = await lab.container(host)
    const [inHost, inBox] = [await snapshot(host), await snapshot(box)]
    await lab.wire(box, host, '192.0.2.0/24', { names: ['eth0', 'veth0'] })
    await host.sh('echo 1 > /var/lib/tsnet/n.json')
    const changed = snapshotDifference(inBox, await snapshot(box))
    // Its link-local address comes when the kernel sees fit, so it is not in the picture.
    expect(changed.filter((line) => line.startsWith('+ address:'))).toEqual([
      '+ address: eth0 {"family":"inet","local":"192.0.2.1","prefixlen":24,"scope":"global","label":"eth0"}',
    ])
    expect(changed.some((line) => /veth0|files/.test(line))).toBe(false)
    await box.kill()
    await host.waitForLinkGone('veth0')
    await host.sh('rm /var/lib/tsnet/n.json')
    expect(snapshotDifference(inHost, await snapshot(host))).toEqual([])
  })
})

describe('a difference of snapshots', () => {
  it('names what came, what went, and what changed its place', () => {
    const before = { nft: ['a', 'b', 'b', 'c'], link: ['x', 'y'], sysctl: ['ipv4/ip_forward:0', 'z:1'] }
    const after = {
      nft: ['a', 'b', 'd'],
      link: ['y', 'x'],
      sysctl: ['ipv4/ip_forward:1', 'z:1'],
      files: ['/run/tsnet/ 755'],
    }
    expect(snapshotDifference(before, after, { except: [/^sysctl: ipv4\/ip_forward:/] })).toEqual([
      '- nft: b',
      '- nft: c',
      '+ nft: d',
      '~ link: another order from here on: y',
      '+ files: /run/tsnet/ 755',
    ])
  })

  it('does not depend on the order of set elements, of counters, or of comments with dates', () => {
    const rules = (elements: string, counter: string): string =>
      `# Warning: table ip t is managed by iptables-nft, do not touch!
table ip t {
	map m {
		type inet_service : ipv4_addr
		elements = { ${elements} }
	}

	chain c {
		type filter hook input priority filter; policy accept;
		${counter} accept comment "a, b { c"
	}
}`
    const one = normaliseNft(rules('80 comment "x, y" : 10.0.0.1,\n\t\t\t     70 : 10.0.0.2', 'counter'))
    expect(normaliseNft(rules('70 : 10.0.0.2, 80 comment "x, y" : 10.0.0.1', 'counter'))).toEqual(one)
    expect(one).toEqual([
      'table ip t',
      'table ip t map m',
      'table ip t map m type inet_service : ipv4_addr',
      'table ip t map m element 70 : 10.0.0.2',
      'table ip t map m element 80 comment "x, y" : 10.0.0.1',
      'table ip t chain c',
      'table ip t chain c type filter hook input priority filter; policy accept;',
      'table ip t chain c counter accept comment "a, b { c"',
    ])
    const saved = (date: string, count: string): string =>
      `# Generated by iptables-save v1.8.9 on ${date}\n*nat\n:OUTPUT ACCEPT ${count}\n:MINE - ${count}\n-A MINE -j RETURN\nCOMMIT\n# Completed on ${date}\n`
    expect(normaliseIptables(saved('Sat Nov 21', '[0:0]'))).toEqual(
      normaliseIptables(saved('Sun Nov 22', '[7:99]')),
    )
    expect(normaliseIptables(saved('Sat Nov 21', '[0:0]'))).toEqual([
      '*nat',
      '*nat :OUTPUT ACCEPT',
      '*nat :MINE -',
      '*nat -A MINE -j RETURN',
    ])
  })
})

describe('the check around every test run', () => {
  it.each([
    ['nothing changed', 'true', ''],
    ['a link was left', 'ip link add left0 type bridge', '+ link: left0 linkinfo.info_kind="bridge"'],
    ['a table was left', 'nft add table inet left', '+ nft: table inet left'],
    ['a rule was left', 'iptables -A INPUT -j DROP', '+ iptables-nft: *filter -A INPUT -j DROP'],
    [
      'a process was left',
      `unshare -n sleep 1000 & until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done`,
      'process left behind: PID sleep 1000',
    ],
  ])('tells when %s', async (_what, command, expected) => {
    await using lab = await createLab()
    // To the script the throwaway host is the machine, so the check can be seen to fail.
    const machine = await lab.host('machine', { iptables: 'nft' })
    const script = `
      import { execFileSync } from 'node:child_process'
      import { setup, teardown } from '${repository}test/setup.ts'
      await setup()
      execFileSync('sh', ['-c', ${JSON.stringify(command)}], { stdio: 'ignore' })
      await teardown().catch((error: Error) => console.log(error.message))
      console.log(process.exitCode ?? 0)`
    await machine.run(['tee', '/run/check.mts'], { stdin: script })
    const { stdout, exitCode } = await machine.node('/run/check.mts', {
      expectExit: 'any',
      timeoutMs: 90_000,
    })
    const told = stdout
      .trim()
      .replaceAll(/behind: \d+/g, 'behind: PID')
      .split('\n')
    expect(told).toEqual(expected ? expect.arrayContaining([expected]) : ['0'])
    expect([told.at(-1), exitCode]).toEqual(expected ? ['1', 1] : ['0', 0])
  })
})

describe('a requirement', () => {
  it('that is missing is named with the Debian package that brings it', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh(
      'for name in nft ip6tables-nft; do mount --bind /dev/null $(readlink -f $(which $name)); done',
    )
    const script = `
      import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '${repository}netns-fixtures/requirements.ts'
      needs('root', 'ip', 'veth')
      try { needs('root', 'nft', 'iptables-nft', 'veth') } catch (error) { console.log((error as Error).message) }`
    await host.run(['tee', '/run/needs.mts'], { stdin: script })
    expect((await host.node('/run/needs.mts')).stdout).toBe(
      'this test needs what the machine lacks:\n' +
        'nft: apt-get install nftables\n' +
        'iptables-nft, ip6tables-nft: apt-get install iptables\n',
    )
  })

  it('is looked for by npm test and npm run demo too, from the same list', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh('for name in nft jq apt-get; do mount --bind /dev/null $(readlink -f $(which $name)); done')
    const told = async (...words: string[]): Promise<string> => {
      const argv = [process.execPath, `${repository}.config/requirements.mjs`, ...words]
      const { stdout, stderr } = await host.run(argv, { expectExit: 69 })
      return stdout + stderr
    }
    const install = 'On Debian: apt-get update && apt-get install -y --no-install-recommends'
    expect(await told()).toBe(`requirements: not found: nftables (nft); jq (jq)\n${install} nftables jq\n`)
    expect(await told('--demo')).toBe(`requirements: not found: nftables (nft)\n${install} nftables\n`)
  })
})
