/**
 * `dhcp` with a real server: dnsmasq in another host, over a wire.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import type { Background } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { box, type Conf, cni, ours } from './cni.ts'
import { linksUp } from './traceless.ts'

needs('root', 'ip', 'veth', 'bridge', 'macvlan', 'dnsmasq', 'cni-plugins')

const lan: Conf = {
  cniVersion: '1.1.0',
  name: 'lan',
  type: 'macvlan',
  master: 'eth0',
  ipam: { type: 'dhcp' },
}

const range = '--dhcp-range=198.51.100.50,198.51.100.60,255.255.255.0,2m'

interface Street {
  readonly host: Host
  readonly outside: Host
  readonly server: Background
  readonly container: Container
}

/** A host, and a server beyond its eth0 that gives 198.51.100.50 to 60 and tells what it is asked. */
async function street(lab: Lab, ...flags: string[]): Promise<Street> {
  const [host, outside] = [await lab.host('host'), await lab.host('outside')]
  await lab.wire(host, outside, '198.51.100.0/24')
  return { host, outside, server: await serve(outside, ...flags), container: await box(host) }
}

async function serve(outside: Host, ...flags: string[]): Promise<Background> {
  const server = outside.start([
    'dnsmasq',
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--port=0',
    '--no-ping',
    '--log-dhcp',
    '--log-facility=-',
    '--dhcp-authoritative',
    '--dhcp-leasefile=/run/leases',
    ...(flags.some((flag) => flag.startsWith('--dhcp-range')) ? [] : [range]),
    ...flags,
  ])
  await server.waitFor('DHCP, IP range')
  return server
}

/** The keeper of this host alone: other test files have some, too, and pids are seen by all. */
const killKeeper = `
for pid in $(pgrep -f 'dhcp [d]aemon'); do
  [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/$$/ns/net)" ] || kill -9 $pid
done
rm /run/cni/dhcp.sock`

const addressOf = async (container: Container): Promise<string> =>
  (await container.sh('ip -br -4 addr show eth0')).stdout.trim().split(/\s+/).slice(1).join(' ')

