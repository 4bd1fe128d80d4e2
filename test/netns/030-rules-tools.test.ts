/**
 * The rules side of the kernel room on a real kernel: nft in process, iptables
 * in both variants, port holders, tracked flows, rules of others, locks.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { printerFor } from '../../lib/firewall/printer.ts'
import type { Address } from '../../lib/model/address.ts'
import type { FirewallIntent } from '../../lib/plan/intent.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { startRulesAgent } from './agents/rules-client.ts'

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

const base = `add table inet demo
add chain inet demo first
add chain inet demo second { type filter hook forward priority filter; policy accept; }
add map inet demo ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
add map inet demo ranges { type inet_service : ipv4_addr . inet_service; flags interval; }
add set inet demo bridges { type ifname; }
add rule inet demo second iifname @bridges jump first
add rule inet demo second tcp dport 80 accept comment "tsnet:a"
`
const elements = {
  add: `add element inet demo ports { tcp . 80 comment "tsnet:a/eth0" : 10.0.0.2 . 8080, udp . 53 : 10.0.0.2 . 53 }
add element inet demo ranges { 8000-8999 : 10.0.0.2 . 8080 }
add element inet demo bridges { "br-a" comment "tsnet:a" }
`,
  remove: `delete element inet demo bridges { "br-a" }
delete element inet demo ranges { 8000-8999 }
delete element inet demo ports { udp . 53 }
delete element inet demo ports { tcp . 80 }
`,
}

const everyIntent: readonly FirewallIntent[] = [
  { kind: 'base' },
  {
    kind: 'network',
    network: 'web',
    bridge: 'br-web',
    subnets: ['10.7.0.0/24', 'fd00:7::/64'] as never,
    internal: false,
    icc: true,
    isolate: false,
    masquerade: true,
  },
  {
    kind: 'publish',
    owner: 'box/eth0',
    bridge: 'br-web',
    addresses: ['10.7.0.2', 'fd00:7::2'] as Address[],
    bindings: [
      { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
      { hostPort: 9000, containerPort: 9000, count: 100, protocol: 'udp' },
      { hostPort: 7000, containerPort: 7100, count: 3, protocol: 'tcp' },
      { hostAddress: '192.0.2.1' as Address, hostPort: 81, containerPort: 80, count: 1, protocol: 'sctp' },
    ],
  },
]

const tables = async (host: Host): Promise<string[]> =>
  (await host.sh('nft -s list ruleset 2>/dev/null')).stdout.trimEnd().split('\n')

describe('nft in this process', () => {
  it('applies a batch and takes it back, without starting a process', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base)
    const before = await tables(host)
    await rules.call('runNft', elements.add)
    const between = await tables(host)
    expect(await rules.call('missingNft', base + elements.add)).toBe(false)
    await rules.call('revertNft', elements.remove)
    expect(await tables(host)).toEqual(before)
    expect(between).not.toEqual(before)
    expect(await rules.call('spawnCount')).toBe(0)
  })

  it('changes nothing when one statement of a batch fails, and says which', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base)
    const before = await tables(host)
    const error = await rules.errorOf(
      'runNft',
      `${elements.add}delete element inet demo bridges { "br-b" }\n`,
    )
    expect(error).toMatchObject({
      code: 'TSNET_PROGRAM_FAILED',
      message:
        'applying nftables rules: line 4: could not process rule: No such file or directory: ' +
        'delete element inet demo bridges { "br-b" }',
    })
    expect(await tables(host)).toEqual(before)
  })

  it('takes back what is there when part of it is gone', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base)
    const before = await tables(host)
    await rules.call('runNft', elements.add)
    await host.run(['nft', 'delete element inet demo ports { udp . 53 }'])
    expect(await rules.call('missingNft', elements.add)).toBe(true)
    await rules.call('revertNft', elements.remove)
    expect(await tables(host)).toEqual(before)
    await rules.call('revertNft', elements.remove)
    await host.run(['nft', 'delete table inet demo'])
    await rules.call('revertNft', elements.remove)
    expect(await tables(host)).toEqual([''])
  })

  it('removes all it can before it reports what it cannot', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base)
    await rules.call('runNft', elements.add)
    const remove = `delete chain inet demo first\n${elements.remove}delete map inet demo nothing\n`
    const error = await rules.errorOf('revertNft', remove)
    expect(error).toMatchObject({
      code: 'TSNET_PROGRAM_FAILED',
      message:
        'removing nftables rules: line 1: could not process rule: Device or resource busy: ' +
        'delete chain inet demo first',
    })
    expect(await rules.call('missingNft', base)).toBe(false)
    expect((await tables(host)).filter((line) => line.includes('elements'))).toEqual([])
  })

  it.each([
    ['an element', 'delete element inet demo ports { tcp . 80 }'],
    [
      'the value of an element',
      'delete element inet demo ports { tcp . 80 }; add element inet demo ports { tcp . 80 : 10.0.0.3 . 8080 }',
    ],
    ['a range', 'delete element inet demo ranges { 8000-8999 }'],
    ['a rule', 'flush chain inet demo second'],
    ['a chain', 'flush chain inet demo second; delete chain inet demo first'],
    ['everything', 'flush ruleset'],
  ])('sees that %s is missing', async (_, damage) => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base + elements.add)
    expect(await rules.call('missingNft', base + elements.add)).toBe(false)
    await host.run(['nft', damage])
    expect(await rules.call('missingNft', base + elements.add)).toBe(true)
  })

  it('finds everything it printed itself, and takes it back to nothing', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    const steps = everyIntent.flatMap((intent) => printerFor('nftables').print(intent))
    for (const step of steps) await rules.call('runNft', step.add)
    for (const step of steps)
      expect([step.add, await rules.call('missingNft', step.add)]).toEqual([step.add, false])
    for (const step of steps.toReversed()) await rules.call('revertNft', step.remove)
    expect(await tables(host)).toEqual([''])
    for (const step of steps)
      expect([step.add, await rules.call('missingNft', step.add)]).toEqual([step.add, true])
  })
})

describe('nft where the library cannot be loaded', () => {
  /** The program itself still finds a copy of the library, which we do not know of. */
  const hideLibrary = `
    lib=$(ldd /usr/sbin/nft | awk '/libnftables/ { print $3 }')
    mkdir /run/lib /run/bin; cp "$lib" /run/lib/libnftables.so.1
    printf '#!/bin/sh\nLD_LIBRARY_PATH=/run/lib exec /usr/sbin/nft "$@"\n' > /run/bin/nft; chmod +x /run/bin/nft
    mount --bind /dev/null "$(realpath "$lib")"`

  it('goes through the program: applies, sees, reports and takes back the same', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh(hideLibrary)
    const rules = startRulesAgent(host, ['env', `PATH=/run/bin:${process.env['PATH']}`])
    await rules.call('requireBackend', 'nftables')
    await rules.call('runNft', base + elements.add)
    expect(await rules.call('spawnCount')).toBe(1)
    expect(await rules.call('missingNft', base + elements.add)).toBe(false)
    expect(await rules.errorOf('runNft', `${base}add rule inet demo nowhere accept\n`)).toMatchObject({
      code: 'TSNET_PROGRAM_FAILED',
      message:
        'applying nftables rules: line 9: could not process rule: No such file or directory: ' +
        'add rule inet demo nowhere accept',
    })
    await rules.call('revertNft', `delete map inet demo gone\n${elements.remove}`)
    expect(await rules.call('missingNft', elements.add)).toBe(true)
    expect(await rules.call('missingNft', base)).toBe(false)
  })

  it('and without the program is an error that names the package', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh(`${hideLibrary}; rm /run/bin/nft; mount --bind /dev/null /usr/sbin/nft`)
    const rules = startRulesAgent(host)
    const missing = { code: 'TSNET_PROGRAM_MISSING', hint: 'apt-get install nftables' }
    expect(await rules.errorOf('requireBackend', 'nftables')).toMatchObject(missing)
    expect(await rules.errorOf('runNft', base)).toMatchObject(missing)
  })
})

