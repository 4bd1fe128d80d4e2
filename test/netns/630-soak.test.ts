/**
 * Random life for a long time: what tsnetd and the name server have in memory
 * and open, and what the host has of rules, sockets and files, ends where it
 * began.
 *
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { figure, size } from './chaos.ts'
import { processesOf } from './chaosyard.ts'
import { asked, layLifeYard, liveTogether, type Tally } from './lives.ts'

needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'ipv6', 'built', 'dig', 'dnsmasq')

interface Process {
  readonly megabytes: number
  readonly descriptors: number
  readonly netlink: number
}

function look(host: Host, pid: number): Process {
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  const fds = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      return [] // closed meanwhile
    }
  })
  const table = readFileSync(`/proc/${host.pid}/net/netlink`, 'utf8').trim().split('\n')
  const netlinkSockets = new Set(table.map((line) => line.trim().split(/\s+/).at(-1)))
  return {
    megabytes: Math.round(Number(rss) / 1024),
    descriptors: fds.length,
    netlink: fds.filter((one) => netlinkSockets.has(/^socket:\[(\d+)\]/.exec(one)?.[1] ?? '')).length,
  }
}

/** How much more than after the first minutes a process may have: V8 takes its time to give back. */
const grownMegabytes = size(96, 48)

it('random life: memory, descriptors, sockets, rules and files end where they began', {
  timeout: 3_600_000,
}, async () => {
  await using lab = await createLab()
  const { host, daemon, doors, ask } = await layLifeYard(lab)
  const names = (): number =>
    Number.parseInt(processesOf(host).find((line) => / \S*tsnet-dns --workers=/.test(line)) ?? '', 10)
  const live = async (forMs: number): Promise<Tally> => {
    const tally = await liveTogether(host, doors, {
      seats: size(6, 12),
      forMs,
      // So many that each door and both backends were there.
      atLeast: 80,
      perSecond: 20,
      shares: { launcher: 12, cni: 6, netavark: 4, library: 3 },
      dying: 0.03,
    })
    await host.tsnet('gc', { timeoutMs: 60_000 })
    return tally
  }
  const picture = async () => ({
    daemon: look(host, daemon.pid),
    names: look(host, names()),
    host: await snapshot(host),
  })
  // Once first: caches fill, networks are made, functions are compiled.
  await live(size(5000, 120_000))
  const begun = await picture()
  const tally = await live(size(10_000, 1_680_000))
  expect(await ask()).toBe(asked)
  // A connection that is just being closed counts for nobody.
  const open = ({ descriptors, netlink }: Process): number => descriptors + netlink
  await expect
    .poll(() => open(look(host, daemon.pid)), { timeout: 30_000 })
    .toBeLessThanOrEqual(open(begun.daemon))
  await expect
    .poll(() => open(look(host, names())), { timeout: 30_000 })
    .toBeLessThanOrEqual(open(begun.names))
  const ended = await picture()
  const told = (which: 'daemon' | 'names'): string => {
    const [from, to] = [begun[which], ended[which]]
    return `${from.megabytes} to ${to.megabytes} MB, ${from.descriptors} to ${to.descriptors} descriptors, ${from.netlink} to ${to.netlink} netlink sockets`
  }
  figure(
    `random life for ${tally.seconds} s, ${tally.operations} operations, ${tally.died} deaths without a teardown, the longest ` +
      `${tally.longestMs} ms: tsnetd ${told('daemon')}; tsnet-dns ${told('names')}`,
  )
  expect(snapshotDifference(begun.host, ended.host, { except: [/tsnetd\.log/, /\.last[46]: /] })).toEqual([])
  for (const which of ['daemon', 'names'] as const)
    expect(ended[which].megabytes - begun[which].megabytes, told(which)).toBeLessThan(grownMegabytes)
})
