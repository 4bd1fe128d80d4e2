/**
 * SIGKILL in the middle: the next command, or `tsnet gc`, leaves nothing of it;
 * and `tsnet check` names what somebody else has taken away.
 *
 * At every single effect this is tried on the memory kernel
 * (test/unit/engine/deaths); here with real processes, links and rules.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildSync } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ContainerNetwork, Finding, GcReport } from '../../lib/index.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { type Snapshot, snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { layStreet, leavesNothing } from './traceless.ts'

let lab: Lab
let host: Host

beforeEach(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'ipv6')
  lab = await createLab()
  host = (await layStreet(lab)).host
})

afterEach(async () => {
  await lab?.dispose()
})

const env = { TSNET_FIREWALL: 'nftables' }

const setup = (box: Container, ...words: string[]): Promise<ContainerNetwork> =>
  host.tsnetJson<ContainerNetwork>('setup', '--netns', box.netns, ...words, { env })

let folder = ''

beforeAll(() => {
  // Bundled, because it is started some hundred times.
  folder = mkdtempSync(join(tmpdir(), 'tsnet-mortal-'))
  buildSync({
    entryPoints: [`${repository}test/netns/agents/mortal.ts`],
    outfile: join(folder, 'mortal.cjs'),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['koffi', 'netlink'],
    // Where the sources find them.
    define: {
      'import.meta.url': JSON.stringify(pathToFileURL(`${repository}lib/kernel/system/native.ts`).href),
    },
    logLevel: 'silent',
  })
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** @returns whether it was killed */
async function mortal(nth: number, ...words: string[]): Promise<boolean> {
  const { exitCode } = await host.run([process.execPath, join(folder, 'mortal.cjs'), `${nth}`, ...words], {
    expectExit: 'any',
    timeoutMs: 20_000,
  })
  expect([0, 137]).toContain(exitCode)
  return exitCode === 137
}

/** Compared with whichever is nearer. */
function unlike(expected: readonly Snapshot[], seen: Snapshot): readonly string[] {
  return expected
    .map((one) => snapshotDifference(one, seen))
    .reduce((best, next) => (next.length < best.length ? next : best))
}