describe('requirements', () => {
  it('are met by root on a host with everything installed', async () => {
    await using lab = await createLab()
    const rules = startRulesAgent(await lab.host('h1'))
    await rules.call('requireRoot')
    await rules.call('requireBackend', 'nftables')
    await rules.call('requireBackend', 'iptables')
    expect(await rules.call('spawnCount')).toBe(0)
  })

  it('are not met without iptables', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh('mount --bind /dev/null /usr/sbin/xtables-nft-multi')
    const rules = startRulesAgent(host)
    expect(await rules.errorOf('requireBackend', 'iptables')).toMatchObject({
      code: 'TSNET_PROGRAM_MISSING',
      message: 'starting iptables-restore: no such program on the path',
      hint: 'apt-get install iptables',
    })
    expect(await rules.call('iptablesVariant')).toBeUndefined()
  })

  it.each([
    [
      ['setpriv', '--reuid', '65534', '--clear-groups'],
      'checking rights: not run by root',
      'run it with sudo',
    ],
    [
      ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'],
      'checking rights: not given CAP_NET_ADMIN',
      'the container or service tsnet runs in must be given them',
    ],
  ])('%j: not root enough', async (wrapper, message, hint) => {
    await using lab = await createLab()
    const rules = startRulesAgent(await lab.host('h1'), wrapper)
    expect(await rules.errorOf('requireRoot')).toMatchObject({ code: 'TSNET_NOT_ROOT', message, hint })
    expect(await rules.errorOf('runNft', base)).toMatchObject({ code: 'TSNET_NOT_PERMITTED' })
    const text = '*filter\n-A FORWARD -j ACCEPT\nCOMMIT\n'
    expect(await rules.errorOf('restore', 'iptables-nft', text)).toMatchObject({
      code: 'TSNET_NOT_PERMITTED',
    })
  })

  it('a held xtables lock is an error worth trying again', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1', { iptables: 'legacy' })
    const rules = startRulesAgent(host)
    host.start(['flock', '/run/xtables.lock', 'sh', '-c', 'echo locked; exec sleep 60'])
    await waitUntil(host, 'cat /proc/locks', (out) => out.includes('FLOCK'))
    const text = '*filter\n-A FORWARD -j ACCEPT\nCOMMIT\n'
    const busy = {
      code: 'TSNET_LOCK_TIMEOUT',
      retryable: true,
      message: 'iptables-restore: the xtables lock is busy',
    }
    expect(await rules.errorOf('restore', 'iptables', text)).toMatchObject(busy)
  })
})

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

