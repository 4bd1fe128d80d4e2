/**
 * `tsnet trace`: the way as configured, one real probe, and where it stopped.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TraceReport } from '../../lib/index.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { faults } from '../faults.ts'
import { layShopHost, type ShopHost } from './faultyhost.ts'

needs(
  'root',
  'ip',
  'nft',
  'iptables',
  'iptables-legacy',
  'veth',
  'bridge',
  'ipv6',
  'dig',
  'dnsmasq',
  'conntrack',
)

const traced = faults.filter(({ trace }) => trace !== undefined)

describe.each(['iptables', 'nftables'] as const)('with %s', (backend) => {
  let lab: Lab
  let yard: ShopHost
  beforeAll(async () => {
    lab = await createLab()
    yard = await layShopHost(lab, backend)
  })
  afterAll(() => lab.dispose())
  const follow = (...words: string[]): Promise<TraceReport> =>
    yard.host.tsnetJson<TraceReport>('trace', ...words, { expectExit: 'any' })

  it.each(traced)('says where it stopped and why: $name', async ({ break: broken, mend, trace }) => {
    await yard.shell(broken)
    const { reached, stopped } = await follow(...(trace?.words ?? []))
    expect({ reached, stage: stopped?.stage, reason: stopped?.reason }).toEqual({
      reached: false,
      stage: trace?.stage,
      reason: trace?.reason,
    })
    await yard.shell(mend ?? '')
  })

  it('follows what arrives: a neighbour, a published port from outside and from inside, the world, the host', async () => {
    const { host, outside } = yard
    const before = await snapshot(host)
    const stages = async (...words: string[]): Promise<readonly [boolean, string]> => {
      const { reached, hops } = await follow(...words)
      return [reached, [...new Set(hops.map(({ where, stage }) => `${where} ${stage}`))].join(', ')]
    }
    expect(await stages('web', 'db:5432')).toEqual([
      true,
      'web route, web bridge, web neighbour, db return, web probe',
    ])
    const [reached, way] = await stages('web', '198.51.100.2:7')
    expect(reached).toBe(true)
    expect(way).toContain('host nat')
    const published = await follow('db', '198.51.100.1:8080')
    expect(published.reached).toBe(true)
    expect(published.hops.filter(({ stage }) => stage === 'nat')[0]?.what).toContain(
      '198.51.100.1:8080 becomes 10.90.0.2:80',
    )
    expect((await follow('host', 'web:80')).reached).toBe(true)
    expect((await follow(String(outside.pid), '198.51.100.1:8080')).reached).toBe(true)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    // A last packet may be on its way still: what the kernel makes of it is over in ten seconds.
    const flows = 'conntrack -L 2>/dev/null | grep -E "dport=(5432|8080|80|7) " || true'
    await expect.poll(async () => (await host.sh(flows)).stdout, { timeout: 30_000 }).toBe('')
  })
})

it('mistakes are one sentence: no such container, no port, no right to look', async () => {
  await using lab = await createLab()
  const { host } = await layShopHost(lab, 'nftables')
  const complaint = async (code: number, ...words: string[]): Promise<string> =>
    (await host.tsnet(...words, { expectExit: code })).stderr
  expect(await complaint(3, 'trace', 'wbe', 'db:80')).toContain(
    'finding container wbe: no container or network',
  )
  expect(await complaint(3, 'trace', 'web', 'dbb:80')).toContain('did you mean "db"?')
  expect(await complaint(2, 'trace', 'web', 'db')).toContain('such as db:5432')
  expect(await complaint(2, 'trace', 'web', 'db:99999')).toContain('no container or address with a port')
  for (const words of [['doctor'], ['trace', 'web', 'db:5432'], ['publish', 'add', 'web', '81:81']]) {
    const nobody = [
      'setpriv',
      '--reuid',
      '65534',
      '--clear-groups',
      process.execPath,
      'dist/bin/tsnet',
      ...words,
    ]
    const { stderr, exitCode } = await host.run(nobody, { cwd: process.cwd(), expectExit: 'any' })
    expect([exitCode, stderr.split('\n').length]).toEqual([77, 3])
  }
})
