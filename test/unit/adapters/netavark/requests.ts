/**
 * What podman writes to netavark's standard input, of both generations, to be
 * changed by a test.
 *
 * @module
 */

export type Json = Record<string, unknown>

export interface Podman {
  /** The call as a whole. */
  readonly call: Json
  /** How the network is joined. */
  readonly joining: Json
  /** The network itself. */
  readonly network: Json
}

const networkId: string = '2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9'

function parts(): Omit<Podman, 'call'> {
  return {
    joining: { interface_name: 'eth0', static_ips: ['10.70.9.2'] },
    network: {
      name: 'front',
      id: networkId,
      driver: 'bridge',
      network_interface: 'podman9',
      subnets: [{ subnet: '10.70.9.0/24', gateway: '10.70.9.1' }],
      dns_enabled: false,
      internal: false,
      ipv6_enabled: false,
    },
  }
}

/** podman 4: networks as a map. */
export function podman4(change: (podman: Podman) => void = () => undefined): string {
  const { joining, network } = parts()
  const call = {
    container_id: '0123456789ab',
    container_name: 'web',
    networks: { front: joining },
    network_info: { front: network },
  }
  change({ call, joining, network })
  return JSON.stringify(call)
}

/** podman 5 and 6: networks as an array, servers of the container, a host name. */
export function podman6(change: (podman: Podman) => void = () => undefined): string {
  const { joining, network } = parts()
  const call = {
    container_id: '0123456789ab',
    container_name: 'web',
    container_hostname: 'web',
    networks: [{ name: 'front', ...joining }],
    network_info: { front: network },
    dns_servers: null,
    port_mappings: [],
  }
  change({ call, joining: call.networks[0] as Json, network })
  return JSON.stringify(call)
}

/** One published port. */
export function port(change: Json = {}): Json {
  return { host_ip: '', container_port: 80, host_port: 8080, protocol: 'tcp', range: 1, ...change }
}
