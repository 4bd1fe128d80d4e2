/**
 * The protocol on real hosts: every version of it, a namespace that is the
 * plugin's own, STATUS with its reasons, duplicate addresses, locked tables.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { allVersions } from '../../lib/plugin.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { addChain, box, type Conf, checkChain, cni, delChain, ours, reference, usualList } from './cni.ts'
import { bridge, common, ipam } from './cnishown.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'macvlan', 'ipv6', 'cni-plugins')

const moving = { except: [/last_reserved_ip/, /\.tsnet_boot_id/, /fe80::/] }

describe('every version', () => {
  it.each(allVersions)(
    '%s: a chain passes its result on in that form, CHECK and DEL read it',
    async (version) => {
      await using lab = await createLab()
      const host = await lab.host('host')
      const container = await box(host)
      const ports = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]
      // The plugin firewall begins with 0.4.0, as the reference's does.
      const list = usualList({ version, ports }).filter(
        ({ type }) => type !== 'firewall' || version >= '0.4.0',
      )
      const call = { netns: container.netns }
      const result = await addChain(host, list, call)
      const form =
        version < '0.3.0'
          ? ['ip4', 'dns']
          : ['interfaces', 'ips', 'routes', ...(version < '1.0.0' ? ['dns'] : [])]
      expect(Object.keys(result).sort()).toEqual(['cniVersion', ...form].sort())
      expect(result.cniVersion).toBe(version)
      await container.serve.tcp(80)
      expect(await host.probe.tcp('127.0.0.1', 8080)).toBe('reached')
      if (version >= '0.4.0')
        expect(await checkChain(host, list, { ...call, prevResult: result })).toEqual([])
      expect(await delChain(host, list, { ...call, prevResult: result })).toEqual([])
      expect((await container.sh('ip -br link')).stdout).not.toContain('eth0')
      expect((await host.sh('iptables-save | grep CNI-DN- || true')).stdout).toBe('')
    },
  )

  it('a previous result of another version than the configuration is read all the same', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await box(host)
    const call = { netns: container.netns }
    const { json } = await cni(host, 'ADD', { ...bridge, cniVersion: '0.2.0' }, call)
    const tuning = { ...common, cniVersion: '1.0.0', type: 'tuning', mtu: 1300 }
    const { json: passed } = await cni(host, 'ADD', tuning, { ...call, prevResult: json })
    expect(passed).toMatchObject({ cniVersion: '1.0.0', ips: [{ address: '10.22.0.2/24' }] })
  })
})

describe('the plugin’s own namespace', () => {
  it.each<[string, Conf]>([
    ['bridge', bridge],
    ['tsnet', { cniVersion: '1.1.0', name: 'solo', type: 'tsnet' }],
  ])('is refused by %s before anything is done, by ADD and by DEL', async (_, conf) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const before = await snapshot(host)
    for (const command of ['ADD', 'DEL']) {
      const { json } = await cni(host, command, conf, { netns: '/proc/self/ns/net' })
      expect(json).toMatchObject({ code: 8, msg: expect.stringContaining('should not be the same') })
    }
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})

describe('STATUS', () => {
  const newest = { ...common, cniVersion: '1.1.0' }
  it.each<[what: string, conf: Conf, prepare: string, code: number | undefined, says: RegExp]>([
    ['is silent where ADD would work', { type: 'bridge', ipam }, 'true', undefined, /^$/],
    ['names a missing master', { type: 'macvlan', master: 'gone' }, 'true', 50, /master "gone" is missing/],
    [
      'tells a master that is down from one that is missing',
      { type: 'macvlan', master: 'nic0' },
      'ip link add nic0 type veth peer name nic1',
      51,
      /"nic0" is down/,
    ],
    ['looks for the device of the default route', { type: 'ipvlan' }, 'true', 50, /no default route/],
    [
      'names a device that is not on the host',
      { type: 'host-device', device: 'dev7' },
      'true',
      50,
      /dev7 is not on the host/,
    ],
    [
      'says that the bridge is none',
      { type: 'bridge' },
      'ip link add cni0 type veth peer name x',
      50,
      /not a bridge/,
    ],
    [
      'names a foreign IPAM plugin that is not installed',
      { type: 'bridge', ipam: { type: 'whereabouts' } },
      'true',
      50,
      /failed to find plugin "whereabouts"/,
    ],
    [
      'tells a DHCP daemon that died from one that never ran',
      { type: 'macvlan', master: 'nic0', ipam: { type: 'dhcp', daemonSocketPath: '/run/d.sock' } },
      'ip link add nic0 type veth peer name nic1; ip link set nic0 up; touch /run/d.sock',
      51,
      /leases are not renewed/,
    ],
    [
      'needs firewalld where it is asked for',
      { type: 'firewall', backend: 'firewalld' },
      'true',
      50,
      /firewalld is asked for/,
    ],
    [
      'says that tsnet has no address left',
      { name: 'small', type: 'tsnet', ipam: { subnets: ['10.9.0.0/30'] } },
      '',
      50,
      /no addresses left in 10\.9\.0\.0\/30/,
    ],
  ])('%s', async (_, keys, prepare, code, says) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const conf = { ...newest, ...keys }
    // Without a preparation: one container, which has the only address.
    if (prepare === '') await addChain(host, [conf], { netns: (await box(host)).netns })
    else await host.sh(prepare)
    const { json, stdout } = await cni(host, 'STATUS', conf)
    expect(json.code).toBe(code)
    expect(code === undefined ? stdout : json.msg).toMatch(says)
  })
})

describe('duplicate IPv6 addresses', () => {
  it('are an error with enabledad, which leaves nothing and the first unharmed; without it nobody looks', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const same = { type: 'static', addresses: [{ address: 'fd00:22::9/64' }] }
    const conf: Conf = { ...common, type: 'bridge', enabledad: true, ipam: same }
    const [one, two, three] = [await box(host), await box(host), await box(host)]
    const first = await cni(host, 'ADD', conf, { id: 'one', netns: one.netns })
    expect(first.json).toMatchObject({ ips: [{ address: 'fd00:22::9/64' }] })
    // Usable at once: nothing is tentative any more.
    expect((await one.sh('ip -6 addr show eth0 scope global')).stdout).not.toContain('tentative')
    const before = await snapshot(host)
    const second = await cni(host, 'ADD', conf, { id: 'two', netns: two.netns })
    expect(second.json).toMatchObject({
      code: 100,
      msg: expect.stringContaining('another on that network has it'),
    })
    expect(snapshotDifference(before, await snapshot(host), moving)).toEqual([])
    expect((await one.sh('ip -6 addr show eth0')).stdout).toContain('fd00:22::9')
    const blind = { ...conf, enabledad: false }
    expect((await cni(host, 'ADD', blind, { id: 'three', netns: three.netns })).exitCode).toBe(0)
  })
})

describe('the lock of iptables', () => {
  it('never let go: ADD says to try again (11) and leaves nothing', { timeout: 120_000 }, async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { iptables: 'legacy' })
    const container = await box(host)
    const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]
    const conf: Conf = {
      ...common,
      type: 'tsnet',
      firewall: 'iptables',
      runtimeConfig: { portMappings },
    }
    const call = { netns: container.netns, timeoutMs: 40_000 }
    // What stays for the host's sake is there already.
    await addChain(host, [conf], call)
    expect(await delChain(host, [conf], call)).toEqual([])
    const before = await snapshot(host)
    const held = host.start(['flock', '/run/xtables.lock', 'sh', '-c', 'echo held; exec sleep 600'])
    await held.waitFor(/held/)
    const { json } = await cni(host, 'ADD', conf, call)
    expect(json).toMatchObject({ code: 11, msg: expect.stringContaining('lock') })
    await held.stop()
    expect(await delChain(host, [conf], call)).toEqual([])
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    expect((await cni(host, 'ADD', conf, call)).exitCode).toBe(0)
  })
})

describe('delegation', () => {
  it('goes both ways for every plugin that takes addresses', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh('ip link add nic0 type veth peer name nic1; ip link set nic0 up; ip link set nic1 up')
    for (const [type, keys] of [
      ['bridge', { isGateway: true }],
      ['ptp', {}],
      ['macvlan', { master: 'nic0' }],
    ] as const) {
      for (const [from, path] of [
        [ours, reference],
        [reference, ours],
      ] as const) {
        const container = await box(host)
        const conf = { ...common, type, ...keys, ipam }
        const call = { id: type, netns: container.netns, from, path }
        const { json } = await cni(host, 'ADD', conf, call)
        expect(json.ips).toHaveLength(1)
        expect((await cni(host, 'CHECK', conf, { ...call, prevResult: json })).stdout).toBe('')
        expect((await cni(host, 'DEL', conf, { ...call, prevResult: json })).exitCode).toBe(0)
      }
    }
    expect((await host.sh('ls /var/lib/cni/networks/n1 | grep "^10" || true')).stdout).toBe('')
  })
})
