/**
 * Every CNI plugin by itself: what each of its keys changes on a real host, and
 * the way back.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { addChain, box, type Conf, cni, delChain, reference, usualList } from './cni.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'macvlan', 'ipv6', 'cni-plugins')

const common = { cniVersion: '1.0.0', name: 'n1' }
const ipam = { type: 'host-local', ranges: [[{ subnet: '10.22.0.0/24' }]] }
const bridge: Conf = { ...common, type: 'bridge', bridge: 'cni0', isGateway: true, ipam }

async function look(place: Host | Container, command: string): Promise<string> {
  return (await place.sh(command)).stdout
}

/** ADD on a fresh host, what `command` shows then on the host and inside, and a DEL that must succeed. */
async function shown(
  conf: Conf,
  command: string,
  call: { readonly args?: string } = {},
): Promise<{ host: string; inside: string; code: number }> {
  await using lab = await createLab()
  const host = await lab.host('host')
  await host.sh(
    'ip link add out type veth peer name out2 && ip link set out up && ip link set out2 up && ip addr add 192.0.2.2/24 dev out && ip route add default via 192.0.2.1',
  )
  const container = await box(host)
  const added = await cni(host, 'ADD', conf, { netns: container.netns, ...call })
  if (added.exitCode !== 0)
    return { host: '', inside: `${added.json.msg} ${added.json.details ?? ''}`, code: added.json.code }
  const looks = { host: await look(host, command), inside: await look(container, command), code: 0 }
  expect((await cni(host, 'DEL', conf, { netns: container.netns, prevResult: added.json })).stdout).toBe('')
  expect(await look(container, 'ip -br link')).not.toContain('eth0')
  return looks
}

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
    await container.sh('ping -c1 -W2 10.22.0.1')
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
    await host.sh('ip link add dev7 type veth peer name other7')
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

