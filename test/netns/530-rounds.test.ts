/**
 * After any number of rounds the host is as it was, but for what is documented.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

let lab: Lab
let host: Host

beforeEach(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6')
  lab = await createLab()
})

afterEach(async () => {
  await lab?.dispose()
})

/** The same numbers in every run. */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 16) % sides
  }
}

const pick = <T>(list: readonly T[], roll: (sides: number) => number): T => list[roll(list.length)] as T

const firewalls = ['nftables', 'iptables', 'none'] as const
const networks = [[], ['shop'], ['vault'], ['shop', 'bridge'], ['bridge', 'shop']] as const
const ports = [
  [],
  ['8080:80'],
  ['80'],
  ['8080:80/udp', '127.0.0.1:8081:81'],
  ['9000-9009:9000-9009', '9100-9104:90-94/udp'],
] as const

/** Flags of a set-up that succeeds. */
function wish(roll: (sides: number) => number): readonly string[] {
  const firewall = pick(firewalls, roll)
  const joined = pick(networks, roll)
  const published = joined.some((name) => name !== 'vault') || joined.length === 0 ? pick(ports, roll) : []
  return [
    ...['--firewall', firewall],
    ...joined.flatMap((name) => ['--network', name]),
    ...(firewall === 'none' ? [] : published.flatMap((port) => ['-p', port])),
    ...(roll(3) === 0 ? ['--sysctl', 'net.core.somaxconn=77'] : []),
    ...(roll(4) === 0 ? ['--container-name', `name${roll(1000)}`] : []),
  ]
}

describe.each(['nft', 'legacy'] as const)('where iptables is %s', (iptables) => {
  it('fifteen rounds of whatever there is leave only the documented settings', {
    timeout: 300_000,
  }, async () => {
    host = await lab.host('host', { iptables })
    const outside = await lab.host('outside')
    await lab.wire(host, outside, '198.51.100.0/24', { v6: '2001:db8:1::/64', defaultRoute: 'first' })
    const roll = dice(iptables === 'nft' ? 7 : 11)
    const boxes = [await host.container(), await host.container()] as const
    const inside = await Promise.all(boxes.map((box) => snapshot(box)))
    const before = await snapshot(host)
    let done = 0
    for (let round = 1; round <= 15; round++) {
      const own = roll(2) === 0
      if (own) {
        const env = { TSNET_FIREWALL: pick(firewalls, roll) }
        await host.tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24', '--ipv6', { env })
        await host.tsnet('network', 'create', 'vault', '--internal', { env })
      }
      const kill = roll(5) === 0 ? await host.container() : undefined
      for (const [i, box] of [...boxes, ...(kill === undefined ? [] : [kill])].entries()) {
        let words = wish(roll)
        while (!own && words.some((word) => word === 'shop' || word === 'vault')) words = wish(roll)
        // The second may want what the first has: then it is refused, and that is one more thing to leave no trace.
        const { exitCode } = await host.tsnet('setup', '--netns', box.netns, '--id', `c${i}`, ...words, {
          expectExit: 'any',
        })
        if (exitCode === 0) done++
      }
      await kill?.end()
      await down(boxes, roll)
      await host.tsnet('gc')
      if (own) await host.tsnet('network', 'prune')
      if (round % 5 === 0) {
        const changed = snapshotDifference(before, await snapshot(host), { except: documented })
        expect(changed, `after round ${round}`).toEqual([])
      }
    }
    const after = await Promise.all(boxes.map((box) => snapshot(box)))
    // The kernel gives lo its queue when it comes up for the first time.
    const except = [/^link: lo qdisc=/]
    expect(after.map((one, i) => snapshotDifference(inside[i] ?? {}, one, { except }))).toEqual([[], []])
    expect(done).toBeGreaterThan(20)
    // What is documented, and that it is really so.
    expect(
      snapshotDifference(before, await snapshot(host)).filter((line) => line.startsWith('+')),
    ).toMatchInlineSnapshot(`
      [
        "+ route6: {"type":"anycast","dst":"2001:db8:1::","dev":"eth0","table":"local","protocol":"kernel","metric":0,"flags":[],"pref":"medium"}",
        "+ sysctl: ipv4/conf/all/accept_redirects:0",
        "+ sysctl: ipv4/conf/all/forwarding:1",
        "+ sysctl: ipv4/conf/default/forwarding:1",
        "+ sysctl: ipv4/conf/eth0/forwarding:1",
        "+ sysctl: ipv4/conf/lo/forwarding:1",
        "+ sysctl: ipv4/ip_forward:1",
        "+ sysctl: ipv6/conf/all/forwarding:1",
        "+ sysctl: ipv6/conf/default/forwarding:1",
        "+ sysctl: ipv6/conf/eth0/accept_ra:2",
        "+ sysctl: ipv6/conf/eth0/forwarding:1",
        "+ sysctl: ipv6/conf/lo/forwarding:1",
      ]
    `)
  })
})

/** lib/drivers/README.md: forwarding stays on, and who learns its way out by advertisements goes on listening. */
const documented: readonly RegExp[] = [
  /^sysctl: ipv4\/ip_forward:/,
  /^sysctl: ipv[46]\/conf\/[^/]+\/forwarding:/,
  // The kernel turns these with forwarding.
  /^sysctl: ipv4\/conf\/all\/accept_redirects:/,
  /^sysctl: ipv6\/conf\/eth0\/accept_ra:/,
  /^route6: .*"type":"anycast"/,
]

async function down(boxes: readonly Container[], roll: (sides: number) => number): Promise<void> {
  const ways = [
    (_box: Container, i: number) => ['--id', `c${i}`],
    (box: Container) => ['--netns', box.netns],
  ] as const
  for (const [i, box] of boxes.entries()) await host.tsnet('teardown', ...pick(ways, roll)(box, i))
}
