/**
 * Patients for examinations: a host in order, and what of it is otherwise.
 *
 * Network `shop` (10.90.0.0/24) on bridge `br0`, with container `web` (10.90.0.2); the way out is `eth0`, and the host
 * asks 198.51.100.2 for names.
 *
 * @module
 */
import type { Patient } from '../../../lib/inspect/doctor/patient.ts'
import type { BridgePort, InterfaceView, NamespaceView, RouteView } from '../../../lib/inspect/views.ts'
import type { Attachment, ContainerNetwork } from '../../../lib/model/attachment.ts'
import type { BridgeOptions, NetworkConfig } from '../../../lib/model/network.ts'

/** Branded texts (addresses, MACs) are written as they are. */
type Plain<T> = T extends string ? string : T extends object ? { readonly [K in keyof T]: Plain<T[K]> } : T
const branded = <T>(plain: Plain<T>): T => plain as T

export interface Otherwise {
  readonly network?: Partial<Plain<Omit<NetworkConfig, 'options'>>>
  readonly options?: Partial<Plain<BridgeOptions>>
  readonly container?: Plain<ContainerNetwork['container']>
  readonly attachment?: Partial<Plain<Attachment>>
  readonly resolver?: Partial<Plain<ContainerNetwork['resolver']>>
  /** Of the host, beside eth0, the bridge and what belongs to the container. */
  readonly links?: readonly (Pick<InterfaceView, 'name'> & Partial<Plain<InterfaceView>>)[]
  readonly routes?: readonly Plain<RouteView>[]
  /** Of the bridge. */
  readonly addresses?: readonly string[]
  readonly bridgeUp?: boolean
  /** What it is a port of. */
  readonly master?: string
  readonly port?: Partial<BridgePort>
  /** What the engines have written down as its name. */
  readonly called?: string
  readonly rest?: Partial<Plain<Pick<Patient, 'disagreements' | 'resolvers'>>> &
    Partial<Pick<Patient, 'rules' | 'sysctls'>>
}

const traffic = {
  ...{ rxBytes: 0, txBytes: 0, rxPackets: 0, txPackets: 0 },
  ...{ rxDropped: 0, txDropped: 0, errors: 0 },
}

function link(one: Pick<InterfaceView, 'name'> & Partial<Plain<InterfaceView>>, at: number): InterfaceView {
  const plain = {
    index: at + 1,
    kind: 'veth',
    mtuBytes: 1500,
    up: true,
    carrier: true,
    addresses: [],
    traffic,
  }
  return branded<InterfaceView>({ ...plain, ...one })
}

function namespace(id: string, rest: Pick<NamespaceView, 'name' | 'interfaces' | 'routes'>): NamespaceView {
  const own = id === 'host'
  const told = { id, cookie: id, own, foreignUser: false, netnsNames: [], mounts: [], pids: [] }
  return { ...told, path: `/proc/${id}/ns/net`, ...rest }
}

export function patientWith(otherwise: Otherwise = {}): Patient {
  const { addresses = ['10.90.0.1/24'], bridgeUp = true, master = 'br0', rest = {} } = otherwise
  const container = otherwise.container ?? { id: 'f00d', name: 'web' }
  const config = configOf(otherwise)
  const attachment = branded<Attachment>({
    ...{ network: 'shop', driver: config.driver, ifname: 'eth0', hostIfname: 'web-1', bridge: 'br0' },
    ...{ addresses: ['10.90.0.2/24'], gateways: ['10.90.0.1'], mac: '02:42:0a:5a:00:02', mtuBytes: 1500 },
    ...{ aliases: [], defaultRoute: [4], ports: [], firewall: 'nftables' },
    ...otherwise.attachment,
  })
  const record = branded<ContainerNetwork>({
    container,
    sandbox: { path: '/proc/1/ns/net', identity: { cookie: 'web', bootId: 'boot' } },
    mode: 'bridge',
    attachments: [attachment],
    hostAddresses: [],
    resolver: { servers: ['10.90.0.1'], search: [], options: [], hosts: [], ...otherwise.resolver },
    createdAt: '2026-11-22T00:00:00Z',
  })
  const port = { state: 'forwarding', hairpin: true, isolated: false, ...otherwise.port }
  const host = namespace('host', {
    name: 'host',
    interfaces: [
      { name: 'eth0', kind: '', addresses: ['198.51.100.1/24'] },
      { name: 'br0', kind: 'bridge', addresses, up: bridgeUp },
      { name: 'web-1', peer: { name: 'eth0', namespace: 'web' }, bridge: master },
      ...(otherwise.links ?? []),
    ].map(link),
    routes: branded<readonly RouteView[]>([
      { to: '0.0.0.0/0', via: '198.51.100.2', dev: 'eth0', metric: 0 },
      { to: '198.51.100.0/24', dev: 'eth0', metric: 0 },
      ...(addresses.length === 0 ? [] : [{ to: '10.90.0.0/24', dev: 'br0', metric: 0 }]),
      ...(otherwise.routes ?? []),
    ]),
  })
  const inside = {
    ...namespace('web', {
      name: otherwise.called ?? container.name ?? container.id.slice(0, 12),
      interfaces: [{ name: 'eth0', addresses: ['10.90.0.2/24'], bridge: master }].map(link),
      routes: branded<readonly RouteView[]>([
        { to: '0.0.0.0/0', via: '10.90.0.1', dev: 'eth0', metric: 0 },
        { to: '10.90.0.0/24', dev: 'eth0', metric: 0 },
      ]),
    }),
    record: container.id,
    container: { ...container, ...(otherwise.called === undefined ? {} : { name: otherwise.called }) },
  }
  return branded<Patient>({
    inventory: {
      namespaces: [host, inside],
      bridges: [
        {
          ...{ name: 'br0', id: '8000.0', stp: false, vlanFiltering: false, up: bridgeUp, mtuBytes: 1500 },
          ...{ addresses, network: 'shop', traffic },
          ports: master === 'br0' ? [{ name: 'web-1', ...port }] : [],
        },
      ],
      records: [record],
    },
    networks: [
      {
        config,
        live: true,
        containers: [{ ...container, ifname: 'eth0', addresses: attachment.addresses }],
        leases: [{ address: '10.90.0.2', owner: container.id }],
      },
    ],
    wayOut: { 4: undefined, 6: undefined },
    disagreements: [],
    sysctls: new Map([['net/ipv4/ip_forward', '1']]),
    rules: [],
    inside: new Map(),
    resolvers: [{ server: '198.51.100.2', answers: true }],
    ways: [],
    ...rest,
  } as Plain<Patient>)
}

function configOf({ network, options }: Otherwise): NetworkConfig {
  return branded<NetworkConfig>({
    name: 'shop',
    driver: 'bridge',
    internal: false,
    subnets: [{ subnet: '10.90.0.0/24', gateway: '10.90.0.1' }],
    labels: {},
    ephemeral: false,
    createdAt: '2026-11-22T00:00:00Z',
    ...network,
    options: { bridge: 'br0', masquerade: true, icc: true, hairpin: true, isolate: true, ...options },
  })
}