const forwardChains = (['iptables-nft', 'iptables-legacy'] as const).flatMap((tool) =>
  ([4, 6] as const).map((family) => ({ chain: 'FORWARD', tool, family })),
)

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

describe('holders of ports', () => {
  const socat = (kind: string, options: string): string[] => [
    'socat',
    '-u',
    `${kind}:${options}`,
    '/dev/null',
  ]

  it.each([
    ['tcp', null, 'TCP4-LISTEN', '8080,reuseaddr'],
    ['tcp', null, 'TCP4-LISTEN', '8080,bind=127.0.0.1,reuseaddr'],
    ['tcp', '192.0.2.1', 'TCP4-LISTEN', '8080,reuseaddr'],
    ['tcp', '192.0.2.1', 'TCP6-LISTEN', '8080,ipv6only=0,reuseaddr'],
    ['tcp', null, 'TCP6-LISTEN', '8080,ipv6only=1,reuseaddr'],
    ['tcp', '2001:db8::1', 'TCP6-LISTEN', '8080,reuseaddr'],
    ['tcp', '2001:db8::1', 'TCP6-LISTEN', '8080,bind=[2001:db8::1],reuseaddr'],
    ['udp', null, 'UDP4-RECV', '8080,reuseaddr'],
    ['udp', '192.0.2.1', 'UDP4-RECV', '8080,bind=192.0.2.1,reuseaddr,reuseport'],
    ['udp', '2001:db8::1', 'UDP6-RECV', '8080'],
    ['udp', '192.0.2.1', 'UDP6-RECV', '8080,ipv6only=0'],
  ] as const)('%s on %s is held by %s:%s', async (protocol, address, kind, options) => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh('ip addr add 192.0.2.1/24 dev lo; ip addr add 2001:db8::1/64 dev lo nodad')
    const rules = startRulesAgent(host)
    expect(await rules.call('portHolder', protocol, address, 8080)).toBeUndefined()
    const other = host.start(socat(kind, options))
    await waitUntil(host, `ss -Hlnut 'sport = 8080'`, (out) => out.includes(':8080'))
    const holder = { pid: other.pid, program: 'socat' }
    expect(await rules.call('portHolder', protocol, address, 8080)).toEqual(holder)
    expect(await rules.call('portHolders', protocol, address, 8000, 1000)).toEqual([
      { port: 8080, ...holder },
    ])
    expect(await rules.call('portHolders', protocol, address, 8081, 1000)).toEqual([])
    const otherProtocol = protocol === 'tcp' ? 'udp' : 'tcp'
    expect(await rules.call('portHolder', otherProtocol, address, 8080)).toBeUndefined()
    await other.stop()
    expect(await rules.call('portHolder', protocol, address, 8080)).toBeUndefined()
  })

  it.each([
    ['tcp', '192.0.2.1', 'TCP4-LISTEN', '8080,bind=127.0.0.1'],
    ['tcp', '192.0.2.1', 'TCP6-LISTEN', '8080,ipv6only=1'],
    ['tcp', '2001:db8::1', 'TCP4-LISTEN', '8080'],
    ['udp', '2001:db8::1', 'UDP4-RECV', '8080'],
  ] as const)('%s on %s is free beside %s:%s', async (protocol, address, kind, options) => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh('ip addr add 192.0.2.1/24 dev lo; ip addr add 2001:db8::1/64 dev lo nodad')
    const rules = startRulesAgent(host)
    host.start(socat(kind, options))
    await waitUntil(host, `ss -Hlnut 'sport = 8080'`, (out) => out.includes(':8080'))
    expect(await rules.call('portHolder', protocol, address, 8080)).toBeUndefined()
  })

  it('a socket that is bound and does not listen holds its port', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    const script =
      'import socket,time; s=socket.socket(); s.bind(("0.0.0.0",8080)); print("bound",flush=True); time.sleep(60)'
    await host.start(['python3', '-c', script]).waitFor('bound')
    expect(await rules.call('portHolder', 'tcp', null, 8080)).toEqual({})
  })

  it('the local end of an outgoing connection, and what is left of one, hold nothing', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    const server = host.start(['socat', 'TCP4-LISTEN:7000,reuseaddr,fork', 'EXEC:cat'])
    await waitUntil(host, `ss -Hlnt 'sport = 7000'`, (out) => out.includes(':7000'))
    const client = host.start(['socat', 'EXEC:cat', 'TCP4:127.0.0.1:7000,sourceport=8080'])
    await waitUntil(host, `ss -Hnt state established 'sport = 8080'`, (out) => out.includes(':8080'))
    expect(await rules.call('portHolder', 'tcp', null, 8080)).toBeUndefined()
    expect(await rules.call('portHolder', 'tcp', null, 7000)).toEqual({ pid: server.pid, program: 'socat' })
    await client.stop()
    expect(await rules.call('portHolder', 'tcp', null, 8080)).toBeUndefined()
  })

  it('an address that the host does not have is refused', async () => {
    await using lab = await createLab()
    const rules = startRulesAgent(await lab.host('h1'))
    const refused = {
      code: 'TSNET_BAD_VALUE',
      message: 'publishing on 192.0.2.9: this host does not have that address',
      field: '--publish',
      value: '192.0.2.9',
      hint: 'see the addresses of this host with `ip addr`',
    }
    expect(await rules.errorOf('portHolder', 'tcp', '192.0.2.9', 80)).toMatchObject(refused)
    expect(await rules.errorOf('portHolders', 'udp', '192.0.2.9', 80, 1000)).toMatchObject(refused)
  })
})

