/**
 * The CNI plugins in throwaway hosts: the usual chain and the single plugin,
 * forth and back, against the reference set in both directions.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import {
  addChain,
  box,
  type CniCall,
  type Conf,
  checkChain,
  cni,
  delChain,
  ours,
  reference,
  usualList,
} from './cni.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6', 'cni-plugins')

const tcp8080 = { hostPort: 8080, containerPort: 80, protocol: 'tcp' }
const udp5353 = { hostPort: 5353, containerPort: 53, protocol: 'udp' }

/** What stays for the host's sake after a round: bridge, chains, folders. */
async function afterOneRound(
  host: Host,
  confs: readonly Conf[],
  call: CniCall = {},
): Promise<Awaited<ReturnType<typeof snapshot>>> {
  const first = await box(host)
  await addChain(host, confs, { ...call, id: 'warmup', netns: first.netns })
  expect(await delChain(host, confs, { ...call, id: 'warmup', netns: first.netns })).toEqual([])
  await first.kill()
  return snapshot(host)
}

/** `last_reserved_ip` moves on, and link-local addresses come a second after their link. */
const moving = { except: [/last_reserved_ip/, /\.tsnet_boot_id/, /fe80::/] }

describe('bridge, host-local, portmap, firewall and tuning', () => {
  it('connect a container to the world, and DEL takes exactly that away', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const outside = await lab.host('outside')
    await lab.wire(host, outside, '198.51.100.0/24')
    const list = usualList({ ports: [tcp8080, udp5353], subnets: ['10.22.0.0/24', 'fd00:22::/64'] })
    const before = await afterOneRound(host, list)

    const container = await box(host)
    const call = { netns: container.netns }
    const result = await addChain(host, list, call)
    expect(result).toMatchObject({
      cniVersion: '1.0.0',
      interfaces: [
        { name: 'cni0' },
        { name: expect.stringMatching(/^veth[0-9a-f]{8}$/) },
        { name: 'eth0', sandbox: container.netns },
      ],
      ips: [
        { address: '10.22.0.3/24', gateway: '10.22.0.1', interface: 2 },
        { address: 'fd00:22::3/64', gateway: 'fd00:22::1', interface: 2 },
      ],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
    })
    expect(await checkChain(host, list, { ...call, prevResult: result })).toEqual([])

    await container.serve.tcp(80)
    expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
    expect(await host.probe.tcp('127.0.0.1', 8080)).toBe('reached')
    expect(await container.probe.tcp('198.51.100.1', 8080)).toBe('reached')
    expect((await host.tsnet('port', 'c1')).stdout).toContain('8080')
    expect((await host.tsnet('ls')).stdout).toContain('10.22.0.3')

    expect(await delChain(host, list, { ...call, prevResult: result })).toEqual([])
    expect(snapshotDifference(before, await snapshot(host), moving)).toEqual([])
  })

  it.each([
    ['the reference set made and we take down', reference, ours],
    ['we made and the reference set takes down', ours, reference],
  ])('leave nothing of what %s', async (_, made, takesDown) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const list = usualList({ ports: [tcp8080, udp5353] })
    const before = await afterOneRound(host, list, { from: made })
    const container = await box(host)
    const result = await addChain(host, list, { netns: container.netns, from: made })
    const call = { netns: container.netns, from: takesDown, prevResult: result }
    // The reference's portmap of this version cannot CHECK containers without IPv6.
    const checked = takesDown === reference ? list.filter(({ type }) => type !== 'portmap') : list
    expect(await checkChain(host, checked, call)).toEqual([])
    expect(await delChain(host, list, call)).toEqual([])
    const records = { except: [...moving.except, /run\/tsnet/, /run\/cni/] }
    expect(snapshotDifference(before, await snapshot(host), records)).toEqual([])
  })

  it('take down completely what the reference set made, also without a namespace', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const list = usualList({ ports: [tcp8080] })
    const before = await afterOneRound(host, list, { from: reference })
    const container = await box(host)
    const result = await addChain(host, list, { netns: container.netns, from: reference })
    expect(await delChain(host, list, { prevResult: result })).toEqual([])
    expect(
      snapshotDifference(before, await snapshot(host), { except: [...moving.except, /run\/cni/] }),
    ).toEqual([])
  })

  it('work with a foreign IPAM plugin, and our IPAM and portmap behind a foreign bridge', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const [bridge, portmap] = usualList({ ports: [tcp8080] }) as [Conf, Conf]
    const one = await box(host)
    const added = await cni(host, 'ADD', bridge, { netns: one.netns, path: reference })
    expect(added.json).toMatchObject({ ips: [{ address: '10.22.0.2/24', gateway: '10.22.0.1' }] })
    expect(
      (await cni(host, 'CHECK', bridge, { netns: one.netns, path: reference, prevResult: added.json }))
        .exitCode,
    ).toBe(0)
    const two = await box(host)
    const foreign = await cni(host, 'ADD', bridge, {
      id: 'c2',
      netns: two.netns,
      from: reference,
      path: ours,
    })
    expect(foreign.json).toMatchObject({ ips: [{ address: '10.22.0.3/24' }] })
    const chained = await cni(host, 'ADD', portmap, { id: 'c2', netns: two.netns, prevResult: foreign.json })
    expect(chained.json.ips).toEqual(foreign.json.ips)
    await two.serve.tcp(80)
    expect(await host.probe.tcp('127.0.0.1', 8080)).toBe('reached')
  })
})