describe.each(['nftables', 'iptables'])('with %s', (firewall) => {
  it('a setup killed here and there leaves nothing after gc, or after the next setup and teardown', async () => {
    const [box, next] = [await host.container(), await host.container()]
    const before = await snapshot(host)
    let kills = 0
    for (let nth = 4; ; nth += 17) {
      if (!(await mortal(nth, firewall, 'setup', box.netns, 'one'))) break
      if (kills++ % 2 === 0) await host.tsnet('gc', { env })
      else {
        await setup(next, '--id', 'next')
        await host.tsnet('teardown', 'next')
      }
      // Killed after it was done: then it is done.
      if ((await host.tsnetJson<unknown[]>('ls')).length > 0) {
        expect(await host.tsnetJson('check')).toEqual([])
        await host.tsnet('teardown', 'one')
      }
      expect(snapshotDifference(before, await snapshot(host)), `killed at effect ${nth}`).toEqual([])
      expect((await box.run(['ip', '-br', 'addr'])).stdout.trim(), `killed at effect ${nth}`).toMatch(
        /^lo +DOWN$/,
      )
    }
    expect(kills).toBeGreaterThan(4)
    await host.tsnet('teardown', 'one')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('a teardown killed here and there is finished by gc, or not begun', async () => {
    const box = await host.container()
    const gone = await snapshot(host)
    let kills = 0
    for (let nth = 3; ; nth += 13) {
      await mortal(0, firewall, 'setup', box.netns, 'one')
      const there = await snapshot(host)
      if (!(await mortal(nth, firewall, 'teardown', 'one'))) break
      kills++
      await host.tsnet('gc', { env })
      expect(unlike([gone, there], await snapshot(host)), `killed at effect ${nth}`).toEqual([])
      await host.tsnet('teardown', 'one')
    }
    expect(kills).toBeGreaterThan(3)
    expect(snapshotDifference(gone, await snapshot(host))).toEqual([])
  })
})

it('network create and rm killed here and there are taken back or finished', async () => {
  const gone = await snapshot(host)
  for (const task of ['create', 'rm'] as const) {
    for (let nth = 3; ; nth += 13) {
      if (task === 'rm') await mortal(0, 'nftables', 'create', 'net')
      const there = await snapshot(host)
      const killed = await mortal(nth, 'nftables', task, 'net')
      await host.tsnet('gc', { env })
      const otherwise = unlike([gone, there], await snapshot(host))
      // The last create is not killed: it is there.
      if (killed || task === 'rm') expect(otherwise, `${task} killed at effect ${nth}`).toEqual([])
      else expect(otherwise).not.toEqual([])
      await host.tsnet('network', 'rm', 'net', { expectExit: 'any' })
      expect(snapshotDifference(gone, await snapshot(host))).toEqual([])
      if (!killed) break
    }
  }
})

it('the command line killed at any time leaves nothing after gc', async () => {
  const box = await host.container()
  await leavesNothing(host, async () => {
    for (let ms = 60; ms <= 360; ms += 60) {
      for (const words of [
        ['setup', '--pid', `${box.pid}`, '--id', 'one', '-p', '8080:80'],
        ['teardown', 'one'],
      ]) {
        await host.sh(`timeout -s KILL ${ms / 1000} node "$TSNET" ${words.join(' ')} || true`, {
          env: { ...env, TSNET: new URL('../../dist/bin/tsnet', import.meta.url).pathname },
        })
      }
      await host.tsnet('gc', { env })
      expect(await host.tsnetJson('check')).toEqual([])
    }
    await host.tsnet('teardown', 'one')
  })
})

describe('gc', () => {
  it('takes down the dead, frees what they had and says so; a second time there is nothing to do', async () => {
    const [old, young] = [await host.container(), await host.container()]
    await leavesNothing(host, async () => {
      await host.tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24', { env })
      await setup(
        old,
        '--id',
        'old',
        '--container-name',
        'web',
        '-p',
        '8080:80',
        '-p',
        '127.0.0.1:9000-9001:90-91/udp',
      )
      await setup(young, '--id', 'young', '--network', 'shop')
      await old.end()
      const report = await host.tsnetJson<GcReport>('gc', { env })
      expect({ ...report, leases: report.leases.filter((lease) => !lease.includes(':')) }).toEqual({
        containers: ['old'],
        pending: [],
        leases: ['tsnet/10.89.0.2'],
        ports: ['any:8080/tcp', '127.0.0.1:9000-9001/udp'],
        networks: ['tsnet'],
        rules: 0,
      })
      expect(await host.tsnetJson('gc', { env })).toEqual({
        containers: [],
        pending: [],
        leases: [],
        ports: [],
        networks: [],
        rules: 0,
      })
      expect(await host.tsnetJson('check')).toEqual([])
      await host.tsnet('teardown', 'young')
      await host.tsnet('network', 'rm', 'shop')
    })
  })

  it('takes away a lease that nobody wrote a name into', async () => {
    const box = await host.container()
    await leavesNothing(host, async () => {
      await setup(box, '--id', 'one', '--container-name', 'one')
      await host.sh('touch /run/tsnet/leases/tsnet/10.89.0.77 /run/tsnet/names/nobody')
      expect(await host.tsnetJson('gc', { env })).toMatchObject({ leases: ['tsnet/10.89.0.77'] })
      await host.tsnet('teardown', 'one')
    })
  })
})

describe('check', () => {
  it.each([
    ['a link', 'ip link delete NAME', 'one'],
    ['an address inside', 'IN ip addr del 10.89.0.2/24 dev eth0', 'one'],
    ['a route inside', 'IN ip route del default', 'one'],
    ['an interface that is down', 'IN ip link set eth0 down', 'one'],
    ['a published port', 'nft flush map inet tsnet ports4', 'one'],
    ['a lease', 'rm /run/tsnet/leases/tsnet/10.89.0.2', 'one'],
    ['the gateway', 'ip addr del 10.89.0.1/24 dev tsnet0', 'network.tsnet'],
    ['all rules', 'nft delete table inet tsnet', 'base@nftables'],
  ])('names %s that is gone, and what mends it', async (_what, line, subject) => {
    const box = await host.container()
    await leavesNothing(host, async () => {
      const answer = await setup(box, '--id', 'one', '-p', '8080:80')
      expect(await host.tsnetJson('check')).toEqual([])
      const name = answer.attachments[0]?.hostIfname ?? ''
      await (line.startsWith('IN ') ? box : host).sh(line.replace(/^IN /, '').replace('NAME', name))
      const findings = await host.tsnetJson<Finding[]>('check', { expectExit: 5 })
      expect(findings.map((finding) => finding.subject)).toContain(subject)
      expect(findings.every(({ hint }) => hint !== '')).toBe(true)
      expect((await host.tsnet('check', 'one', { expectExit: 'any' })).exitCode).toBe(
        findings.some((finding) => finding.subject === 'one') ? 5 : 0,
      )
      await host.tsnet('teardown', 'one')
    })
  })
})
