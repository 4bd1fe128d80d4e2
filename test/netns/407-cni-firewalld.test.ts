/**
 * `firewall` beside a real firewalld, with a system bus of its own.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { addChain, box, type Conf, checkChain, cni, delChain, reference, usualList } from './cni.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'firewalld', 'cni-plugins')

const startLimitMs = 30_000

/** A host with firewalld: what arrives from elsewhere is refused but for its zones. */
async function guarded(lab: Lab): Promise<Host> {
  const host = await lab.host('host')
  await host.sh('mkdir -p /run/dbus && dbus-daemon --system --fork')
  host.start(['firewalld', '--nofork', '--nopid'])
  await host.run(['sh', '-c', 'until firewall-cmd --state 2>/dev/null; do sleep 0.1; done'], {
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
