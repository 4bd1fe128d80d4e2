/**
 * Debian's netavark, called as podman 4 calls it. Podman hands out the
 * addresses itself, so that part is not in its figures.
 *
 * @module
 */
import { type Box, type Contender, hostPortOf, runProgram, timed } from './contender.ts'
import { containerId } from './library.ts'

const program = '/usr/lib/podman/netavark'
const config = '/run/netavark-bench'

export async function openNetavark(): Promise<Contender> {
  runProgram(['mkdir', '-p', config])
  const call = (command: 'setup' | 'teardown', box: Box): string =>
    runProgram([program, '--config', config, command, `/proc/${box.pid}/ns/net`], {
      input: JSON.stringify(request(box)),
    })
  return {
    attach: (box) => timed(() => call('setup', box)),
    detach: (box) => timed(() => call('teardown', box)),
    close: async () => undefined,
  }
}

function request(box: Box): unknown {
  const address = `10.88.${(box.number + 2) >> 8}.${(box.number + 2) & 255}`
  const port = { container_port: 80, host_port: hostPortOf(box), host_ip: '', protocol: 'tcp', range: 1 }
  return {
    container_id: containerId(box),
    container_name: `c${box.number}`,
    port_mappings: [port],
    networks: { podman: { static_ips: [address], interface_name: 'eth0' } },
    network_info: {
      podman: {
        name: 'podman',
        id: '2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9',
        driver: 'bridge',
        network_interface: 'podman0',
        created: '2026-11-21T00:00:00Z',
        subnets: [{ subnet: '10.88.0.0/16', gateway: '10.88.0.1' }],
        ipv6_enabled: false,
        internal: false,
        dns_enabled: false,
        ipam_options: { driver: 'host-local' },
      },
    },
  }
}
