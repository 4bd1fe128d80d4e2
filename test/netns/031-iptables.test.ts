/**
 * iptables in both variants, and rules of others that are in the way.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { printerFor } from '../../lib/firewall/printer.ts'
import type { Address } from '../../lib/model/address.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { startRulesAgent } from './agents/rules-client.ts'
import { everyIntent } from './rulesbench.ts'

needs(
  'root',
  'ip',
  'nft',
  'iptables',
  'iptables-nft',
  'iptables-legacy',
  'conntrack',
  'socat',
  'veth',
  'ipv6',
)

const forwardChains = (['iptables-nft', 'iptables-legacy'] as const).flatMap((tool) =>
  ([4, 6] as const).map((family) => ({ chain: 'FORWARD', tool, family })),
)

describe.each(['nft', 'legacy'] as const)('iptables, variant %s', (variant) => {
  const add = `*nat
:TSNET-DEMO - [0:0]
-A TSNET-DEMO -p tcp -m tcp --dport 80 -m comment --comment "tsnet:a b" -j DNAT --to-destination 10.0.0.2:80
-I PREROUTING 1 -m comment --comment "tsnet:base" -j TSNET-DEMO
COMMIT
*filter
:TSNET-A - [0:0]
:TSNET-B - [0:0]
-A TSNET-A -s 10.0.0.0/24 -m comment --comment "tsnet:a" -j TSNET-B
-I FORWARD 1 -m comment --comment "tsnet:base" -j TSNET-A
-A FORWARD -i br-a -j ACCEPT
COMMIT
`
  const remove = `*filter
-D FORWARD -i br-a -j ACCEPT
-D FORWARD -m comment --comment "tsnet:base" -j TSNET-A
:TSNET-A - [0:0]
:TSNET-B - [0:0]
-X TSNET-A
-X TSNET-B
COMMIT
*nat
-D PREROUTING -m comment --comment "tsnet:base" -j TSNET-DEMO
:TSNET-DEMO - [0:0]
-X TSNET-DEMO
COMMIT
`
  it('is recognised', async () => {
    await using lab = await createLab()
    const rules = startRulesAgent(await lab.host('h1', { iptables: variant }))
    expect(await rules.call('iptablesVariant')).toBe(variant)
  })

  it('applies a batch and takes it back, one process each', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1', { iptables: variant })
    const rules = startRulesAgent(host)
    const before = await snapshot(host)
    expect(await rules.call('restore', 'iptables', add)).toEqual({ created: true })
    const between = await snapshot(host)
    expect(await rules.call('missingRules', 'iptables', add)).toBe(false)
    await rules.call('revertRestore', 'iptables', remove)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    expect(snapshotDifference(before, between)).not.toEqual([])
    expect(await rules.call('spawnCount')).toBe(3)
    expect(await rules.call('missingRules', 'iptables', add)).toBe(true)
  })

  it.each([
    ['a rule', 'iptables -D FORWARD -i br-a -j ACCEPT'],
    ['a jump', 'iptables -D FORWARD -m comment --comment tsnet:base -j TSNET-A'],
    ['a chain', 'iptables -D FORWARD 1; iptables -F TSNET-A; iptables -X TSNET-A'],
    ['a chain of the second table', 'iptables -t nat -F; iptables -t nat -X TSNET-DEMO'],
    ['everything', 'iptables -F; iptables -X; iptables -t nat -F; iptables -t nat -X'],
  ])('takes back what is there when %s is gone', async (_, damage) => {
    await using lab = await createLab()
    const host = await lab.host('h1', { iptables: variant })
    const rules = startRulesAgent(host)
    const before = await snapshot(host)
    await rules.call('restore', 'iptables', add)
    await host.sh(damage)
    expect(await rules.call('missingRules', 'iptables', add)).toBe(true)
    await rules.call('revertRestore', 'iptables', remove)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    await rules.call('revertRestore', 'iptables', remove)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('leaves the rules of others alone, and reports a chain that others still use', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1', { iptables: variant })
    const rules = startRulesAgent(host)
    await host.sh('iptables -A FORWARD -s 192.0.2.0/24 -j DROP; iptables -N OTHER; iptables -P FORWARD DROP')
    const before = await snapshot(host)
    await rules.call('restore', 'iptables', add)
    await host.sh('iptables -A OTHER -j TSNET-B')
    const error = await rules.errorOf('revertRestore', 'iptables', remove)
    expect(error).toMatchObject({ code: 'TSNET_PROGRAM_FAILED' })
    expect(error.message).toContain('-X TSNET-B')
    expect(snapshotDifference(before, await snapshot(host), { except: [/TSNET-B/] })).toEqual([])
  })

  it('names the line that a restore program refuses', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1', { iptables: variant })
    const rules = startRulesAgent(host)
    const before = await snapshot(host)
    const error = await rules.errorOf(
      'restore',
      'iptables',
      `*filter\n-A FORWARD -j ACCEPT\n-A FORWARD -p tcp --dprt 9 -j DROP\nCOMMIT\n`,
    )
    expect(error).toMatchObject({
      code: 'TSNET_PROGRAM_FAILED',
      message: 'iptables-restore: unknown option "--dprt": -A FORWARD -p tcp --dprt 9 -j DROP',
    })
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('counts a chain that is only made as done when it is there, and keeps what is in it', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1', { iptables: variant })
    const rules = startRulesAgent(host)
    const make = '*filter\n-N TSNET-USER\nCOMMIT\n'
    expect(await rules.call('restore', 'ip6tables', make)).toEqual({ created: true })
    expect(await rules.call('userRules', 'iptables')).toBe(false)
    await host.sh('ip6tables -A TSNET-USER -s 2001:db8::/32 -j DROP')
    expect(await rules.call('userRules', 'iptables')).toBe(true)
    const before = await snapshot(host)
    expect(await rules.call('restore', 'ip6tables', make)).toEqual({ created: false })
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('takes a chain that somebody has made since as it is, in any place of the text', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1', { iptables: variant })
    const rules = startRulesAgent(host)
    const inNat = ['-A OUTPUT -s 192.0.2.1/32 -j OURS']
    const inFilter = ['-A FORWARD -j OURS', '-A FORWARD -j THEIRS']
    const text = (...made: readonly string[]): string =>
      ['*nat', '-N OURS', ...inNat, 'COMMIT', '*filter', ...made, ...inFilter, 'COMMIT', ''].join('\n')
    await host.sh('iptables -N THEIRS; iptables -A THEIRS -s 192.0.2.0/24 -j DROP')
    expect(await rules.call('restore', 'iptables', text('-N OURS', '-N THEIRS'))).toEqual({ created: true })
    expect((await host.sh('iptables -t nat -S OUTPUT; iptables -S FORWARD; iptables -S THEIRS')).stdout).toBe(
      ['-P OUTPUT ACCEPT', ...inNat, '-P FORWARD ACCEPT', ...inFilter, '-N THEIRS']
        .concat('-A THEIRS -s 192.0.2.0/24 -j DROP\n')
        .join('\n'),
    )
    const name = 'N'.repeat(40)
    const error = await rules.errorOf('restore', 'iptables', `*filter\n-N ${name}\n-N THEIRS\nCOMMIT\n`)
    expect(error.message).toContain(`: -N ${name}`)
  })

  it('finds everything it printed itself, and takes it back to nothing', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1', { iptables: variant })
    const rules = startRulesAgent(host)
    const before = await snapshot(host)
    const steps = everyIntent.flatMap((intent) => printerFor('iptables').print(intent))
    for (const { tool, add } of steps) await rules.call('restore', tool, add)
    for (const { tool, add } of steps)
      expect([add, await rules.call('missingRules', tool, add)]).toEqual([add, false])
    for (const { tool, remove } of steps.toReversed()) await rules.call('revertRestore', tool, remove)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    for (const { tool, add } of steps)
      expect([add, await rules.call('missingRules', tool, add)]).toEqual([add, true])
  })
})

describe('rules of others', () => {
  it.each([
    ['nothing', 'true', []],
    [
      'a FORWARD policy DROP in iptables-nft',
      'iptables-nft -P FORWARD DROP',
      [{ chain: 'FORWARD', tool: 'iptables-nft', family: 4 }],
    ],
    [
      'the same for IPv6',
      'ip6tables-nft -P FORWARD DROP',
      [{ chain: 'FORWARD', tool: 'iptables-nft', family: 6 }],
    ],
    [
      'a final REJECT in iptables-nft',
      'iptables-nft -A FORWARD -j REJECT',
      [{ chain: 'FORWARD', tool: 'iptables-nft', family: 4 }],
    ],
    [
      'a DROP two chains below FORWARD in iptables-nft',
      'for t in A B; do iptables-nft -N $t; done; iptables-nft -A FORWARD -j A; iptables-nft -A A -i eth0 -g B; iptables-nft -A B -j DROP',
      [{ chain: 'FORWARD', tool: 'iptables-nft', family: 4 }],
    ],
    [
      'a DROP that FORWARD does not reach',
      'iptables-nft -N A; iptables-nft -A A -j DROP; iptables-nft -A INPUT -j DROP',
      [],
    ],
    [
      'chains that jump in FORWARD and accept',
      'iptables-nft -N A; iptables-nft -A FORWARD -j A; iptables-nft -A A -j ACCEPT',
      [],
    ],
    [
      'a DROP in a chain of ours',
      'iptables-nft -N TSNET-A; iptables-nft -A FORWARD -j TSNET-A; iptables-nft -A TSNET-A -j DROP',
      [],
    ],
    [
      'a FORWARD policy DROP in iptables-legacy',
      'iptables-legacy -P FORWARD DROP',
      [{ chain: 'FORWARD', tool: 'iptables-legacy', family: 4 }],
    ],
    [
      'a DROP below FORWARD in ip6tables-legacy',
      'ip6tables-legacy -N A; ip6tables-legacy -A FORWARD -m comment --comment "x -j ACCEPT" -j A; ip6tables-legacy -A A -j DROP',
      [{ chain: 'FORWARD', tool: 'iptables-legacy', family: 6 }],
    ],
    [
      'a native nft table that drops',
      'nft "add table ip own; add chain ip own f { type filter hook forward priority 0; policy drop; }"',
      [],
    ],
  ])('%s', async (_, setting, expected) => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh(setting)
    const rules = startRulesAgent(host)
    const look = 'cat /proc/net/ip*_tables_names; nft list ruleset 2>/dev/null'
    const before = (await host.sh(look)).stdout
    expect(await rules.call('foreignDrops', forwardChains)).toEqual(expected)
    expect((await host.sh(look)).stdout).toBe(before)
  })

  it('an admin has put a rule into the nft TSNET-USER chain', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    expect(await rules.call('userRules', 'nftables')).toBe(false)
    await rules.call('runNft', 'add table inet tsnet\nadd chain inet tsnet TSNET-USER\n')
    expect(await rules.call('userRules', 'nftables')).toBe(false)
    await host.run(['nft', 'add rule inet tsnet TSNET-USER ip saddr 192.0.2.1 drop'])
    expect(await rules.call('userRules', 'nftables')).toBe(true)
  })
})

describe('the size of the tables of iptables-legacy', () => {
  it('tells of rules that come or go, of nothing else, and makes no table', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1', { iptables: 'legacy' })
    const rules = startRulesAgent(host)
    expect(await rules.call('legacyTables')).toBe('')
    expect((await host.sh('cat /proc/net/ip*_tables_names 2>/dev/null || true')).stdout).toBe('')
    await host.sh('iptables-legacy -t nat -A PREROUTING -j ACCEPT; ip6tables-legacy -A INPUT -j ACCEPT')
    const before = await rules.call<string>('legacyTables')
    const tables = /^4:nat:(\d+)\/(\d+) 6:filter:(\d+)\/(\d+)$/
    expect(before).toMatch(tables)
    await host.sh('iptables-legacy -t nat -S; ip6tables-legacy -Z; iptables-nft -A FORWARD -j ACCEPT')
    expect(await rules.call('legacyTables')).toBe(before)
    await host.sh('iptables-legacy -t nat -F')
    const after = await rules.call<string>('legacyTables')
    // struct ipt_standard: 112 bytes of entry, 40 of target.
    const sizes = (text: string): readonly number[] => (tables.exec(text) ?? []).slice(1).map(Number)
    expect(sizes(before).map((size, nth) => size - (sizes(after)[nth] ?? 0))).toEqual([1, 152, 0, 0])
  })
})

it('with iptables-legacy, whoever changes a table without its lock keeps nobody from it, and nothing is there twice', {
  timeout: 300_000,
}, async () => {
  await using lab = await createLab()
  const host = await lab.host('h1', { iptables: 'legacy' })
  const rules = startRulesAgent(host)
  await rules.call(
    'restore',
    'iptables',
    '*nat\n:TSNET-DNAT - [0:0]\nCOMMIT\n*filter\n:TSNET-A - [0:0]\nCOMMIT\n',
  )
  await host.sh('iptables -t nat -N FOREIGN')
  const before = await snapshot(host)
  // As from within a container with a /run of its own: the kernel refuses who has read the table before such a change.
  const change = 'iptables -t nat -A FOREIGN -j RETURN; iptables -t nat -F FOREIGN'
  const foreign = `mount -t tmpfs none /run && echo begun; while :; do ${change}; echo turn; sleep 0.002; done`
  const rival = host.start(['unshare', '-m', 'sh', '-c', foreign])
  await rival.waitFor(/begun/)
  const ports = Array.from({ length: 40 }, (_, nth) => 8000 + nth)
  const published = ports.map((hostPort) => {
    const bindings = [{ hostPort, containerPort: 80, count: 1, protocol: 'tcp' as const }]
    const [step] = printerFor('iptables').print({
      ...{ kind: 'publish', owner: `c${hostPort}/eth0`, bridge: 'tsnet0' },
      ...{ addresses: ['10.89.0.2' as Address], bindings },
    })
    if (step === undefined) throw new Error('nothing is printed')
    // A table behind it, which is there once too.
    const other = (verb: string): string =>
      `*filter\n-${verb} TSNET-A -p tcp -m tcp --dport ${hostPort} -j ACCEPT\nCOMMIT\n`
    return { add: `${step.add}${other('A')}`, remove: `${step.remove}${other('D')}` }
  })
  for (const { add } of published) await rules.call('restore', 'iptables', add)
  const { stdout } = await host.sh('iptables-save')
  const there = [...stdout.matchAll(/^-A TSNET-\S+ .*--dport (\S+) /gm)].map(([, port]) => port)
  expect(there.sort()).toEqual(['7936:8191', ...ports, ...ports].map(String).sort())
  // One who has read the table before the last was added writes it back as it was, if as many are in it again.
  const turns = (): number => rival.output().match(/turn/g)?.length ?? 0
  const now = turns()
  await expect.poll(turns, { timeout: 30_000 }).toBeGreaterThan(now + 1)
  for (const { remove } of published) await rules.call('revertRestore', 'iptables', remove)
  await rival.stop()
  await host.sh('iptables -t nat -F FOREIGN')
  expect(snapshotDifference(before, await snapshot(host))).toEqual([])
})
