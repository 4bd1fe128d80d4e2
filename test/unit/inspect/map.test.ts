/**
 * The map of one host, in every form it has; the golden files are looked at by people, the picture in a browser.
 */
import { describe, expect, it } from 'vitest'
import {
  type HostMap,
  type InterfaceView,
  type Inventory,
  mapMermaid,
  mapOf,
  mapSvg,
  mapText,
  type NamespaceView,
} from '../../../lib/index.ts'

/** Branded texts (addresses, MACs) are written as they are. */
type Plain<T> = T extends string ? string : T extends object ? { readonly [K in keyof T]: Plain<T[K]> } : T
const branded = <T>(plain: Plain<T>): T => plain as T

const traffic = {
  rxBytes: 1200,
  txBytes: 800,
  rxPackets: 10,
  txPackets: 8,
  rxDropped: 0,
  txDropped: 0,
  errors: 0,
}

interface Link {
  readonly name: string
  readonly addresses?: readonly string[]
  /** `NAMESPACE:INTERFACE`. */
  readonly peer?: string
  readonly bridge?: string
}

function link({ name, addresses = [], peer, bridge }: Link, at: number): InterfaceView {
  const [namespace = '', end = ''] = peer?.split(':') ?? []
  return branded<InterfaceView>({
    name,
    index: at + 1,
    kind: name === 'lo' ? '' : peer === undefined && name.startsWith('ts') ? 'bridge' : 'veth',
    mtuBytes: 1500,
    up: true,
    carrier: true,
    addresses,
    traffic,
    ...(peer === undefined ? {} : { peer: { name: end, namespace } }),
    ...(bridge === undefined ? {} : { bridge }),
  })
}

function namespace(
  id: string,
  links: readonly Link[],
  more: Partial<Pick<NamespaceView, 'own' | 'engine' | 'record' | 'routes'>> & {
    readonly name?: string
  } = {},
): NamespaceView {
  const { name = id, ...rest } = more
  return {
    id,
    cookie: `1${id}`,
    name,
    own: false,
    ...(rest.own || rest.engine === 'ip netns' ? {} : { container: { id: `${id}0000`, name } }),
    foreignUser: false,
    netnsNames: rest.engine === 'ip netns' ? [name] : [],
    mounts: [],
    pids: [],
    path: `/proc/${id}/ns/net`,
    interfaces: links.map(link),
    routes: [],
    ...rest,
  }
}

const long = 'a-container-with-a-rather-long-name-9f3a'
const ends = [
  { inside: 'web', host: 'web-6cefc', bridge: 'ts-front-2d8d6', address: '10.90.0.2/24' },
  { inside: 'api', host: 'api-89b5c', bridge: 'ts-front-2d8d6', address: '10.90.0.3/24' },
  { inside: long, host: 'a-contain-fa68b', bridge: 'ts-front-2d8d6', address: '10.90.0.4/24' },
  { inside: 'old', host: 'veth1a2b', bridge: 'docker0', address: '172.17.0.2/16' },
]

function bridge(name: string, addresses: readonly string[], network?: string): Inventory['bridges'][number] {
  return branded<Inventory['bridges'][number]>({
    name,
    id: '8000.02420a590001',
    stp: false,
    vlanFiltering: false,
    up: name !== 'ts-empty-77777',
    mtuBytes: 1500,
    addresses,
    ...(network === undefined ? {} : { network }),
    ...(network === 'empty' ? { internal: true } : {}),
    ports: ends
      .filter((end) => end.bridge === name)
      .map(({ host }) => ({ name: host, state: 'forwarding', hairpin: false, isolated: false })),
    traffic,
  })
}

