/**
 * What went wrong with other CNI plugin sets, each once.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { addChain, box, type Conf, cni, delChain, reference, usualList } from './cni.ts'

needs('root', 'ip', 'nft', 'iptables', 'conntrack', 'veth', 'bridge', 'ipv6', 'cni-plugins')

const tcp8080 = { hostPort: 8080, containerPort: 80, protocol: 'tcp' }
const single: Conf = { cniVersion: '1.1.0', name: 'solo', type: 'tsnet' }
const leases = 'ls /var/lib/cni/networks/n1 | grep "^10" || true'

describe('DEL', () => {
  it('succeeds for what was never added, twice, without a namespace, with a namespace that is gone, without a previous result', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const lists = [usualList({ ports: [tcp8080] }), [single]]
    for (const list of lists) {
      expect(await delChain(host, list, {})).toEqual([])
      expect(await delChain(host, list, { netns: '/run/netns/never' })).toEqual([])
      const container = await box(host)
      await addChain(host, list, { netns: container.netns })
      const { netns } = container
      await container.kill()
      expect(await delChain(host, list, { netns })).toEqual([])
      expect(await delChain(host, list, { netns })).toEqual([])
    }
    expect((await host.sh(leases)).stdout).toBe('')
    expect((await host.sh('iptables-save | grep -e CNI-DN- -e 10.22.0.2 || true')).stdout).toBe('')
    expect((await host.tsnet('ls', '-q')).stdout).toBe('')
  })

  it('does not touch the interface of a container that has the path now', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const list = usualList()
    const [old, next] = [await box(host), await box(host)]
    const prevResult = await addChain(host, list, { id: 'old', netns: old.netns, from: reference })
    await addChain(host, list, { id: 'next', netns: next.netns, from: reference })
    expect(await delChain(host, list, { id: 'old', netns: next.netns, prevResult })).toEqual([])
    expect((await next.sh('ip -br addr')).stdout).toMatch(/eth0.*10\.22\.0\.3/)
  })

  it('of a container that was killed does not hurt the one that has its address now', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const list = usualList({ ports: [tcp8080] })
    const a = await box(host)
    const prevResult = await addChain(host, list, { id: 'a', netns: a.netns })
    await a.kill()
    // What an IPAM without memory does: the lease is gone, the address is given again.
    await host.sh('rm /var/lib/cni/networks/n1/10.22.0.2 /var/lib/cni/networks/n1/last_reserved_ip.0')
    const b = await box(host)
    await addChain(host, list, { id: 'b', netns: b.netns })
    await b.serve.tcp(80)
    expect(await delChain(host, list, { id: 'a', netns: a.netns, prevResult })).toEqual([])
    expect(await host.probe.tcp('127.0.0.1', 8080)).toBe('reached')
    expect((await host.sh('iptables-save -t filter')).stdout).toContain('-s 10.22.0.2/32 -j ACCEPT')
    expect((await host.sh(leases)).stdout.trim()).toBe('10.22.0.2')
  })
})

describe('ADD', () => {
  it.each<[string, Conf[]]>([
    ['the chain', usualList()],
    ['the single plugin', [single]],
    [
      'the single plugin with host-local',
      [{ ...single, ipam: { type: 'host-local', ranges: [[{ subnet: '10.9.0.0/24' }]] } }],
    ],
  ])('a second time with %s is an error, and the first is unharmed', async (_, list) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await box(host)
    const { ips } = await addChain(host, list, { netns: container.netns })
    const before = await snapshot(host)
    const again = await cni(host, 'ADD', list[0] as Conf, { netns: container.netns })
    expect(again.json).toMatchObject({ code: 100 })
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    expect((await container.sh('ip -br addr show eth0')).stdout).toContain(ips[0]?.address)
  })

  it.each<[string, Conf]>([
    [
      'host-local',
      {
        ...(usualList()[0] as Conf),
        ipam: { type: 'host-local', ranges: [[{ subnet: '10.9.0.0/31' }]] },
      },
    ],
    ['tsnet', { ...single, ipam: { subnets: ['10.9.0.0/32'] } }],
  ])('in a subnet that is too small is refused by %s (7), and nothing is changed', async (_, conf) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await box(host)
    const before = await snapshot(host)
    const { json } = await cni(host, 'ADD', conf, { netns: container.netns })
    expect(json).toMatchObject({ code: 7, msg: expect.stringContaining('too small') })
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('leaves nothing where the interface name is taken', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await box(host)
    await container.sh('ip link add eth0 type bridge')
    const before = await snapshot(host)
    for (const conf of [usualList()[0] as Conf, single]) {
      const { json } = await cni(host, 'ADD', conf, { netns: container.netns })
      expect(json).toMatchObject({ code: 100, msg: expect.stringContaining('eth0') })
    }
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('leaves nothing of a chain that fails half-way, after its DEL', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const list = usualList({ ports: [tcp8080] })
    const warmup = await box(host)
    await addChain(host, list, { id: 'w', netns: warmup.netns })
    await delChain(host, list, { id: 'w', netns: warmup.netns })
    await warmup.kill()
    const before = await snapshot(host)
    const broken = [
      ...list.slice(0, 3),
      { cniVersion: '1.0.0', name: 'n1', type: 'tuning', sysctl: { 'net.ipv4.conf.none.arp_filter': '1' } },
    ]
    const container = await box(host)
    await expect(addChain(host, broken, { netns: container.netns })).rejects.toThrow('tuning ADD')
    expect(await delChain(host, broken, { netns: container.netns })).toEqual([])
    expect(
      snapshotDifference(before, await snapshot(host), { except: [/last_reserved_ip/, /fe80::/] }),
    ).toEqual([])
  })

  it('gives an address back when a later step fails', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const [bridge] = usualList() as [Conf]
    await host.sh('ip link add cni0 type veth peer name x')
    const container = await box(host)
    const { json } = await cni(host, 'ADD', bridge, { netns: container.netns })
    expect(json).toMatchObject({ code: 100, msg: '"cni0" already exists but is not a bridge' })
    expect((await host.sh(leases)).stdout).toBe('')
  })

  it.each<[number, string, Conf[]]>([
    [50, 'bridge and host-local', usualList({ ports: [] }).slice(0, 1)],
    [12, 'the chain', usualList({ ports: [] })],
    [50, 'the single plugin', [single]],
  ])(
    '%i times at once with %s gives as many addresses and no error',
    { timeout: 400_000 },
    async (count, _, list) => {
      await using lab = await createLab()
      const host = await lab.host('host')
      const containers = await Promise.all(Array.from({ length: count }, () => box(host)))
      const slow = { timeoutMs: 120_000 }
      const results = await Promise.all(
        containers.map(({ netns }, i) => addChain(host, list, { id: `c${i}`, netns, ...slow })),
      )
      const addresses = results.map(({ ips }) => ips[0]?.address)
      expect(new Set(addresses).size).toBe(count)
      const failures = await Promise.all(
        containers.map(({ netns }, i) => delChain(host, list, { id: `c${i}`, netns, ...slow })),
      )
      expect(failures.flat()).toEqual([])
      expect((await host.sh('ip -br link | grep -c veth || true')).stdout.trim()).toBe('0')
    },
  )

  it('after a reboot finds no lease of the time before', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const [bridge] = usualList({ subnets: ['10.22.0.0/29'] }) as [Conf]
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      const container = await box(host)
      expect((await cni(host, 'ADD', bridge, { id, netns: container.netns })).exitCode).toBe(0)
    }
    const late = await box(host)
    const full = await cni(host, 'ADD', bridge, { id: 'f', netns: late.netns })
    expect(full.json).toMatchObject({
      code: 100,
      msg: 'no IP addresses available in range set: 10.22.0.1-10.22.0.6',
    })
    expect((await cni(host, 'STATUS', { ...bridge, cniVersion: '1.1.0' })).json).toMatchObject({ code: 50 })
    // The folder survives a reboot, what is below /run does not.
    await host.sh(
      'echo 00000000-0000-4000-8000-000000000000 > /var/lib/cni/networks/n1/.tsnet_boot_id; rm -rf /run/tsnet',
    )
    expect((await cni(host, 'ADD', bridge, { id: 'f', netns: late.netns })).exitCode).toBe(0)
    expect((await host.sh(leases)).stdout.trim().split('\n')).toHaveLength(1)
  })
})

describe('a container without ports', () => {
  it.each<[string, Conf[]]>([
    ['portmap', usualList({ ports: [] }).slice(1, 2)],
    ['the single plugin', [{ ...single, firewall: 'iptables' }]],
  ])('has %s start nothing of iptables', async (type, list) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const [first, second] = [await box(host), await box(host)]
    const bridge = usualList()[0] as Conf
    // What a network needs once is there already.
    const before = type === 'portmap' ? [bridge] : list
    await addChain(host, before, { id: 'first', netns: first.netns })
    const call = { id: 'second', netns: second.netns }
    const prevResult = type === 'portmap' ? await addChain(host, before, call) : undefined
    await host.sh(
      "printf '#!/bin/sh\\necho $0 >> /run/touched\\nexit 1\\n' > /run/logs && chmod +x /run/logs && mount --bind /run/logs /usr/sbin/xtables-nft-multi",
    )
    const added = await cni(host, 'ADD', list[0] as Conf, { ...call, prevResult })
    expect(added.json.ips).toHaveLength(1)
    expect((await host.sh('cat /run/touched 2>/dev/null || true')).stdout).toBe('')
    // It would have been noticed.
    const port = { runtimeConfig: { portMappings: [tcp8080] } }
    const third = { id: 'third', netns: (await box(host)).netns, prevResult }
    expect((await cni(host, 'ADD', { ...list[0], ...port } as Conf, third)).exitCode).toBe(1)
    expect((await host.sh('cat /run/touched')).stdout).toContain('iptables')
  })
})

describe('stale state', () => {
  it('a reused UDP port does not go on talking to the old container', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const outside = await lab.host('outside')
    await lab.wire(host, outside, '198.51.100.0/24')
    const list = usualList({ ports: [{ hostPort: 5353, containerPort: 53, protocol: 'udp' }] })
    const one = await box(host)
    await addChain(host, list, { id: 'one', netns: one.netns })
    await outside.sh('echo x | socat -t 0.2 - UDP4:198.51.100.1:5353,sourceport=40000 || true')
    // The datagram may still be on its way: the host is asked for its MAC first.
    await host.sh('until conntrack -L -p udp 2>/dev/null | grep -q src=10.22.0.2; do sleep 0.05; done')
    await delChain(host, list, { id: 'one', netns: one.netns })
    const two = await box(host)
    await addChain(host, list, { id: 'two', netns: two.netns })
    expect((await host.sh('conntrack -L -p udp 2>/dev/null')).stdout).not.toContain('src=10.22.0.2')
  })

  it('GC removes what is not in the list, also of the reference set', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const list = usualList({ version: '1.0.0', ports: [tcp8080] })
    for (const [id, from] of [
      ['keep', undefined],
      ['ours', undefined],
      ['theirs', reference],
    ] as const) {
      const container = await box(host)
      const ports = { portMappings: [{ ...tcp8080, hostPort: { keep: 8081, ours: 8082, theirs: 8083 }[id] }] }
      const own = list.map((conf) => (conf['type'] === 'portmap' ? { ...conf, runtimeConfig: ports } : conf))
      await addChain(host, own, { id, netns: container.netns, ...(from === undefined ? {} : { from }) })
    }
    for (const conf of list) {
      const gc = {
        ...conf,
        cniVersion: '1.1.0',
        runtimeConfig: {},
        'cni.dev/valid-attachments': [{ containerID: 'keep', ifname: 'eth0' }],
      }
      expect((await cni(host, 'GC', gc)).stdout).toBe('')
    }
    const rules = (await host.sh('iptables-save -t nat')).stdout
    expect(rules).toContain('"keep')
    expect(rules).not.toMatch(/ours|theirs/)
    expect((await host.sh(leases)).stdout.trim()).toBe('10.22.0.2')
  })
})