describe('the single plugin tsnet', () => {
  const conf = {
    cniVersion: '1.1.0',
    name: 'solo',
    type: 'tsnet',
    runtimeConfig: { portMappings: [tcp8080, udp5353] },
  }

  it.each(['iptables', 'nftables'])('does it all in one call with %s, and undoes it', async (firewall) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const outside = await lab.host('outside')
    await lab.wire(host, outside, '198.51.100.0/24')
    const own = { ...conf, firewall }
    const before = await afterOneRound(host, [own])
    const container = await box(host)
    const { json } = await cni(host, 'ADD', own, { netns: container.netns })
    expect(json.ips).toHaveLength(1)
    await container.serve.tcp(80)
    expect(await outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
    expect((await cni(host, 'CHECK', own, { netns: container.netns, prevResult: json })).stdout).toBe('')
    expect((await cni(host, 'DEL', own, { netns: container.netns })).exitCode).toBe(0)
    expect((await cni(host, 'DEL', own)).exitCode).toBe(0)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('takes addresses from any IPAM plugin', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const ipam = {
      type: 'host-local',
      ranges: [[{ subnet: '10.5.0.0/24' }], [{ subnet: 'fd00:5::/64' }]],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
    }
    // The reference set of Debian 12 knows no 1.1.0.
    const foreign = { ...conf, cniVersion: '1.0.0', ipam }
    for (const path of [ours, reference]) {
      const container = await box(host)
      const { json } = await cni(host, 'ADD', foreign, { id: 'ipam', netns: container.netns, path })
      expect(json.ips.map(({ gateway }) => gateway)).toEqual(['10.5.0.1', 'fd00:5::1'])
      expect((await container.run(['ip', '-6', 'route', 'show', 'default'])).stdout).toContain('fd00:5::1')
      expect((await cni(host, 'DEL', foreign, { id: 'ipam', path })).exitCode).toBe(0)
    }
  })

  it('removes by GC exactly what is not in the list', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const gc = (name: string, ids: readonly string[]): Conf => ({
      ...conf,
      name,
      runtimeConfig: {},
      'cni.dev/valid-attachments': ids.map((containerID) => ({ containerID, ifname: 'eth0' })),
    })
    const plain = { ...conf, runtimeConfig: {} }
    for (const [id, name] of [
      ['a', 'solo'],
      ['b', 'solo'],
      ['x', 'other'],
    ] as const) {
      const container = await box(host)
      expect((await cni(host, 'ADD', { ...plain, name }, { id, netns: container.netns })).exitCode).toBe(0)
    }
    expect((await cni(host, 'GC', gc('solo', ['a']))).exitCode).toBe(0)
    const left = await host.tsnetJson<{ container: { id: string } }[]>('ls')
    expect(left.map(({ container }) => container.id).sort()).toEqual(['a', 'x'])
  })
})

describe('executables', () => {
  it.each([
    ['a copy', 'cp'],
    ['a link', 'ln -s'],
  ])('work as %s, with an empty environment', async (_, how) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh(`mkdir -p /run/bin && ${how} ${ours}/tsnet /run/bin/tsnet`)
    const { stdout } = await host.run(['env', '-i', 'CNI_COMMAND=VERSION', '/run/bin/tsnet'])
    expect(JSON.parse(stdout)).toMatchObject({ cniVersion: '1.1.0' })
    const container = await box(host)
    const variables = [
      'CNI_COMMAND=ADD',
      'CNI_CONTAINERID=c1',
      'CNI_IFNAME=eth0',
      `CNI_NETNS=${container.netns}`,
      'CNI_PATH=/run/bin',
    ]
    const added = await host.run(['env', '-i', ...variables, '/run/bin/tsnet'], {
      stdin: JSON.stringify({ cniVersion: '1.1.0', name: 'copied', type: 'tsnet' }),
    })
    expect(JSON.parse(added.stdout).ips).toHaveLength(1)
  })
})