/** A record of tsnet: what the map takes of it is ports. */
const record = branded<Inventory['records'][number]>({
  container: { id: 'web0000', name: 'web' },
  sandbox: { path: '/proc/web/ns/net', identity: { cookie: '1web', bootId: 'b' } },
  mode: 'bridge',
  attachments: [
    {
      network: 'front',
      driver: 'bridge',
      ifname: 'eth0',
      hostIfname: 'web-6cefc',
      bridge: 'ts-front-2d8d6',
      addresses: ['10.90.0.2/24', 'fd00:90::2/64'],
      gateways: ['10.90.0.1'],
      mac: '02:42:0a:5a:00:02',
      mtuBytes: 1500,
      aliases: [],
      defaultRoute: [4],
      ports: [
        { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
        { hostAddress: '127.0.0.1', hostPort: 9000, containerPort: 9000, count: 10, protocol: 'udp' },
      ],
      firewall: 'nftables',
    },
  ],
  hostAddresses: [],
  resolver: { servers: [], search: [], options: [], hosts: [] },
  links: [],
} as never)

const shop: Inventory = {
  namespaces: [
    namespace(
      'h',
      [
        { name: 'lo', addresses: ['127.0.0.1/8'] },
        { name: 'eth0', addresses: ['198.51.100.1/24', '2001:db8:1::1/64'] },
        { name: 'ts-front-2d8d6', addresses: ['10.90.0.1/24', 'fd00:90::1/64'] },
        { name: 'v9', addresses: ['10.77.0.1/24'], peer: 'named:eth0' },
        ...ends.map(({ inside, host, bridge: of }) => ({ name: host, peer: `${inside}:eth0`, bridge: of })),
      ],
      {
        own: true,
        name: 'host',
        routes: [
          branded<NamespaceView['routes'][number]>({
            to: '0.0.0.0/0',
            via: '198.51.100.254',
            dev: 'eth0',
            metric: 0,
          }),
        ],
      },
    ),
    ...ends.map(({ inside, host, bridge: of, address }) =>
      namespace(inside, [{ name: 'eth0', addresses: [address], peer: `h:${host}`, bridge: of }], {
        ...(inside === 'old' ? { engine: 'docker' as const } : { record: `${inside}0000` }),
      }),
    ),
    namespace('named', [{ name: 'eth0', addresses: ['10.77.0.2/24'], peer: 'h:v9' }], { engine: 'ip netns' }),
    namespace('alone', [], { engine: 'podman' }),
  ],
  bridges: [
    bridge('ts-front-2d8d6', ['10.90.0.1/24', 'fd00:90::1/64'], 'front'),
    bridge('ts-empty-77777', ['10.91.0.1/24'], 'empty'),
    bridge('docker0', ['172.17.0.1/16']),
  ],
  records: [record],
}

const plain = (text: string): string => text
const map = mapOf(shop)

describe('the map of a host', () => {
  it.each([
    ['map-80.txt', mapText(map, 80, plain)],
    ['map-120.txt', mapText(map, 120, plain)],
    ['map.mmd', mapMermaid(map)],
    ['map.svg', mapSvg(map)],
    ['map.json', `${JSON.stringify(map, null, 2)}\n`],
  ])('is %s', async (file, text) => {
    await expect(text).toMatchFileSnapshot(`../../golden/map/${file}`)
  })

  it.each([40, 60, 80, 120])('fits into a terminal of %d columns', (columns) => {
    expect(
      mapText(map, columns, plain)
        .split('\n')
        .filter((line) => line.length > columns),
    ).toEqual([])
  })

  it('draws a host without a way out from the left edge on', () => {
    const inside: HostMap = { ...map, uplinks: [] }
    expect(mapText(inside, 80, plain).split('\n')[0]).toBe('no way out')
    expect(mapSvg(inside)).toContain('<rect class="b host" x="20"')
  })

  it('leads past bridges to what is connected without one', () => {
    // From the host to the column of bridges, and straight on to that of containers.
    expect(mapSvg(map)).toMatch(/C355 [\d.]+ 355 ([\d.]+) 380 \1H690"/)
  })
})

it("has a way out by which the host itself is somebody's container", () => {
  const [host, ...others] = shop.namespaces
  const nested = {
    ...shop,
    namespaces: [
      {
        ...host,
        interfaces: [link({ name: 'eth0', addresses: ['198.51.100.1/24'], peer: 'named:eth0' }, 1)],
      } as NamespaceView,
      ...others,
    ],
  }
  expect(mapOf(nested).uplinks).toEqual([
    { name: 'eth0', addresses: ['198.51.100.1/24'], gateways: ['198.51.100.254'] },
  ])
})
