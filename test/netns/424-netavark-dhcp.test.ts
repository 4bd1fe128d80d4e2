/**
 * ipam driver `dhcp` of podman networks, with a real server: dnsmasq in another
 * host.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { type Json, podman6 } from '../unit/adapters/netavark/requests.ts'

needs('root', 'ip', 'veth', 'bridge', 'macvlan', 'dnsmasq', 'built')

const networks: readonly (readonly [string, Json])[] = [
  ['macvlan', { driver: 'macvlan', network_interface: 'eth0' }],
  ['an unmanaged bridge', { network_interface: 'br0', options: { mode: 'unmanaged' } }],
]

interface Way {
  readonly verb: string
  /** Of the network. */
  readonly fields: Json
  readonly expectExit?: number
}

/** A network without subnets; whoever serves it has the addresses. */
function call(host: Host, box: Container, { verb, fields, expectExit = 0 }: Way) {
  const input = podman6(({ network, joining }) => {
    const routes = [{ destination: '10.9.0.0/16', route_type: 'prohibit' }]
    Object.assign(network, fields, { ipam_options: { driver: 'dhcp' }, routes })
    delete network['subnets']
    delete joining['static_ips']
  })
  return host.run(
    [
      ...['sh', '-c', 'printf %s "$INPUT" | "$@"', 'sh', `${repository}dist/podman/netavark`],
      ...['--config', '/run/nv', verb, box.netns],
    ],
    { env: { INPUT: input, TSNET_VIA: 'local' }, expectExit },
  )
}

describe('ipam driver dhcp', () => {
  it.each(networks)('leases an address over %s, tells it, and releases it at teardown', async (_, fields) => {
    await using lab = await createLab()
    const [host, outside] = [await lab.host('host'), await lab.host('outside')]
    await lab.wire(host, outside, '198.51.100.0/24')
    if (fields['network_interface'] === 'br0')
      await host.sh('ip link add br0 type bridge && ip link set br0 up && ip link set eth0 master br0')
    const server = outside.start([
      ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--no-ping', '--log-dhcp'],
      ...['--log-facility=-', '--dhcp-authoritative', '--dhcp-leasefile=/run/leases'],
      ...['--dhcp-range=198.51.100.50,198.51.100.60,255.255.255.0,2m', '--dhcp-option=6,192.0.2.53'],
      '--domain=lan.example',
    ])
    await server.waitFor('DHCP, IP range')
    const box = await lab.container(host)
    const before = await snapshot(host)
    const netavark = (verb: string) => call(host, box, { verb, fields })
    const { front } = JSON.parse((await netavark('setup')).stdout)
    const { ipnet } = front.interfaces.eth0.subnets[0]
    expect(front).toEqual({
      dns_search_domains: ['lan.example'],
      dns_server_ips: ['192.0.2.53'],
      interfaces: {
        eth0: {
          mac_address: (await box.sh("ip -o link show eth0 | grep -o 'ether [0-9a-f:]*'")).stdout
            .trim()
            .slice('ether '.length),
          subnets: [{ gateway: '198.51.100.2', ipnet: expect.stringMatching(/^198\.51\.100\.[56]\d\/24$/) }],
        },
      },
    })
    expect((await box.sh('ip -o -4 addr show eth0')).stdout).toContain(`inet ${ipnet} `)
    expect((await box.sh('ip route show default')).stdout).toContain('via 198.51.100.2')
    expect((await box.sh('ip route show type prohibit')).stdout.trim()).toBe(
      'prohibit 10.9.0.0/16 metric 100',
    )
    await box.sh('ping -c3 -i0.2 -W5 198.51.100.2')
    // The host name, for a server that answers for names.
    expect((await outside.sh('cat /run/leases')).stdout).toContain(' web ')
    await netavark('teardown')
    expect((await box.sh('ip route')).stdout).toBe('')
    await server.waitFor(`DHCPRELEASE(eth0) ${String(ipnet).replace('/24', '')}`)
    // The keeper ends with its last lease.
    await host.sh('while [ -e /run/cni ]; do sleep 0.05; done')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('says within netavark’s 8 s that no server answers, and leaves nothing', async () => {
    await using lab = await createLab()
    const [host, outside] = [await lab.host('host'), await lab.host('outside')]
    await lab.wire(host, outside, '198.51.100.0/24')
    const box = await lab.container(host)
    const before = await snapshot(host)
    const [, fields] = networks[0] as (typeof networks)[number]
    const { stdout, exitCode } = await call(host, box, { verb: 'setup', fields, expectExit: 1 })
    expect({ exitCode, stdout }).toEqual({
      exitCode: 1,
      stdout: `${JSON.stringify({
        error:
          'unable to obtain lease: asking for an address by DHCP for 0123456789ab/front/eth0: no server has given one in 8 s; ' +
          'is the interface on a network with a DHCP server? tcpdump -ni any port 67 shows the questions',
      })}\n`,
    })
    await host.sh('while [ -e /run/cni ]; do sleep 0.05; done')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})
