/**
 * ipam driver `dhcp` of podman networks, with a real server: dnsmasq in another
 * host.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
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
    const input = podman6(({ network, joining }) => {
      Object.assign(network, fields, { ipam_options: { driver: 'dhcp' } })
      delete network['subnets']
      delete joining['static_ips']
    })
    const netavark = (verb: string) =>
      host.run(
        [
          ...['sh', '-c', 'printf %s "$INPUT" | "$@"', 'sh', `${repository}dist/podman/netavark`],
          ...['--config', '/run/nv', verb, box.netns],
        ],
        { env: { INPUT: input, TSNET_VIA: 'local' } },
      )
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
    expect((await box.sh('ping -c1 -W2 198.51.100.2')).stdout).toContain('1 received')
    // The host name, for a server that answers for names.
    expect((await outside.sh('cat /run/leases')).stdout).toContain(' web ')
    await netavark('teardown')
    await server.waitFor(`DHCPRELEASE(eth0) ${String(ipnet).replace('/24', '')}`)
    // The keeper ends with its last lease.
    await host.sh('while [ -e /run/cni ]; do sleep 0.05; done')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})
