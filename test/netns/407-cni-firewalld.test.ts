/**
 * `firewall`, and the single plugin, beside a real firewalld with a system bus of
 * its own.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { addChain, box, type Conf, checkChain, cni, delChain, reference, usualList } from './cni.ts'
import { dig } from './nameyard.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6', 'dig', 'firewalld', 'cni-plugins')

const startLimitMs = 90_000

/** A host with firewalld: what arrives from elsewhere is refused but for its zones. */
async function guarded(lab: Lab): Promise<Host> {
  const host = await lab.host('host', { forwarding: true })
  await host.sh('mkdir -p /run/dbus && dbus-daemon --system --fork')
  host.start(['firewalld', '--nofork', '--nopid'])
  await host.run(['sh', '-c', 'until firewall-cmd --state 2>/dev/null; do sleep 0.5; done'], {
    timeoutMs: startLimitMs,
  })
  return host
}

const sources = async (host: Host, zone: string): Promise<string> =>
  (await host.sh(`firewall-cmd --zone=${zone} --list-sources`)).stdout.trim()

function listWith(keys: Conf): Conf[] {
  const [bridge] = usualList({ subnets: ['10.22.0.0/24', 'fd00:22::/64'] }) as [Conf]
  return [bridge, { cniVersion: '1.0.0', name: 'n1', type: 'firewall', ...keys }]
}

describe('firewall with firewalld', () => {
  it.each<[what: string, keys: Conf, zone: string]>([
    ['without a word where it runs', {}, 'trusted'],
    ['in the zone asked for', { backend: 'firewalld', firewalldZone: 'internal' }, 'internal'],
  ])('makes the addresses sources of a zone, %s, and takes them back', async (_, keys, zone) => {
    await using lab = await createLab()
    const host = await guarded(lab)
    const list = listWith(keys)
    const container = await box(host)
    const result = await addChain(host, list, { netns: container.netns })
    expect(await sources(host, zone)).toBe('10.22.0.2/32 fd00:22::2/128')
    expect((await host.sh('iptables-save -t filter')).stdout).not.toContain('CNI-FORWARD')
    const call = { netns: container.netns, prevResult: result }
    expect(await checkChain(host, list, call)).toEqual([])
    await host.sh(`firewall-cmd --zone=${zone} --remove-source=10.22.0.2/32`)
    expect(await checkChain(host, list, call)).toEqual([
      `firewall: source 10.22.0.2/32 is missing in firewalld's zone ${zone}`,
    ])
    expect(await delChain(host, list, call)).toEqual([])
    expect(await sources(host, zone)).toBe('')
    expect(await delChain(host, list, call)).toEqual([])
  })

  it('uses iptables where that is asked for', async () => {
    await using lab = await createLab()
    const host = await guarded(lab)
    const container = await box(host)
    await addChain(host, listWith({ backend: 'iptables' }), { netns: container.netns })
    expect(await sources(host, 'trusted')).toBe('')
    expect((await host.sh('iptables-save -t filter')).stdout).toContain('-s 10.22.0.2/32 -j ACCEPT')
  })

  it('takes down what the reference plugin made', async () => {
    await using lab = await createLab()
    const host = await guarded(lab)
    const list = listWith({})
    const container = await box(host)
    const result = await addChain(host, list, { netns: container.netns, from: reference })
    expect(await sources(host, 'trusted')).toBe('10.22.0.2/32 fd00:22::2/128')
    expect(await checkChain(host, list, { netns: container.netns, prevResult: result })).toEqual([])
    expect(await delChain(host, list, { netns: container.netns, prevResult: result })).toEqual([])
    expect(await sources(host, 'trusted')).toBe('')
  })

  it('is refused where firewalld is asked for and does not run', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await box(host)
    const [bridge, firewall] = listWith({ backend: 'firewalld' }) as [Conf, Conf]
    const prevResult = await addChain(host, [bridge], { netns: container.netns })
    const { json } = await cni(host, 'ADD', firewall, { netns: container.netns, prevResult })
    expect(json).toMatchObject({ msg: 'letting traffic through firewalld: it does not answer' })
    expect((await cni(host, 'DEL', firewall, { netns: container.netns, prevResult })).stdout).toBe('')
  })
})

describe('the single plugin with names', () => {
  it.each(['nftables', 'iptables'])(
    'lets its bridge through firewalld with %s, again after a reload, and takes that back',
    { timeout: 120_000 },
    async (firewall) => {
      await using lab = await createLab()
      const [host, far] = [await guarded(lab), await lab.host('far')]
      await lab.wire(host, far, '198.51.100.0/24', { defaultRoute: 'first' })
      const [web, asker] = [await box(host), await box(host)]
      await Promise.all([web.serve.tcp(80), far.serve.tcp(80)])
      const own: Conf = {
        ...{ cniVersion: '1.1.0', name: 'n1', type: 'tsnet', bridge: 'br-n1', firewall, names: true },
        ipam: { subnets: ['10.22.0.0/24', 'fd00:22::/64'] },
      }
      const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]
      const calls = [
        { conf: { ...own, runtimeConfig: { portMappings, aliases: ['web'] } }, id: 'web', netns: web.netns },
        { conf: own, id: 'asker', netns: asker.netns },
      ]
      const before = await snapshot(host)
      for (const { conf, ...call } of calls) expect((await cni(host, 'ADD', conf, call)).exitCode).toBe(0)
      const works = async (): Promise<unknown> => ({
        inTrusted: (await host.sh('firewall-cmd --zone=trusted --list-interfaces')).stdout.trim(),
        fromFar: await far.probe.tcp('198.51.100.1', 8080),
        fromHost: await host.probe.tcp('127.0.0.1', 8080),
        outwards: await asker.probe.tcp('198.51.100.2', 80),
        between: await asker.probe.tcp('10.22.0.2', 80),
        names: [await dig(asker, '@10.22.0.1', 'web'), await dig(asker, '@fd00:22::1', 'web')],
      })
      const all = {
        ...{ inTrusted: 'br-n1', fromFar: 'reached', fromHost: 'reached', outwards: 'reached' },
        ...{ between: 'reached', names: ['NOERROR, A 10.22.0.2', 'NOERROR, A 10.22.0.2'] },
      }
      expect(await works()).toEqual(all)
      expect((await host.tsnet('check')).stdout).toBe('ok: everything is as it was set up\n')

      await host.sh('firewall-cmd --reload')
      const found = await host.tsnet('check', { expectExit: 'any' })
      expect(found.stdout).toContain('missing: firewall-cmd --zone=trusted --add-interface=br-n1')
      await host.tsnet('gc')
      expect(await works()).toEqual(all)

      for (const { conf, ...call } of calls) expect((await cni(host, 'DEL', conf, call)).exitCode).toBe(0)
      // firewalld keeps chains of a zone that was used once.
      const kept = { except: [/inet firewalld chain \w+_trusted/] }
      expect(snapshotDifference(before, await snapshot(host), kept)).toEqual([])
    },
  )
})
