/**
 * SIGKILL before each system call of a set-up and a teardown: the next command,
 * or `tsnet gc`, leaves nothing of it, and touches nothing of the living.
 *
 * Here some, in `npm run test:chaos` all of them. The same at
 * every effect of the engine, on the memory kernel: test/unit/engine/deaths.
 *
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { figure, size, spread, whole } from './chaos.ts'
import { pointsOf, runSpoiled, tsnetWords } from './strace.ts'
import { layStreet } from './traceless.ts'

needs('root', 'ip', 'nft', 'iptables', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6', 'strace')

interface Case {
  readonly what: string
  readonly firewall: 'nftables' | 'iptables'
  readonly iptables?: 'nft' | 'legacy'
  readonly words: readonly string[]
}

const published = ['--container-name', 'one', '-p', '8080:80', '-p', '127.0.0.1:5353:53/udp']
const cases: readonly Case[] = [
  { what: 'a port on nftables', firewall: 'nftables', words: published },
  { what: 'a port on iptables-nft', firewall: 'iptables', words: published },
  { what: 'a port on iptables-legacy', firewall: 'iptables', iptables: 'legacy', words: published },
  {
    what: 'two networks and files of its own',
    firewall: 'nftables',
    words: [
      ...['--network', 'shop', '--network', 'bridge', '--sysctl', 'net.core.somaxconn=77'],
      ...['--resolv-conf', '/run/one.resolv', '--hosts', '/run/one.hosts'],
    ],
  },
  { what: 'mode none', firewall: 'nftables', words: ['--network', 'none'] },
  { what: 'mode container', firewall: 'nftables', words: ['--network', 'container:living'] },
]

/** Which address a network of its own gives next. */
const except = [/files: .*\/leases\/shop\/\.last4: /]

/** What runs in the network namespace of a host beside what was there before. */
function processesOf(host: Host): readonly string[] {
  const netns = readlinkSync(host.netns)
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      if (readlinkSync(`/proc/${pid}/ns/net`) !== netns) return []
      return [`${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}(${pid})`]
    } catch {
      return []
    }
  })
}

/** One host with a container that lives all the time, and one that is set up and killed again and again. */
async function trial({ firewall, iptables = 'nft', words }: Case, count: number): Promise<number> {
  await using lab = await createLab()
  const { host } = await layStreet(lab, { iptables })
  const env = { TSNET_FIREWALL: firewall, TSNET_VIA: 'local' }
  const tsnet = (...args: string[]) => host.tsnet(...args, { env, timeoutMs: 30_000 })
  const [living, box] = [await host.container(), await host.container()]
  if (words.includes('shop')) await tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24')
  const alone = words.includes('container:living') || words.includes('none')
  // With a network of its own, the last one to leave takes that along; beside one that lives, it must not.
  if (alone) await tsnet('setup', '--netns', living.netns, '--id', 'living', '-p', '9090:90')
  const where = words.includes('container:living') ? [] : ['--netns', box.netns]
  const setup = ['setup', ...where, '--id', 'one', ...words]
  const teardown = ['teardown', 'one']
  const look = async () => ({ host: await snapshot(host), box: await inside(box) })
  // A bridge of its own and the files beside it stay as they are only after their first container.
  await tsnet(...setup)
  await tsnet(...teardown)
  const running = processesOf(host).length
  const before = await look()
  const points = [
    ...(await pointsOf(host, [...tsnetWords, ...setup], { env })).map((point) => ({ point, task: setup })),
    ...(await pointsOf(host, [...tsnetWords, ...teardown], { env })).map((point) => ({
      point,
      task: teardown,
    })),
  ]
  expect(snapshotDifference(before.host, (await look()).host, { except })).toEqual([])
  let kills = 0
  for (const [i, { point, task }] of spread(points, count).entries()) {
    const told = `${task[0]} killed before ${point.nth}. ${point.line}, then ${i % 2 === 0 ? 'gc' : 'setup'}`
    if (task === teardown) await tsnet(...setup)
    const { exitCode } = await runSpoiled(host, [...tsnetWords, ...task], { point, how: 'signal=KILL', env })
    expect([0, 137], told).toContain(exitCode)
    if (exitCode === 137) kills++
    if (i % 2 === 0) await tsnet('gc')
    else await tsnet(...setup)
    expect(await host.tsnetJson('check', { env }), told).toEqual([])
    // Committed, or set up again; a second time there is nothing to do.
    await tsnet(...teardown)
    const after = await look()
    expect(snapshotDifference(before.host, after.host, { except }), told).toEqual([])
    expect(after.box, told).toBe(before.box)
    const left = processesOf(host)
    expect(left.length, `${told}: ${left.join('; ')}`).toBe(running)
  }
  expect(kills).toBeGreaterThan(Math.min(count, points.length) / 2)
  return kills
}

async function inside(box: Container): Promise<string> {
  return (await box.sh('ip -br addr; cat /proc/sys/net/core/somaxconn')).stdout
}

describe('a set-up or teardown killed before a system call leaves nothing', () => {
  it.concurrent.each(cases)('$what', { timeout: whole ? 3_600_000 : 90_000 }, async (one) => {
    const kills = await trial(one, size(7, Number.POSITIVE_INFINITY))
    figure(`killed before a system call, ${one.what}: ${kills} times`)
  })
})
