/**
 * The CNI plugins that change what others made: what their keys change on a real
 * host, the way back, and the reference set beside them.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { addChain, box, type Conf, cni, ours, reference } from './cni.ts'
import { bridge, chained, common, look } from './cnishown.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6', 'cni-plugins')

describe('chained plugins', () => {
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

  const tuned = {
    ...common,
    type: 'tuning',
    mac: '02:00:00:00:00:09',
    mtu: 1300,
    promisc: true,
    allmulti: true,
    dataDir: '/run/tuned',
  }
  /** Without what the kernel tells a little after the link was set up: the reference sets it down for a new MAC. */
  const looks = async (container: Container): Promise<string> =>
    (await look(container, 'ip link show eth0')).replace(/^\d+: |state \S+|NO-CARRIER,|,LOWER_UP/gm, '')

  it.each([
    ['ours what the reference set noted', reference, ours],
    ['the reference set what ours noted', ours, reference],
    ['ours what ours noted', ours, ours],
  ])('tuning: %s is put back from dataDir, and the note goes', async (_, made, takesDown) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await box(host)
    const call = { netns: container.netns }
    const first = await cni(host, 'ADD', bridge, call)
    const before = await looks(container)
    const { json } = await cni(host, 'ADD', tuned, { ...call, from: made, prevResult: first.json })
    expect(await looks(container)).toContain('mtu 1300')
    expect(JSON.parse(await look(host, 'cat /run/tuned/c1_eth0.json'))).toMatchObject({
      mtu: 1500,
      promisc: false,
      allmulti: false,
    })
    expect((await cni(host, 'CHECK', tuned, { ...call, prevResult: json })).stdout).toBe('')
    expect((await cni(host, 'DEL', tuned, { ...call, from: takesDown, prevResult: json })).stdout).toBe('')
    expect(await looks(container)).toBe(before)
    expect(await look(host, 'ls /run/tuned')).toBe('')
  })

  it('tuning sets only what the administrator allows, where there is a list', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await box(host)
    const call = { netns: container.netns }
    const { json: prevResult } = await cni(host, 'ADD', bridge, call)
    await host.sh('mkdir -p /etc/cni/tuning; echo "^net.core.somaxconn$" > /etc/cni/tuning/allowlist.conf')
    const conf = (sysctl: Record<string, string>): Conf => ({ ...common, type: 'tuning', sysctl })
    const refused = await cni(host, 'ADD', conf({ 'net.core.somaxconn': '500', 'net.ipv4.tcp_sack': '0' }), {
      ...call,
      prevResult,
    })
    expect(refused.json).toMatchObject({
      code: 7,
      msg: expect.stringContaining('net.ipv4.tcp_sack is not allowed'),
    })
    expect(await look(container, 'sysctl -n net.core.somaxconn')).not.toBe('500\n')
    const allowed = await cni(host, 'ADD', conf({ 'net.core.somaxconn': '500' }), { ...call, prevResult })
    expect(allowed.exitCode).toBe(0)
    expect(await look(container, 'sysctl -n net.core.somaxconn')).toBe('500\n')
  })

  it.each([
    ['shapedSubnets', ['192.0.2.0/24'], { '10.22.0.1': 'past', '192.0.2.9': 'limited' }],
    ['unshapedSubnets', ['192.0.2.0/24'], { '10.22.0.1': 'limited', '192.0.2.9': 'past' }],
    ['shapedSubnets', [], { '10.22.0.1': 'one bucket', '192.0.2.9': 'one bucket' }],
  ])('bandwidth: %s %j leaves the others their speed', async (key, subnets, ways) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh('ip link set lo up; ip addr add 192.0.2.9/32 dev lo')
    const container = await box(host)
    const call = { netns: container.netns }
    const first = await cni(host, 'ADD', { ...bridge, isDefaultGateway: true }, call)
    const rates = { ingressRate: 8e6, ingressBurst: 8e5, egressRate: 8e6, egressBurst: 8e5 }
    const conf = { ...common, type: 'bandwidth', ...rates, [key]: subnets }
    const { json } = await cni(host, 'ADD', conf, { ...call, prevResult: first.json })
    const [, veth] = json.interfaces
    const ifb = json.interfaces.find(({ name }) => name.startsWith('bwp'))
    const inClass = async (): Promise<number | undefined> => {
      const shows = await look(host, `tc -s class show dev ${veth?.name}; tc -s class show dev ${ifb?.name}`)
      const counts = [...shows.matchAll(/class htb .*\n Sent (\d+) bytes/g)].map(([, bytes]) => Number(bytes))
      return counts.length === 0 ? undefined : counts.reduce((sum, n) => sum + n, 0)
    }
    const way = async (from: string): Promise<string> => {
      const before = await inClass()
      await host.sh(`ping -c3 -i0.2 -W5 -s 1000 -I ${from} 10.22.0.2`)
      const after = await inClass()
      if (before === undefined || after === undefined) return 'one bucket'
      // Three echoes of 1,042 bytes each way. ARP and the kernel's own IPv6 packets (solicitations, reports) may be
      // among them at any time, and are limited with everything that is not named: 15 of them are not 3,000 bytes.
      return after - before >= 6000 ? 'limited' : 'past'
    }
    expect({ '10.22.0.1': await way('10.22.0.1'), '192.0.2.9': await way('192.0.2.9') }).toEqual(ways)
    expect((await cni(host, 'CHECK', conf, { ...call, prevResult: json })).stdout).toBe('')
    expect((await cni(host, 'DEL', conf, { ...call, prevResult: json })).stdout).toBe('')
    expect(await look(host, 'tc qdisc show')).not.toMatch(/htb|tbf|ingress/)
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
