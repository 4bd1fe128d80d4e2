/**
 * SIGKILL for those beside the one that does the work: the launcher, which asks
 * tsnetd, and tsnet-dns, which is told of names.
 *
 * Here some of their system calls, in `npm run test:chaos` all of them.
 *
 * @module
 */
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { RunResult } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { figure, part, size, spread } from './chaos.ts'
import { cases, filesOfDaemon, layChaosYard, processesOf } from './chaosyard.ts'
import { dig, layNameYard } from './nameyard.ts'
import { allPointsOf, type Point, pointsDuring, spoiled, spoilRunning } from './strace.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6', 'strace', 'built', 'dig', 'dnsmasq')

const launcher = `${repository}dist/launcher/tsnet`
const env = { TSNET_FIREWALL: 'nftables' }
const time = { timeout: 3_600_000 }
const all = Number.POSITIVE_INFINITY

/** Calls the daemon is at, as it tells Prometheus. */
function active(host: Host): Promise<number> {
  const socketPath = `/proc/${host.pid}/root/run/tsnet/tsnetd.sock`
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/metrics', timeout: 5000 }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.on('end', () => resolve(Number(/^tsnet_operations_active (\d+)$/m.exec(text)?.[1])))
    })
      .on('error', reject)
      .end()
  })
}

async function untilIdle(host: Host): Promise<void> {
  const deadline = Date.now() + 20_000
  while ((await active(host)) !== 0) {
    if (Date.now() > deadline) throw new Error('tsnetd is still at a call after 20 s')
    await sleep(10)
  }
}

describe('a launcher that is killed', () => {
  it('leaves nothing, or a container that is whole', time, async () => {
    await using lab = await createLab()
    const one = cases.find(({ what }) => what === 'a port on nftables') as (typeof cases)[number]
    const { host, setup, teardown, tsnet, check, changed } = await layChaosYard(lab, one, {
      mayDiffer: filesOfDaemon,
      // To start one for each would be most of the time.
      stays: (place) =>
        place
          .start([process.execPath, `${repository}dist/bin/tsnet`, 'daemon', 'run'], { env })
          .waitFor('"listening"'),
    })
    const ask = (words: readonly string[]): Promise<RunResult> => host.run([launcher, ...words], { env })
    const chances: { task: readonly string[]; point: Point }[] = []
    for (const task of [setup, teardown])
      for (const point of await allPointsOf(host, [launcher, ...task], { env })) chances.push({ task, point })
    const chosen = spread(part(chances), size(12, all))
    let kills = 0
    for (const [i, { task, point }] of chosen.entries()) {
      const told = `the launcher of ${task[0]} killed before ${point.nth}. ${point.line}`
      if (task === teardown) await ask(setup)
      const options = { env, expectExit: 'any' } as const
      const { exitCode } = await host.run([...spoiled(point, 'signal=KILL'), launcher, ...task], options)
      expect([0, 137], told).toContain(exitCode)
      if (exitCode === 137) kills++
      if (i % 2 === 0) await ask(setup)
      else await tsnet('gc')
      // What nobody waits for any more is taken back in its own time.
      await untilIdle(host)
      expect(await check(), told).toEqual([])
      await ask(teardown)
      expect(await changed(), told).toEqual([])
    }
    expect(kills).toBeGreaterThan(chosen.length / 2)
    figure(`launcher killed before a system call: ${kills} times of ${chosen.length}`)
  })
})

describe('a name server that is killed while it is told of a container', () => {
  it('is replaced by the next command, which knows all names', time, async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    const { box, server } = await container('--container-name', 'asker', '--firewall', 'nftables')
    const web = await lab.container(host)
    const local = { env: { ...env, TSNET_VIA: 'local' }, timeoutMs: 30_000 } as const
    const setup = ['setup', '--netns', web.netns, '--id', 'web', '--container-name', 'web']
    const teardown = ['teardown', 'web']
    const tsnet = (words: readonly string[]): Promise<RunResult> => host.tsnet(...words, local)
    const names = async (): Promise<readonly string[]> =>
      Promise.all(['asker', 'web'].map(async (name) => `${name} ${await dig(box, `@${server}`, name)}`))
    const pid = (): number => {
      const [found] = processesOf(host).filter((line) => / \S*tsnet-dns --workers=/.test(line))
      if (found === undefined) throw new Error(`no name server runs: ${processesOf(host).join('; ')}`)
      return Number.parseInt(found, 10)
    }
    const both = [expect.stringMatching(/^asker NOERROR, A /), expect.stringMatching(/^web NOERROR, A /)]
    const alone = [expect.stringMatching(/^asker NOERROR, A /), 'web NXDOMAIN']
    const chances: { task: readonly string[]; point: Point }[] = []
    for (const task of [setup, teardown])
      for (const point of await pointsDuring(host, pid(), () => tsnet(task))) chances.push({ task, point })
    const chosen = spread(part(chances), size(8, all))
    let kills = 0
    for (const { task, point } of chosen) {
      const told = `tsnet-dns killed before ${point.nth}. ${point.line} of ${task[0]}`
      if (task === teardown) await tsnet(setup)
      const before = pid()
      const tracer = await spoilRunning(host, before, point, 'signal=KILL')
      await tsnet(task)
      if (await Promise.race([tracer.exited.then(() => true), sleep(2000, false)])) kills++
      else await tracer.stop()
      await tsnet(setup)
      expect(await names(), told).toEqual(both)
      expect(await host.tsnetJson('check', local), told).toEqual([])
      await tsnet(teardown)
      expect(await names(), told).toEqual(alone)
    }
    expect(kills).toBeGreaterThan(chosen.length / 2)
    figure(`tsnet-dns killed before a system call: ${kills} times of ${chosen.length}`)
  })
})
