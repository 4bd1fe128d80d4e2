/**
 * Hostile neighbours: what a container with NET_ADMIN can do to others, and
 * what `-o protect=strict` leaves of it. README's table is what is measured here.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ContainerNetwork } from '../../lib/index.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { routerAdvertisement, send } from './frames.ts'
import { type Attempt, attempts, type HostileYard, layHostileYard } from './hostileyard.ts'
import { layStreet, leavesNothing } from './traceless.ts'

interface Row {
  readonly attempt: string
  readonly byDefault: string
  readonly strict: string
}

const promised = readFileSync(`${repository}README.md`, 'utf8')
  .split('\n')
  .flatMap((line): readonly Row[] => {
    const [, attempt = '', byDefault = '', strict = ''] = line.split('|').map((cell) => cell.trim())
    return ['stopped', 'comes through'].includes(byDefault) ? [{ attempt, byDefault, strict }] : []
  })

const verdict = (cameThrough: boolean): string => (cameThrough ? 'comes through' : 'stopped')

it('README promises what is tried here, and nothing else', () => {
  expect(promised.map(({ attempt }) => attempt)).toEqual(attempts.map(({ row }) => row))
})

describe.each([
  { backend: 'nftables', iptables: 'nft' },
  { backend: 'iptables', iptables: 'legacy' },
] as const)('a hostile container, with $backend ($iptables)', ({ backend, iptables }) => {
  let lab: Lab
  let yard: HostileYard
  const env = { TSNET_FIREWALL: backend }

  beforeAll(async () => {
    needs(
      'root',
      'ip',
      'nft',
      'iptables-legacy',
      'conntrack',
      'gcc',
      'dnsmasq',
      'dig',
      'ipv6',
      'veth',
      'bridge',
    )
    lab = await createLab()
    yard = await layHostileYard(lab, backend, iptables)
  }, 150_000)

  afterAll(() => lab?.dispose())

  it.each(attempts.map((attempt) => ({ ...attempt })))('$row', async ({ row, tryIt }: Attempt) => {
    const byDefault = verdict(await tryIt(yard, yard.plain))
    const strict = verdict(await tryIt(yard, yard.strict))
    expect({ attempt: row, byDefault, strict }).toEqual(promised.find(({ attempt }) => attempt === row))
  })

  it('with protect=strict whoever is honest notices nothing', async () => {
    const { host, outside, strict } = yard
    const { alice, mallory, gateway } = strict
    const ask = (name: string): Promise<string> =>
      alice.place.run(['dig', '+short', `@${gateway.v4}`, name]).then(({ stdout }) => stdout.trim())
    await Promise.all([mallory.place.serve.tcp(80), outside.serve.tcp(80), alice.place.serve.udp(5353)])
    await host.tsnet('publish', 'add', 'alice-strict', '5353:5353/udp', { env })
    await alice.place.run(['ip', 'neigh', 'flush', 'dev', 'eth0'])
    expect({
      neighbour: [await alice.place.probe.tcp(mallory.v4, 80), await alice.place.probe.tcp(mallory.v6, 80)],
      out: [
        await alice.place.probe.tcp('198.51.100.2', 80),
        await alice.place.probe.tcp('2001:db8:1::2', 80),
      ],
      in: await outside.probe.udp('198.51.100.1', 5353, { timeoutMs: 10_000 }),
      names: [await ask('mallory-strict'), await ask('www.example.test')],
    }).toEqual({
      neighbour: ['reached', 'reached'],
      out: ['reached', 'reached'],
      in: 'reached',
      names: [mallory.v4, '192.0.2.80'],
    })
  })

  it('protect=strict goes with its container, also when that was killed, and with its network', async () => {
    await using own = await createLab()
    const { host } = await layStreet(own, { iptables })
    const tables = async (): Promise<string> => (await host.run(['nft', 'list', 'tables'])).stdout
    await leavesNothing(host, async () => {
      await host.tsnet('network', 'create', 'brief', '--ipv6', '-o', 'protect=strict', { env })
      const before = await tables()
      const box = await own.container(host)
      const told = await host.tsnetJson<ContainerNetwork>(
        ...['setup', '--netns', box.netns, '--network', 'brief'],
        { env },
      )
      const port = told.attachments[0]?.hostIfname as string
      expect(await tables()).toContain(`table netdev tsnet-${port}`)
      // Somebody else's flush is seen.
      await host.run(['nft', 'delete', 'table', 'netdev', `tsnet-${port}`])
      expect((await host.tsnet('check', '--netns', box.netns, { env, expectExit: 5 })).stdout).not.toBe('')
      await host.tsnet('teardown', '--netns', box.netns, { env })
      expect(await tables()).toBe(before)
      const killed = await own.container(host)
      const second = await host.tsnetJson<ContainerNetwork>(
        ...['setup', '--netns', killed.netns, '--network', 'brief'],
        { env },
      )
      await killed.kill()
      await host.waitForLinkGone(second.attachments[0]?.hostIfname as string)
      await host.tsnet('gc', { env })
      expect(await tables()).toBe(before)
      await host.tsnet('network', 'rm', 'brief', { env })
    })
  })

  it('a strict network without packet rules is refused', async () => {
    const box = await lab.container(yard.host)
    const refusal = await yard.host.tsnet(
      ...['setup', '--netns', box.netns, '--network', 'strict', '--firewall', 'none'],
      { expectExit: 2 },
    )
    expect(refusal.stderr).toContain('nothing would protect it')
  })
})

describe('the host', () => {
  it('learns no way out from a container’s router advertisements (CVE-2020-13401)', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    // IPv4 only: a host that routes IPv6 as well believes nobody.
    await host.tsnet('network', 'create', 'four', '--subnet', '10.91.0.0/24')
    const told = await host.tsnetJson<ContainerNetwork>('setup', '--netns', box.netns, '--network', 'four')
    const [attachment] = told.attachments
    const { bridge = '', mac = '', gateways = [] } = attachment ?? {}
    await send(box, [routerAdvertisement(mac, 'fe80::bad')])
    expect(await box.probe.tcp(String(gateways[0]), 9)).toBe('refused')
    expect((await host.sh('ip -6 route show default; ip -6 addr show dynamic')).stdout).toBe('')
    // As the kernel makes bridges, that very packet is believed.
    await host.sh(`echo 1 > /proc/sys/net/ipv6/conf/${bridge}/accept_ra`)
    await send(box, [routerAdvertisement(mac, 'fe80::bad')])
    await host.sh('until ip -6 route show default | grep -q fe80::bad; do sleep 0.01; done')
  })

  it('takes nothing for 127.0.0.1 from a container, and would without the guard', async () => {
    await using lab = await createLab()
    const yard = await layHostileYard(lab, 'nftables', 'nft')
    const attempt = attempts.find(({ row }) => row.includes('CVE-2020-8558'))
    expect(await attempt?.tryIt(yard, yard.plain)).toBe(false)
    await yard.host.run(['nft', 'flush', 'chain', 'inet', 'tsnet', 'guard'])
    expect(await attempt?.tryIt(yard, yard.plain)).toBe(true)
  })
})
