/**
 * SIGKILL for tsnetd before each system call it makes for a set-up and for a
 * teardown: journal, leases, links, rules, records and the answer. Who asked gets
 * what was asked for, from the next daemon, and nothing else is left.
 *
 * Here some, in `npm run test:chaos` all of them.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { Background, RunResult } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { port } from '../unit/adapters/netavark/requests.ts'
import { figure, part, size, spread, whole } from './chaos.ts'
import { type Case, type Chance, cases, filesOfDaemon, layChaosYard } from './chaosyard.ts'
import { netavark } from './netavarkcalls.ts'
import { type Point, pointsSoFar, spoiled, traced, tsnetWords } from './strace.ts'
import { layStreet } from './traceless.ts'

needs(
  'root',
  'ip',
  'nft',
  'iptables',
  'iptables-nft',
  'iptables-legacy',
  'veth',
  'bridge',
  'ipv6',
  'strace',
  'built',
)

const launcher = `${repository}dist/launcher/tsnet`

/** Legacy rules are looked at each second: a tsnetd that is killed at that leaves the lock's file, and nobody comes after it here. */
const heldByPolls = [/files: \/run\/tsnet\/locks\/(host(\.turn)?)? /]

async function running(host: Host, tracer: readonly string[]): Promise<Background> {
  const daemon = host.start([...tracer, ...tsnetWords, 'daemon', 'run'])
  await daemon.waitFor('"listening"')
  return daemon
}

/** Until it listens, or is killed before: where Node makes a call more of its own, an earlier one is met. */
async function begun(daemon: Background): Promise<void> {
  await daemon.waitFor('"listening"').catch(async (error: unknown) => {
    if (!(await Promise.race([daemon.exited.then(() => true), sleep(0, false)]))) throw error
  })
}

/** The call that says so, and how many there are up to it: strace may tell of it later than it is heard. */
async function callThatSays(
  host: Host,
  words: string,
): Promise<{ readonly point: Point; readonly nth: number }> {
  for (const deadline = Date.now() + 20_000; ; await sleep(10)) {
    const points = await pointsSoFar(host)
    const at = points.findIndex(({ line }) => line.includes(words))
    const point = points[at]
    if (point !== undefined) return { point, nth: at + 1 }
    if (Date.now() > deadline) throw new Error(`no call in the trace says ${words}`)
  }
}

/** The one that serves, whoever started it: killed, with its files left behind. */
function killServing(host: Host): void {
  let pid: number
  try {
    pid = Number(readFileSync(`/proc/${host.pid}/root/run/tsnet/tsnetd.pid`, 'utf8'))
  } catch {
    return // It has ended by itself.
  }
  // Not there, it was killed, and nobody has asked since.
  host.signal(pid, 'SIGKILL')
}

async function trial(one: Case, count: number): Promise<string> {
  await using lab = await createLab()
  const { host, setup, teardown, check, changed } = await layChaosYard(lab, one, {
    mayDiffer: [...filesOfDaemon, ...heldByPolls],
  })
  const ask = (words: readonly string[]): Promise<RunResult> =>
    host.run([launcher, ...words], { timeoutMs: 60_000, env: { TSNET_FIREWALL: one.firewall } })

  // Once without harm: which calls there are between listening and the answer.
  const first = await running(host, traced)
  const chances: Chance[] = []
  let { nth: seen } = await callThatSays(host, 'text\\":\\"listen')
  for (const task of [setup, teardown]) {
    await ask(task)
    const points = await pointsSoFar(host)
    for (const point of points.slice(seen)) chances.push({ task, point })
    seen = points.length
  }
  killServing(host)
  await first.exited
  await host.sh('rm /run/trace')
  expect(await changed()).toEqual([])

  const chosen = spread(part(chances), count)
  let kills = 0
  for (const { task, point } of chosen) {
    const told = `tsnetd killed before ${point.nth}. ${point.line} of ${task[0]}`
    const daemon = host.start([...spoiled(point, 'signal=KILL'), ...tsnetWords, 'daemon', 'run'])
    await begun(daemon)
    await ask(setup)
    if (task === setup) expect(await check(), told).toEqual([])
    await ask(teardown)
    // Not met, it has served both, and goes now.
    if (await Promise.race([daemon.exited.then(() => true), sleep(2000, false)])) kills++
    killServing(host)
    await daemon.exited
    expect(await changed(), told).toEqual([])
  }
  expect(kills).toBeGreaterThan(chosen.length / 2)
  return `${kills} times of ${chosen.length}`
}

const chosenCases = whole ? cases : cases.filter(({ what }) => /port on (nftables|iptables-nft)/.test(what))

describe('a tsnetd killed before a system call: who asked is served by the next one', () => {
  it.concurrent.each(chosenCases)('$what', { timeout: whole ? 3_600_000 : 240_000 }, async (one) => {
    const kills = await trial(one, size(6, Number.POSITIVE_INFINITY))
    figure(`tsnetd killed before a system call, ${one.what}: ${kills}`)
  })
})

describe('a tsnetd killed before it answers podman', () => {
  it('has done what was asked: the next one answers with it', async () => {
    await using lab = await createLab()
    const { host } = await layStreet(lab)
    const box = await host.container()
    const joined = { box, number: 7, call: { port_mappings: [port()] } }
    const call = (verb: 'setup' | 'teardown'): Promise<unknown> =>
      netavark(host, joined, { verb, firewall: 'nftables', env: { TSNET_VIA: '' } })
    // Once without harm: which of its calls is the answer.
    const first = await running(host, traced)
    const expected = await call('setup')
    const { point } = await callThatSays(host, '{\\"n7\\":')
    await call('teardown')
    killServing(host)
    await first.exited
    // Node writes to itself too, more often or less: where the answer is another call than before, it is tried again.
    let met = false
    for (let tries = 0; tries < 8 && !met; tries++) {
      const next = await running(host, spoiled(point, 'signal=KILL'))
      expect(await call('setup')).toEqual(expected)
      met = await Promise.race([next.exited.then(() => true), sleep(2000, false)])
      if (met) break
      await call('teardown')
      killServing(host)
      await next.exited
    }
    expect(met).toBe(true)
    // Another podman's call is none of that one.
    await expect(call('setup')).rejects.toThrow('interface eth0 already exists')
    await call('teardown')
    expect(await host.tsnetJson('ls')).toEqual([])
  })
})