describe('tracked flows', () => {
  /** `protocol original-destination:port reply-source:port` of every flow, sorted. */
  const flows = async (host: Host): Promise<string[]> => {
    const { stdout } = await host.sh('conntrack -L -f ipv4; conntrack -L -f ipv6')
    return stdout
      .split('\n')
      .filter((line) => line.includes('sport='))
      .map((line) => {
        const all = (key: string) =>
          [...line.matchAll(new RegExp(`\\b${key}=(\\S+)`, 'g'))].map(([, value]) => value)
        const [dst, sport, dport] = [all('dst'), all('sport'), all('dport')]
        return `${line.split(' ')[0]} ${all('src')[0]}:${sport[0]} ${dst[0]}:${dport[0]} ${all('src')[1]}:${sport[1]}`
      })
      .sort()
  }
  const made = [
    // protocol, client, where it sends to, who answers
    ['udp', '198.51.100.2:1001', '198.51.100.1:53', '10.0.0.2:53'],
    ['udp', '198.51.100.2:1002', '198.51.100.1:53', '198.51.100.1:53'],
    ['udp', '127.0.0.1:1003', '127.0.0.1:53', '10.0.0.2:53'],
    ['udp', '198.51.100.2:1004', '198.51.100.1:54', '10.0.0.2:5353'],
    ['udp', '198.51.100.2:1005', '198.51.100.1:53', '10.0.0.3:53'],
    ['tcp', '198.51.100.2:1006', '198.51.100.1:53', '10.0.0.2:53'],
    ['udp', '10.0.0.2:1007', '9.9.9.9:53', '9.9.9.9:53'],
    ['udp', '10.0.0.2:53', '9.9.9.9:1008', '9.9.9.9:1008'],
    ['udp', '10.0.0.9:1009', '10.0.0.2:53', '10.0.0.2:53'],
    ['udp', '2001:db8::2#1010', '2001:db8::1#53', 'fd00::2#53'],
    ['udp', '2001:db8::2#1011', '2001:db8::1#53', 'fd00::3#53'],
  ] as const

  async function hostWithFlows(host: Host): Promise<void> {
    const split = (end: string): [string, string] => {
      const at = end.lastIndexOf(end.includes('#') ? '#' : ':')
      return [end.slice(0, at), end.slice(at + 1)]
    }
    await host.sh(
      'ip link add x0 type veth; ip addr add 198.51.100.1/24 dev x0; ip addr add 2001:db8::1/64 dev x0 nodad; ip link set x0 up',
    )
    const lines = made.map(([protocol, client, to, from]) => {
      const [[src, sport], [dst, dport], [rsrc, rsport]] = [split(client), split(to), split(from)]
      const state = protocol === 'tcp' ? '--state ESTABLISHED' : ''
      return (
        `conntrack -I -p ${protocol} -t 100 ${state} -u SEEN_REPLY -s ${src} -d ${dst} --sport ${sport} --dport ${dport} ` +
        `-r ${rsrc} -q ${src} --reply-port-src ${rsport} --reply-port-dst ${sport}`
      )
    })
    await host.sh(lines.join('\n'))
  }

  const step = (fields: object): object => ({
    kind: 'conntrack',
    where: 'host',
    protocol: 'udp',
    hostPort: 53,
    containerAddress: '10.0.0.2',
    containerPort: 53,
    count: 1,
    ...fields,
  })

  it.each([
    ['any address of the host, and the container', {}, [1001, 1002, 1003, 1005, 1009]],
    ['one address of the host, and the container', { hostAddress: '127.0.0.1' }, [1001, 1003, 1009]],
    ['an unspecified address is any', { hostAddress: '0.0.0.0' }, [1001, 1002, 1003, 1005, 1009]],
    ['the other protocol', { protocol: 'tcp' }, [1006]],
    ['a range', { hostPort: 50, containerPort: 5350, count: 10 }, [1001, 1002, 1003, 1004, 1005]],
    ['the other family', { containerAddress: 'fd00::2' }, [1010, 1011]],
    ['nothing of the kind', { hostPort: 80, containerPort: 80 }, []],
    ['another container on another port', { hostPort: 80, containerAddress: '10.0.0.3' }, [1005]],
  ])('%s: exactly those are forgotten', async (_, fields, expected) => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await hostWithFlows(host)
    const before = await flows(host)
    expect(before).toHaveLength(made.length)
    await rules.call('flushFlows', [step(fields)])
    const after = await flows(host)
    const clientPort = (flow: string): number => Number(/^\S+ \S+:(\d+) /.exec(flow)?.[1])
    expect(
      before
        .filter((flow) => !after.includes(flow))
        .map(clientPort)
        .sort(),
    ).toEqual(expected)
    expect(after.filter((flow) => !before.includes(flow))).toEqual([])
    expect(await rules.call('spawnCount')).toBe(0)
  })

  it('finds one flow among twenty thousand', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await hostWithFlows(host)
    const flood =
      'import socket\n' +
      's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n' +
      's.bind(("127.0.0.1", 0))\n' +
      'for i in range(20000):\n  try: s.sendto(b"", ("127.0.0.1", 10000 + i))\n  except OSError: pass\n'
    await host.run([
      'nft',
      'add table ip track; add chain ip track c { type filter hook output priority 0; }; add rule ip track c ct state new',
    ])
    await host.run(['python3', '-c', flood])
    const count = async () => Number((await host.run(['conntrack', '-C'])).stdout)
    const before = await count()
    expect(before).toBeGreaterThan(15_000)
    await rules.call('flushFlows', [step({ hostAddress: '127.0.0.1', hostPort: 20_000, containerPort: 9 })])
    expect(await count()).toBe(before - 1)
  })
})