describe('dhcp', () => {
  it('leases an address for a macvlan, starts its daemon for it, and gives all back on DEL', async () => {
    await using lab = await createLab()
    const { host, server, container } = await street(lab)
    const before = await snapshot(host)
    const call = { netns: container.netns }
    const { json } = await cni(host, 'ADD', lan, call)
    const address = json.ips[0]?.address as string
    expect(json).toMatchObject({
      interfaces: [{ name: 'eth0', sandbox: container.netns }],
      ips: [
        {
          address: expect.stringMatching(/^198\.51\.100\.[56]\d\/24$/),
          gateway: '198.51.100.2',
          interface: 0,
        },
      ],
      routes: [{ dst: '0.0.0.0/0', gw: '198.51.100.2' }],
    })
    await linksUp(container, 'eth0')
    expect(await addressOf(container)).toBe(`UP ${address}`)
    expect((await container.sh('ping -c3 -i0.2 -W5 198.51.100.2')).exitCode).toBe(0)
    expect((await cni(host, 'CHECK', lan, { ...call, prevResult: json })).stdout).toBe('')
    expect((await cni(host, 'DEL', lan, { ...call, prevResult: json })).stdout).toBe('')
    await server.waitFor(`DHCPRELEASE(eth0) ${address.replace('/24', '')}`)
    const gone = await cni(host, 'CHECK', lan, { ...call, prevResult: json })
    expect(gone.json.msg).toBe('dhcp: container c1 has no lease for eth0')
    expect((await cni(host, 'DEL', lan, { ...call, prevResult: json })).stdout).toBe('')
    // The daemon ends with its last lease.
    await host.sh('while [ -e /run/cni ]; do sleep 0.05; done')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('works with a bridge that leads to the server, and the same container gets the same address again', async () => {
    await using lab = await createLab()
    const { host, container } = await street(lab)
    await host.sh('ip link add br0 type bridge && ip link set br0 up && ip link set eth0 master br0')
    const conf = { ...lan, type: 'bridge', bridge: 'br0' }
    const addresses: unknown[] = []
    for (let round = 0; round < 2; round++) {
      const { json } = await cni(host, 'ADD', conf, { netns: container.netns })
      addresses.push(json.ips[0]?.address)
      await linksUp(container, 'eth0')
      expect(await addressOf(container)).toBe(`UP ${String(addresses[0])}`)
      expect((await host.tsnet('ls')).stdout).toContain(String(addresses[0]).replace('/24', ''))
      await cni(host, 'DEL', conf, { netns: container.netns })
    }
    expect(addresses[1]).toBe(addresses[0])
  })

  it('tells the server what is provided, from the configuration and from CNI_ARGS', async () => {
    await using lab = await createLab()
    const { host, outside, server, container } = await street(lab)
    const ipam = {
      type: 'dhcp',
      provide: [
        { option: 'host-name', fromArg: 'K8S_POD_NAME' },
        { option: '60', value: 'tsnet-test' },
      ],
    }
    const args = 'IgnoreUnknown=1;K8S_POD_NAME=web-0'
    await cni(host, 'ADD', { ...lan, ipam }, { netns: container.netns, args })
    for (const said of ['client provides name: web-0', 'vendor class: tsnet-test']) await server.waitFor(said)
    // A zero, then id/network/ifname.
    const clientId = Buffer.from('\0c1/lan/eth0').toString('hex').match(/../g)?.join(':')
    expect((await outside.sh('cat /run/leases')).stdout).toContain(` web-0 ${clientId}`)
  })

  it.each<
    [what: string, request: readonly unknown[], flags: readonly string[], routes: unknown, dns: unknown]
  >([
    ['the router', [], [], [{ dst: '0.0.0.0/0', gw: '198.51.100.2' }], undefined],
    [
      'classless routes instead of the router',
      [{ option: '121' }],
      ['--dhcp-option=121,192.0.2.0/24,198.51.100.9,203.0.113.0/24,0.0.0.0'],
      [
        { dst: '192.0.2.0/24', gw: '198.51.100.9' },
        { dst: '203.0.113.0/24', scope: 253 },
      ],
      undefined,
    ],
    [
      'names and servers, where they are asked for',
      [{ option: 'domain-name-servers' }, { option: 'domain-name' }, { option: 'domain-search' }],
      [
        '--dhcp-option=6,198.51.100.7',
        '--dhcp-option=15,example.test',
        '--dhcp-option=119,a.example.test,b.example.test',
      ],
      [{ dst: '0.0.0.0/0', gw: '198.51.100.2' }],
      {
        nameservers: ['198.51.100.7'],
        domain: 'example.test',
        search: ['a.example.test', 'b.example.test'],
      },
    ],
    ['no router', [{ option: 'subnet-mask', skipDefault: true }], [], undefined, undefined],
  ])('takes over %s', async (_, request, flags, routes, dns) => {
    await using lab = await createLab()
    const { host, container } = await street(lab, ...flags)
    const { json } = await cni(
      host,
      'ADD',
      { ...lan, ipam: { type: 'dhcp', request } },
      { netns: container.netns },
    )
    expect({ routes: json.routes, dns: json.dns }).toEqual({ routes, dns })
    const table = (await container.sh('ip -4 route')).stdout
    for (const { dst } of (routes ?? []) as { readonly dst: string }[])
      expect(table).toContain(dst === '0.0.0.0/0' ? 'default' : dst)
  })

  it('gives routes the metric that is asked for', async () => {
    await using lab = await createLab()
    const { host, container } = await street(lab)
    const ipam = { type: 'dhcp', priority: 77 }
    const { json } = await cni(host, 'ADD', { ...lan, ipam }, { netns: container.netns })
    expect(json.routes).toEqual([{ dst: '0.0.0.0/0', gw: '198.51.100.2', priority: 77 }])
    expect((await container.sh('ip route show default')).stdout).toContain('metric 77')
  })

  it('renews, goes on with its leases after the daemon was killed, and ends where the server says so', {
    // The waits below are longer together than a test has.
    timeout: 240_000,
  }, async () => {
    await using lab = await createLab()
    const { host, outside, server, container } = await street(lab, '--dhcp-option=58,2', '--dhcp-option=59,4')
    const { json } = await cni(host, 'ADD', lan, { netns: container.netns })
    const address = json.ips[0]?.address.replace('/24', '') as string
    const ack = `DHCPACK(eth0) ${address}`
    await server.waitFor(new RegExp(`(${ack.replace(/[().]/g, '\\$&')}[^]*){2}`))
    // Another keeper finds the leases of the killed one.
    await host.sh(killKeeper)
    const daemon = host.start([`${ours}/dhcp`, 'daemon'])
    await server.waitFor(new RegExp(`(${ack.replace(/[().]/g, '\\$&')}[^]*){3}`))
    // It listens when it has asked for all it keeps.
    await host.sh('until [ -S /run/cni/dhcp.sock ]; do sleep 0.05; done')
    expect((await cni(host, 'CHECK', lan, { netns: container.netns, prevResult: json })).stdout).toBe('')
    // A server that gives nothing of the kind any more.
    await server.stop()
    await outside.sh('rm /run/leases')
    await serve(outside, '--dhcp-range=198.51.100.70,198.51.100.71,255.255.255.0,2m')
    // Where nobody has heard its first two requests, the next one is a minute later (RFC 2131, 4.4.5).
    await daemon.waitFor('has ended', 90_000)
    expect(await addressOf(container)).toMatch(/^DOWN/)
    await daemon.stop()
  })

  it('GC releases what is not in the list; STATUS wants a daemon where another place is named', async () => {
    await using lab = await createLab()
    const { host, server, container } = await street(lab)
    const other = await box(host)
    await cni(host, 'ADD', lan, { id: 'keep', netns: container.netns })
    const { json } = await cni(host, 'ADD', lan, { id: 'drop', netns: other.netns })
    const gc = { ...lan, 'cni.dev/valid-attachments': [{ containerID: 'keep', ifname: 'eth0' }] }
    expect((await cni(host, 'GC', gc)).stdout).toBe('')
    await server.waitFor(`DHCPRELEASE(eth0) ${json.ips[0]?.address.replace('/24', '')}`)
    expect(server.output().match(/DHCPRELEASE/g)).toHaveLength(1)
    await linksUp(container, 'eth0')
    expect(await addressOf(container)).toMatch(/^UP 198/)
    expect((await cni(host, 'STATUS', lan)).stdout).toBe('')
    const elsewhere = { ...lan, ipam: { type: 'dhcp', daemonSocketPath: '/run/cni/other.sock' } }
    expect((await cni(host, 'STATUS', elsewhere)).json).toMatchObject({
      code: 50,
      msg: 'no DHCP daemon answers at /run/cni/other.sock',
    })
    const refused = await cni(host, 'ADD', elsewhere, { id: 'third', netns: (await box(host)).netns })
    expect(refused.json).toMatchObject({ code: 50, details: 'start one: /opt/cni/bin/dhcp daemon' })
  })

  it('gives up where no server answers, and leaves no interface', async () => {
    await using lab = await createLab()
    const { host, server, container } = await street(lab)
    await server.stop()
    const daemon = host.start([`${ours}/dhcp`, 'daemon', '--resendtimeout=1s', '-timeout', '300ms'])
    await host.sh('until [ -S /run/cni/dhcp.sock ]; do sleep 0.05; done')
    const before = await snapshot(host)
    const { json } = await cni(host, 'ADD', lan, { netns: container.netns })
    expect(json).toMatchObject({
      code: 11,
      msg: 'asking for an address by DHCP for c1/lan/eth0: no server has given one in 1 s',
    })
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    expect((await container.sh('ip -br link')).stdout).not.toContain('eth0')
    await daemon.stop()
  })

  it('serves the interface plugins of the reference set', async () => {
    await using lab = await createLab()
    const { host, container } = await street(lab)
    const conf = { ...lan, cniVersion: '1.0.0' }
    const added = await cni(host, 'ADD', conf, { netns: container.netns, from: '/usr/lib/cni', path: ours })
    expect(added.json.ips).toMatchObject([{ gateway: '198.51.100.2' }])
    const deleted = await cni(host, 'DEL', conf, { netns: container.netns, from: '/usr/lib/cni', path: ours })
    expect(deleted.exitCode).toBe(0)
  })
})
