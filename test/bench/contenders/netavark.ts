/**
 * netavark, called as podman 4 calls it: Debian's own, and ours in its place.
 * podman hands out the addresses itself, so that part is not in their figures.
 *
 * @module
 */
import { type Box, type Contender, type Folders, hostPortOf, runProgram } from './contender.ts'
import { containerId } from './library.ts'
import { type Command, openStarter } from './starter.ts'

const config = '/run/netavark-bench'

export interface NetavarkSetting {
  /** Folder of helpers: Debian's, or `dist/podman` of this repository. */
  readonly whose: 'debian' | 'tsnet'
  readonly firewall: 'iptables' | 'nftables'
  /** Containers have names. */
  readonly dns?: true
}

export async function openNetavark(at: Folders, setting: NetavarkSetting): Promise<Contender> {
  const folder = setting.whose === 'debian' ? '/usr/lib/podman' : `${at.root}/dist/podman`
  const words = [`${folder}/netavark`, '--config', config, '--rootless=false'] as const
  const call = (command: 'setup' | 'teardown', box: Box): Command => ({
    argv: [...words, `--aardvark-binary=${folder}/aardvark-dns`, command, `/proc/${box.pid}/ns/net`],
    input: JSON.stringify(request(box, setting.dns === true)),
    env: { NETAVARK_FW: setting.firewall },
  })
  runProgram(['mkdir', '-p', config])
  const starter = openStarter(at)
  return {
    attach: (box) => starter.one(call('setup', box)),
    detach: (box) => starter.one(call('teardown', box)),
    together: {
      attach: (boxes) => starter.all(boxes.map((box) => call('setup', box))),
      detach: (boxes) => starter.all(boxes.map((box) => call('teardown', box))),
    },
    close: async () => starter.close(),
  }
}

function request(box: Box, dns: boolean): unknown {
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
        dns_enabled: dns,
        ipam_options: { driver: 'host-local' },
      },
    },
  }
}
