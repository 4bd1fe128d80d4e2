/**
 * The CNI plugin bridge by itself: what each of its keys changes on a real host;
 * and what CHECK finds.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { addChain, box, type Conf, cni, delChain, usualList } from './cni.ts'
import { bridge, common, ipam, look, shown } from './cnishown.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge')

describe('bridge', () => {
  it.each<[key: string, value: unknown, command: string, where: 'host' | 'inside', shows: RegExp]>([
    ['bridge', 'br7', 'ip -br link', 'host', /^br7 /m],
    ['isGateway', true, 'ip -br -4 addr show cni0 2>/dev/null || true', 'host', /10\.22\.0\.1\/24/],
    ['isDefaultGateway', true, 'ip route', 'inside', /default via 10\.22\.0\.1/],
    ['ipMasq', true, 'iptables-save -t nat || true', 'host', /MASQUERADE/],
    ['hairpinMode', true, 'bridge -d link || true', 'host', /hairpin on/],
    ['promiscMode', true, 'ip link show cni0 2>/dev/null || true', 'host', /PROMISC/],
    ['mtu', 1400, 'ip link show eth0 2>/dev/null || true', 'inside', /mtu 1400/],
    ['portIsolation', true, 'bridge -d link || true', 'host', /isolated on/],
    ['macspoofchk', true, 'nft list ruleset', 'host', /cni-br-iface-c1-eth0/],
    ['ipam', ipam, 'ip -br -4 addr', 'inside', /eth0\S* .*10\.22\.0\.2\/24/],
  ])('%s changes what is set up', async (key, value, command, where, shows) => {
    const plain: Conf = {
      ...common,
      type: 'bridge',
      ...(key === 'isDefaultGateway' || key === 'isGateway' || key === 'ipMasq' ? { ipam } : {}),
    }
    expect((await shown(plain, command))[where]).not.toMatch(shows)
    expect((await shown({ ...plain, [key]: value }, command))[where]).toMatch(shows)
  })

  it('masquerades with nftables where that is asked for, and finds the rules again', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const conf = { ...bridge, ipMasq: true, ipMasqBackend: 'nftables' }
    const container = await box(host)
    const { json } = await cni(host, 'ADD', conf, { netns: container.netns })
    expect(await look(host, 'nft list ruleset')).toMatch(/ip saddr 10\.22\.0\.2 .*masquerade comment/)
    expect((await cni(host, 'CHECK', conf, { netns: container.netns, prevResult: json })).stdout).toBe('')
    await cni(host, 'DEL', conf, { netns: container.netns, prevResult: json })
    expect(await look(host, 'nft list ruleset')).not.toContain('10.22.0.2')
  })

  it('leaves the interface down and bare with disableContainerInterface', async () => {
    const { inside } = await shown(
      { ...common, type: 'bridge', disableContainerInterface: true },
      'ip -br link',
    )
    expect(inside).toMatch(/^eth0\S* +DOWN/m)
  })

  it('replaces the address of the bridge only with forceAddress', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh('ip link add cni0 type bridge && ip addr add 10.99.0.1/24 dev cni0 && ip link set cni0 up')
    const container = await box(host)
    const refused = await cni(host, 'ADD', bridge, { netns: container.netns })
    expect(refused.json).toMatchObject({ code: 100, msg: expect.stringContaining('10.99.0.1/24') })
    expect(await look(host, 'ls /var/lib/cni/networks/n1')).not.toContain('10.22.0')
    expect(
      (await cni(host, 'ADD', { ...bridge, forceAddress: true }, { netns: container.netns })).exitCode,
    ).toBe(0)
    expect(await look(host, 'ip -br -4 addr show cni0')).toMatch(/10\.22\.0\.1\/24 *$/m)
  })

  it('names the kernel option where VLANs are asked for and the kernel has none', async () => {
    const { inside, code } = await shown({ ...bridge, vlan: 7 }, 'ip -br link')
    if (code === 0) expect(inside).toContain('eth0')
    else expect(inside).toContain('CONFIG_BRIDGE_VLAN_FILTERING')
  })

  it('takes the MAC from the runtime, then args.cni, then CNI_ARGS', async () => {
    const mac = (n: number): string => `02:00:00:00:00:0${n}`
    const command = 'ip link show eth0 2>/dev/null || true'
    const args = { cni: { mac: mac(2) } }
    const first = await shown({ ...bridge, args, runtimeConfig: { mac: mac(1) } }, command, {
      args: `MAC=${mac(3)}`,
    })
    expect(first.inside).toContain(mac(1))
    expect((await shown({ ...bridge, args }, command, { args: `MAC=${mac(3)}` })).inside).toContain(mac(2))
    expect(
      (await shown(bridge, command, { args: `IgnoreUnknown=1;FOO=bar;MAC=${mac(3)}` })).inside,
    ).toContain(mac(3))
  })
})

describe('CHECK', () => {
  it.each<[what: string, break_: string, where: 'host' | 'inside', says: RegExp]>([
    ['an address', 'ip addr del 10.22.0.2/24 dev eth0', 'inside', /address 10\.22\.0\.2\/24 is missing/],
    ['the default route', 'ip route del default', 'inside', /route 0\.0\.0\.0\/0/],
    ['the interface', 'ip link del eth0', 'inside', /eth0 is missing/],
    ['the masquerade rules', 'iptables -t nat -F POSTROUTING', 'host', /masquerade rule is missing/],
    [
      'a published port',
      'iptables -t nat -F CNI-HOSTPORT-DNAT',
      'host',
      /rule is missing: CNI-HOSTPORT-DNAT/,
    ],
    ['the firewall rules', 'iptables -F CNI-FORWARD', 'host', /rule is missing: CNI-FORWARD/],
    ['the lease', 'rm /var/lib/cni/networks/n1/10.22.0.2', 'host', /Failed to find address/],
    [
      'the port of the bridge',
      'ip link set "$(bridge link | sed "s/^[0-9]*: \\([^@:]*\\).*/\\1/")" nomaster',
      'host',
      /no port of cni0/,
    ],
  ])('finds that %s is gone', async (_, break_, where, says) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await box(host)
    const list = usualList({ ports: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] })
    const prevResult = await addChain(host, list, { netns: container.netns })
    await (where === 'host' ? host : container).sh(break_)
    const said: string[] = []
    for (const conf of list)
      said.push((await cni(host, 'CHECK', conf, { netns: container.netns, prevResult })).json.msg ?? '')
    expect(said.join(' ')).toMatch(says)
    expect(await delChain(host, list, { netns: container.netns, prevResult })).toEqual([])
  })
})
