/** Records as an engine answers them, for tests of what is printed. */
import type { ContainerLink, ContainerNetwork, NetworkInspect } from '../../../lib/index.ts'

type Plain<T> = T extends string ? string : T extends object ? { readonly [K in keyof T]: Plain<T[K]> } : T

/** Branded texts (addresses, MACs) are written as they are. */
const branded = <T>(plain: Plain<T>): T => plain as T

const identity = { cookie: '5001', bootId: 'fef6033d-a51c-49ed-87e0-a7901c995242' }
const nothing = { servers: [], search: [], options: [], hosts: [] }

export const web: ContainerNetwork = branded<ContainerNetwork>({
  container: { id: '8c1f6a0e2b77d1b7c0ffee', name: 'web' },
  sandbox: { path: '/proc/4242/ns/net', identity },
  mode: 'bridge',
  attachments: [
    {
      network: 'tsnet',
      driver: 'bridge',
      ifname: 'eth0',
      hostIfname: 'web-3f2a1',
      bridge: 'tsnet0',
      addresses: ['10.89.0.2/24', 'fd12:3456:789a:1::2/64'],
      gateways: ['10.89.0.1', 'fd12:3456:789a:1::1'],
      mac: '02:42:0a:59:00:02',
      mtuBytes: 1500,
      aliases: [],
      defaultRoute: [4, 6],
      ports: [
        { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
        { hostAddress: '127.0.0.1', hostPort: 5000, containerPort: 5000, count: 10, protocol: 'udp' },
      ],
      firewall: 'nftables',
    },
  ],
  hostAddresses: [],
  resolver: {
    servers: ['192.0.2.53'],
    search: ['example.test'],
    options: ['ndots:2'],
    hosts: [{ name: 'host.containers.internal', address: '10.89.0.1' }],
  },
  createdAt: '2026-11-21T09:37:01.969Z',
})

export const db: ContainerNetwork = branded<ContainerNetwork>({
  container: { id: 'db' },
  sandbox: { path: '/run/netns/db', identity },
  mode: 'bridge',
  attachments: [
    {
      network: 'shop',
      driver: 'bridge',
      ifname: 'eth0',
      hostIfname: 'db-38803',
      bridge: 'ts-shop-8d900',
      addresses: ['10.90.0.7/24'],
      gateways: ['10.90.0.1'],
      mac: '02:42:0a:5a:00:07',
      mtuBytes: 1400,
      aliases: ['sql', 'postgres'],
      defaultRoute: [],
      ports: [],
      firewall: 'iptables',
    },
    {
      network: 'backoffice-of-the-whole-company',
      driver: 'bridge',
      ifname: 'wan0',
      hostIfname: 'db-bf8c4',
      bridge: 'ts-backof-1c0de',
      addresses: ['10.89.1.3/24'],
      gateways: ['10.89.1.1'],
      mac: '02:42:0a:59:01:03',
      mtuBytes: 1500,
      aliases: [],
      defaultRoute: [4],
      ports: [{ hostPort: 52785, containerPort: 5432, count: 1, protocol: 'tcp' }],
      firewall: 'iptables',
    },
  ],
  hostAddresses: [],
  resolver: nothing,
  createdAt: '2026-11-21T09:40:00.000Z',
})

export const onHost: ContainerNetwork = branded<ContainerNetwork>({
  container: { id: 'metrics' },
  sandbox: { path: '/proc/1/ns/net', identity },
  mode: 'host',
  attachments: [],
  hostAddresses: ['198.51.100.1/24', '2001:db8:1::1/64'],
  resolver: nothing,
  createdAt: '2026-11-21T09:40:00.000Z',
})

export const sql: ContainerLink = branded<ContainerLink>({
  container: '9b1c',
  alias: 'sql',
  network: 'shop',
  names: ['sql', '9b1c', 'db'],
  addresses: ['10.90.0.7', 'fd00:90::7'],
  env: {},
})

export const shop: NetworkInspect = branded<NetworkInspect>({
  config: {
    name: 'shop',
    driver: 'bridge',
    internal: false,
    subnets: [
      {
        subnet: '10.90.0.0/24',
        gateway: '10.90.0.1',
        range: '10.90.0.128/25',
        reserved: { printer: '10.90.0.200' },
      },
      { subnet: 'fd00:90::/64', gateway: 'fd00:90::1' },
    ],
    options: {
      bridge: 'ts-shop-8d900',
      masquerade: true,
      icc: false,
      hairpin: true,
      isolate: true,
      mtuBytes: 1400,
    },
    labels: {},
    ephemeral: false,
    createdAt: '2026-11-21T09:37:02.549Z',
  },
  live: false,
  containers: [],
  leases: [],
})

export const defaultNetwork: NetworkInspect = branded<NetworkInspect>({
  config: {
    name: 'tsnet',
    driver: 'bridge',
    internal: false,
    subnets: [{ subnet: '10.89.0.0/24', gateway: '10.89.0.1' }],
    options: { bridge: 'tsnet0', masquerade: true, icc: true, hairpin: true, isolate: true },
    labels: {},
    ephemeral: true,
    createdAt: '2026-11-21T09:37:01.900Z',
  },
  live: true,
  containers: [{ id: '8c1f6a0e2b77d1b7c0ffee', name: 'web', ifname: 'eth0', addresses: ['10.89.0.2/24'] }],
  leases: [{ address: '10.89.0.2', owner: '8c1f6a0e2b77d1b7c0ffee' }],
})