describe('chained plugins', () => {
  async function chained(
    conf: Conf,
    command: string,
    call: { readonly args?: string } = {},
  ): Promise<{ host: string; inside: string; after: string; result: unknown }> {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await box(host)
    const list = [bridge, { ...common, ...conf }]
    const result = await addChain(host, list, { netns: container.netns, ...call })
    const [first, second] = [await look(host, command), await look(container, command)]
    const check = await cni(host, 'CHECK', list[1] as Conf, {
      netns: container.netns,
      prevResult: result,
      ...call,
    })
    expect(check.stdout).toBe('')
    expect(
      (await cni(host, 'DEL', list[1] as Conf, { netns: container.netns, prevResult: result, ...call }))
        .stdout,
    ).toBe('')
    return {
      host: first,
      inside: second,
      after: `${await look(host, command)}${await look(container, command)}`,
      result,
    }
  }

  it('tuning changes the interface and its settings, and puts the interface back', async () => {
    const keys = {
      mac: '02:00:00:00:00:09',
      mtu: 1300,
      promisc: true,
      allmulti: true,
      txQLen: 77,
      sysctl: { 'net.ipv4.conf.IFNAME.arp_filter': '1', 'net.core.somaxconn': '500' },
    }
    const command =
      'ip -d link show eth0 2>/dev/null || true; sysctl -n net.core.somaxconn net.ipv4.conf.eth0.arp_filter 2>/dev/null || true'
    const { inside, after, result } = await chained({ type: 'tuning', ...keys }, command)
    for (const shows of ['02:00:00:00:00:09', 'mtu 1300', 'PROMISC', 'ALLMULTI', 'qlen 77', '500\n1'])
      expect(inside).toContain(shows)
    for (const gone of ['02:00:00:00:00:09', 'mtu 1300', 'PROMISC', 'ALLMULTI', 'qlen 77'])
      expect(after).not.toContain(gone)
    expect(result).toMatchObject({ interfaces: [{}, {}, { name: 'eth0', mac: '02:00:00:00:00:09' }] })
  })

  it('bandwidth limits both ways, from keys or from the runtime', async () => {
    const limits = {
      ingressRate: 8_000_000,
      ingressBurst: 800_000,
      egressRate: 4_000_000,
      egressBurst: 800_000,
    }
    for (const conf of [limits, { runtimeConfig: { bandwidth: limits } }]) {
      const { host, after } = await chained({ type: 'bandwidth', ...conf }, 'tc qdisc show; ip -br link')
      expect(host).toMatch(/tbf .*rate 8Mbit/)
      expect(host).toMatch(/tbf .*rate 4Mbit/)
      expect(host).toMatch(/^bwp[0-9a-f]{12} /m)
      expect(after).not.toMatch(/tbf|bwp|ingress/)
    }
  })

  it('sbr routes by source address in a table of its own', async () => {
    const { inside, after } = await chained(
      { type: 'sbr' },
      'ip rule; ip route show table 100 2>/dev/null || true',
    )
    expect(inside).toMatch(/from 10\.22\.0\.2 lookup 100/)
    expect(inside).toMatch(/default via 10\.22\.0\.1 dev eth0/)
    expect(after).not.toContain('10.22.0.2 lookup')
  })

  it('vrf works, or names the kernel option that is missing', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await box(host)
    const first = await cni(host, 'ADD', bridge, { netns: container.netns })
    const vrf = await cni(
      host,
      'ADD',
      { ...common, type: 'vrf', vrfname: 'blue' },
      { netns: container.netns, prevResult: first.json },
    )
    if (vrf.exitCode === 0) expect(await look(container, 'ip -d link show eth0')).toContain('vrf_slave')
    else expect(vrf.json.msg).toContain('CONFIG_NET_VRF')
  })

  it.each([
    ['snat', false, /CNI-HOSTPORT-SETMARK/, true],
    ['masqAll', true, /CNI-DN-\w+ -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK/, false],
    ['markMasqBit', 5, /--set-xmark 0x20\/0x20/, false],
    ['conditionsV4', ['!', '-d', '192.0.2.0/24'], /CNI-HOSTPORT-DNAT ! -d 192\.0\.2\.0\/24 -p tcp/, false],
  ])('portmap: %s changes the rules', async (key, value, shows, without) => {
    const portmap = {
      type: 'portmap',
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
    }
    const plain = (await chained(portmap, 'iptables-save -t nat')).host
    const changed = (await chained({ ...portmap, [key]: value }, 'iptables-save -t nat')).host
    expect(shows.test(plain)).toBe(without)
    expect(shows.test(changed)).toBe(!without)
  })

  it('portmap publishes with nftables where that is asked for', async () => {
    const portmap = {
      type: 'portmap',
      backend: 'nftables',
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
    }
    const { host, after } = await chained(portmap, 'nft list ruleset')
    expect(host).toMatch(/tcp dport 8080 dnat to 10\.22\.0\.2:80 comment "c1"/)
    expect(after).not.toContain('8080')
  })

  it('portmap without ports does not touch any rule', async () => {
    const { host } = await chained(
      { type: 'portmap', runtimeConfig: { portMappings: [] } },
      'iptables-save; nft list ruleset',
    )
    expect(host).toBe('')
  })

  it.each([
    ['same-bridge', /-i cni0 ! -o cni0/],
    ['isolated', /-i cni0 -m comment/],
  ])('firewall: ingressPolicy %s keeps bridges apart', async (ingressPolicy, shows) => {
    expect((await chained({ type: 'firewall', ingressPolicy }, 'iptables-save')).host).toMatch(shows)
    expect((await chained({ type: 'firewall' }, 'iptables-save')).host).not.toContain('ISOLATION')
  })

  it('firewall has an admin chain of the name asked for', async () => {
    const { host } = await chained({ type: 'firewall', iptablesAdminChainName: 'MY-ADMIN' }, 'iptables-save')
    expect(host).toContain('-j MY-ADMIN')
  })
})

describe('the reference set', () => {
  it.each(['tuning', 'firewall'])('prints the same rules as our %s does', async (type) => {
    const dumps: string[] = []
    for (const from of [undefined, reference]) {
      await using lab = await createLab()
      const host = await lab.host('host')
      const container = await box(host)
      const list = [
        bridge,
        { ...common, type, ...(type === 'firewall' ? { ingressPolicy: 'same-bridge' } : {}) },
      ]
      await addChain(host, list, { netns: container.netns, ...(from === undefined ? {} : { from }) })
      dumps.push((await look(host, 'iptables-save')).replaceAll(/^#.*\n|\[\d+:\d+\]/gm, ''))
    }
    expect(dumps[0]).toBe(dumps[1])
  })
})