describe('locks', () => {
  const path = '/run/demo.lock'
  const exclusive = { exclusive: true, timeoutMs: 0 }
  const shared = { exclusive: false, timeoutMs: 0 }

  it('exclude other processes, and say who holds them', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const [one, two] = [startRulesAgent(host), startRulesAgent(host)]
    await one.call('lock', path, exclusive)
    for (const options of [exclusive, shared]) {
      const error = await two.errorOf('lock', path, options)
      expect(error).toMatchObject({ code: 'TSNET_LOCK_TIMEOUT', retryable: true })
      expect(error.message).toMatch(
        new RegExp(`^locking ${path}: still held by ${one.pid} \\(.*node.*\\) after 0 ms$`),
      )
    }
    await one.call('unlock', path)
    await two.call('lock', path, exclusive)
  })

  it('are shared by those who ask for that, and keep an exclusive one out until the last has gone', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const [one, two, three] = [startRulesAgent(host), startRulesAgent(host), startRulesAgent(host)]
    await one.call('lock', path, shared)
    await two.call('lock', path, shared)
    expect(await three.errorOf('lock', path, exclusive)).toMatchObject({ code: 'TSNET_LOCK_TIMEOUT' })
    await one.call('unlock', path)
    expect(await three.errorOf('lock', path, exclusive)).toMatchObject({ code: 'TSNET_LOCK_TIMEOUT' })
    const waiting = three.call('lock', path, { exclusive: true, timeoutMs: 20_000 })
    await two.call('unlock', path)
    await waiting
  })

  it('are free when their holder is killed, even if a child of it lives on', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const [one, two] = [startRulesAgent(host), startRulesAgent(host)]
    await one.call('lock', path, exclusive)
    const child = await one.call<number>('startChild')
    await one.kill()
    await two.call('lock', path, { exclusive: true, timeoutMs: 10_000 })
    await host.sh(`test -e /proc/${child}`)
  })

  it('leave no file behind when they are transient, and still exclude', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const [one, two] = [startRulesAgent(host), startRulesAgent(host)]
    const transient = { exclusive: true, timeoutMs: 0, transient: true }
    await one.call('lock', path, transient)
    expect(await two.errorOf('lock', path, transient)).toMatchObject({ code: 'TSNET_LOCK_TIMEOUT' })
    const waiting = two.call('lock', path, { ...transient, timeoutMs: 20_000 })
    await one.call('unlock', path)
    await waiting
    expect(await one.errorOf('lock', path, transient)).toMatchObject({ code: 'TSNET_LOCK_TIMEOUT' })
    await two.call('unlock', path)
    await host.sh(`test ! -e ${path}`)
  })
})

async function waitUntil(host: Host, look: string, ready: (output: string) => boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries++) if (ready((await host.sh(look)).stdout)) return
  throw new Error(`${look}: not as awaited`)
}
