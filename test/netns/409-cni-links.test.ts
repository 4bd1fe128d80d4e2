/**
 * The CNI plugins that make an interface without a bridge: what their keys change
 * on a real host, and the way back.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { box, type Conf, cni } from './cni.ts'
import { common, ipam, look, shown } from './cnishown.ts'

needs('root', 'ip', 'iptables', 'veth', 'macvlan', 'ipv6')

describe('other plugins that make an interface', () => {
  it('ptp routes each address on the host, and masquerades', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const conf = { ...common, type: 'ptp', ipMasq: true, ipam: { ...ipam, routes: [{ dst: '0.0.0.0/0' }] } }
    const container = await box(host)
    const before = await snapshot(host)
    const { json } = await cni(host, 'ADD', conf, { netns: container.netns })
    expect(json.interfaces.map(({ name }) => name)).toEqual([expect.stringMatching(/^veth/), 'eth0'])
    expect(await look(host, 'ip route')).toContain('10.22.0.2')
    expect((await look(container, 'ip route')).split('\n').map((line) => line.trim())).toEqual(
      expect.arrayContaining([
        'default via 10.22.0.1 dev eth0',
        '10.22.0.0/24 via 10.22.0.1 dev eth0 src 10.22.0.2',
        '10.22.0.1 dev eth0 scope link',
      ]),
    )
    await container.sh('ping -c3 -i0.2 -W5 10.22.0.1')
    expect((await cni(host, 'CHECK', conf, { netns: container.netns, prevResult: json })).stdout).toBe('')
    expect((await cni(host, 'DEL', conf, { netns: container.netns, prevResult: json })).stdout).toBe('')
    expect(
      snapshotDifference(before, await snapshot(host), {
        except: [/files:/, /ip_forward/, /forwarding/, /accept_redirects/, /CNI|nat/],
      }),
    ).toEqual([])
  })

  it('macvlan works in each mode, on the device of the default route or a named one', async () => {
    for (const mode of ['bridge', 'private', 'vepa', 'passthru']) {
      const { inside } = await shown(
        { ...common, type: 'macvlan', mode, ipam },
        'ip -d link show eth0 2>/dev/null || true',
      )
      expect(inside).toContain(`macvlan mode ${mode}`)
    }
    const named = await shown(
      { ...common, type: 'macvlan', master: 'out2', mtu: 1300 },
      'ip -d link show eth0 2>/dev/null || true',
    )
    expect(named.inside).toContain('mtu 1300')
    const large = await shown({ ...common, type: 'macvlan', mtu: 9000 }, 'true')
    expect(large).toMatchObject({ code: 7, inside: expect.stringContaining('invalid MTU 9000') })
  })

  it('host-device moves a device in and back under its name', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh('ip link add dev7 type veth peer name other7; ip link set dev7 up')
    const conf = { ...common, type: 'host-device', device: 'dev7', ipam }
    const container = await box(host)
    const { json } = await cni(host, 'ADD', conf, { netns: container.netns })
    expect(json.ips).toMatchObject([{ address: '10.22.0.2/24' }])
    expect(await look(host, 'ip -br link')).not.toContain('dev7')
    expect(await look(container, 'ip -br addr')).toMatch(/eth0.*10\.22\.0\.2/)
    expect((await cni(host, 'DEL', conf, { netns: container.netns, prevResult: json })).stdout).toBe('')
    expect(await look(host, 'ip -br link')).toMatch(/^dev7@other7 +DOWN/m)
    expect((await cni(host, 'DEL', conf, { netns: container.netns, prevResult: json })).stdout).toBe('')
  })

  it('host-device leaves a device that cannot be moved as it was', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    // As bonds and Wi-Fi are, and lo: the kernel keeps them where they are.
    await host.sh('ip link add br7 type bridge; ip link set br7 up')
    const container = await box(host)
    const before = await look(host, 'ip link show br7')
    expect(before).toContain('BROADCAST,MULTICAST,UP')
    const conf = { ...common, type: 'host-device', device: 'br7', ipam }
    const { json } = await cni(host, 'ADD', conf, { netns: container.netns })
    expect(json.msg).toMatch(
      /^ip link set dev br7 netns .*: (The interface netns is immutable|Invalid argument)$/,
    )
    expect(await look(host, 'ip link show br7')).toBe(before)
    expect(await look(container, 'ip -br link')).not.toContain('eth0')
  })

  it.each<[key: string, conf: Conf]>([
    ['pciBusID', { pciBusID: '0000:00:1f.6' }],
    ['the capability deviceID', { runtimeConfig: { deviceID: '0000:00:1f.6' } }],
    ['a deviceID of the auxiliary bus', { runtimeConfig: { deviceID: 'mlx5_core.sf.4' } }],
    ['kernelpath', { kernelpath: '/sys/devices/pci/0000:00:1f.6' }],
    ['hwaddr', { hwaddr: '02:00:00:00:00:77' }],
  ])('host-device finds the device by %s', async (_, keys) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh(`ip link add dev7 address 02:00:00:00:00:77 type veth peer name other7
      mount -t tmpfs tmpfs /sys/bus && mount -t tmpfs tmpfs /sys/devices
      for place in bus/pci/devices/0000:00:1f.6 bus/auxiliary/devices/mlx5_core.sf.4 devices/pci/0000:00:1f.6; do
        mkdir -p /sys/$place/net/dev7
      done`)
    const container = await box(host)
    const conf = { ...common, type: 'host-device', ...keys }
    const { json } = await cni(host, 'ADD', conf, { netns: container.netns })
    expect(json.interfaces).toMatchObject([{ name: 'eth0', mac: '02:00:00:00:00:77' }])
    expect((await cni(host, 'DEL', conf, { netns: container.netns, prevResult: json })).stdout).toBe('')
    expect(await look(host, 'ip -br link')).toMatch(/^dev7@other7/m)
  })

  it('host-device leases addresses for a device a program drives itself, and moves nothing', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh(`mount -t tmpfs tmpfs /sys/bus; cd /sys/bus; mkdir -p pci/drivers/vfio-pci pci/devices/0000:00:1f.6
      ln -s ../../drivers/vfio-pci pci/devices/0000:00:1f.6/driver`)
    const container = await box(host)
    const conf = { ...common, type: 'host-device', ipam, runtimeConfig: { deviceID: '0000:00:1f.6' } }
    const { json } = await cni(host, 'ADD', conf, { netns: container.netns })
    expect(json).toMatchObject({ cniVersion: '1.0.0', ips: [{ address: '10.22.0.2/24' }] })
    expect(json.interfaces).toBeUndefined()
    expect(await look(container, 'ip -br link')).not.toContain('eth0')
    expect((await cni(host, 'CHECK', conf, { netns: container.netns, prevResult: json })).stdout).toBe('')
    expect((await cni(host, 'DEL', conf, { netns: container.netns, prevResult: json })).stdout).toBe('')
    expect(await look(host, 'ls /var/lib/cni/networks/n1 | grep "^10" || true')).toBe('')
  })

  it('tap says where the kernel has no SELinux for its selinuxContext, and leaves nothing', async () => {
    const { inside, code } = await shown(
      { ...common, type: 'tap', selinuxContext: 'system_u:system_r:container_t:s0' },
      'ip -br link',
    )
    if (code === 0) expect(inside).toContain('eth0')
    else expect(inside).toContain('CONFIG_SECURITY_SELINUX')
  })

  it('tap makes a tap device', async () => {
    const { inside } = await shown(
      { ...common, type: 'tap', mac: '02:00:00:00:00:07', multiQueue: true, owner: 1000 },
      'ip -d link show eth0 2>/dev/null || true',
    )
    expect(inside).toMatch(/tun type tap.*multi_queue.*user \S+/)
    expect(inside).toContain('02:00:00:00:00:07')
  })

  it.each([
    ['ipvlan', {}, 'CONFIG_IPVLAN'],
    ['vlan', { master: 'out', vlanId: 7 }, 'CONFIG_VLAN_8021Q'],
    ['dummy', {}, 'CONFIG_DUMMY'],
  ])(
    '%s works, or names the kernel option that is missing, and leaves nothing',
    async (type, keys, option) => {
      const { inside, code } = await shown(
        { ...common, type, ipam, ...keys },
        'ip -d link show eth0 2>/dev/null || true',
      )
      if (code === 0) expect(inside).toContain(type)
      else expect(inside).toContain(option)
    },
  )

  it('loopback sets lo up and down, and CHECK sees it', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await host.container()
    const conf = { ...common, type: 'loopback' }
    const { json } = await cni(host, 'ADD', conf, { netns: container.netns, ifname: 'lo' })
    expect(json.ips.map(({ address }) => address)).toEqual(['127.0.0.1/8', '::1/128'])
    expect(await look(container, 'ip link show lo')).toContain('<LOOPBACK,UP')
    expect((await cni(host, 'ADD', conf, { netns: container.netns, ifname: 'lo' })).exitCode).toBe(0)
    expect((await cni(host, 'DEL', conf, { netns: container.netns, ifname: 'lo' })).exitCode).toBe(0)
    expect(
      (await cni(host, 'CHECK', conf, { netns: container.netns, ifname: 'lo', prevResult: json })).json.msg,
    ).toContain('down')
  })
})
