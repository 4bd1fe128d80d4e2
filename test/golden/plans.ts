/**
 * The golden plans: what the drivers decide for a covering set of requests.
 *
 * Goldens (test/unit/drivers), the undo loops on the memory kernel and on real
 * hosts, and the printed script all run over this list, so that a new plan is
 * covered the day it is written.
 *
 * @module
 */

import {
  planAttachment,
  planBaseRules,
  planNetworkLinks,
  planNetworkRules,
} from '../../lib/drivers/bridge.ts'
import { planSandbox } from '../../lib/drivers/sandbox.ts'
import {
  type Address,
  addressOf,
  type Cidr,
  type Family,
  type Mac,
  macFromAddress,
  type Subnet,
} from '../../lib/model/address.ts'
import { bridgeName, hostIfname } from '../../lib/model/names.ts'
import type { BridgeOptions, NetworkConfig } from '../../lib/model/network.ts'
import type { PortBinding } from '../../lib/model/portmapping.ts'
import type { LinkFact } from '../../lib/plan/facts.ts'
import type { FileStep, Step } from '../../lib/plan/step.ts'

/** Steps that are applied together, with one sandbox open. */
export interface Part {
  readonly sandbox: 'one' | 'two'
  readonly steps: readonly Step[]
}

export interface GoldenPlan {
  /** File name of the golden. */
  readonly name: string
  readonly about: string
  /** What is there already: applied first, and not part of the plan. */
  readonly before: readonly Part[]
  readonly plan: Part
}

interface NetworkWish {
  readonly name: string
  /** Subnet and gateway, one for each family. */
  readonly subnets: readonly (readonly [subnet: string, gateway: string])[]
  readonly internal?: boolean
  readonly options?: Partial<BridgeOptions>
}

function network({ name, subnets, internal = false, options = {} }: NetworkWish): NetworkConfig {
  return {
    name,
    driver: 'bridge',
    internal,
    subnets: subnets.map(([subnet, gateway]) => ({ subnet: subnet as Subnet, gateway: gateway as Address })),
    options: { bridge: bridgeName(name), masquerade: true, icc: true, hairpin: true, isolate: true, ...options },
    labels: {},
    ephemeral: false,
    createdAt: '2026-01-01T00:00:00Z',
  }
}

interface Existing {
  readonly bridge?: LinkFact
  readonly bridgeAddresses?: readonly Cidr[]
  readonly acceptRaDevs?: readonly string[]
}

function linksAndRules(config: NetworkConfig, existing: Existing = {}): readonly Step[] {
  const { bridge, bridgeAddresses = [], acceptRaDevs = [] } = existing
  return [
    ...planNetworkLinks({ config, bridge, bridgeAddresses, mtuBytes: 1500, acceptRaDevs }),
    ...planNetworkRules({ config, foreignDrops: [], backend: 'nftables' }),
  ]
}

interface EndpointWish {
  readonly config: NetworkConfig
  readonly id: string
  readonly name?: string
  readonly ifname?: string
  readonly cidrs: readonly string[]
  readonly mac?: string
  readonly defaultRoute?: readonly Family[]
  readonly severalNetworks?: boolean
  readonly bindings?: readonly PortBinding[]
}

function endpoint(wish: EndpointWish): readonly Step[] {
  const { config, id, name, ifname = 'eth0', mac, defaultRoute = [4, 6], severalNetworks = false } = wish
  const cidrs = wish.cidrs as readonly string[] as readonly Cidr[]
  const { endpoint, sandbox, publish } = planAttachment({
    config,
    container: { id, ...(name === undefined ? {} : { name }) },
    ifname,
    hostIfname: hostIfname({ containerId: id, containerName: name, network: config.name, ifname }),
    cidrs,
    mac: (mac as Mac | undefined) ?? macFromAddress(addressOf(cidrs[0] as Cidr)),
    mtuBytes: 1500,
    defaultRoute,
    severalNetworks,
    bindings: wish.bindings ?? [],
    backend: 'nftables',
    aliases: [],
  })
  return [...endpoint, ...sandbox, ...publish]
}

const fresh: readonly LinkFact[] = [
  { name: 'lo', kind: '', mac: undefined, mtuBytes: 65536, up: false, master: undefined, alias: undefined },
]

const inside = (sysctls: Readonly<Record<string, string>> = {}): readonly Step[] =>
  planSandbox({ links: fresh, sysctls })

const tsnet = network({ name: 'tsnet', subnets: [['10.89.0.0/24', '10.89.0.1']] })
const dual = network({
  name: 'web',
  subnets: [
    ['10.89.1.0/24', '10.89.1.1'],
    ['fd00:89:1::/64', 'fd00:89:1::1'],
  ],
})
const back = network({ name: 'back', subnets: [['10.89.2.0/24', '10.89.2.1']], options: { isolate: false } })
const closed = network({
  name: 'closed',
  internal: true,
  subnets: [
    ['10.89.3.0/24', '10.89.3.1'],
    ['fd00:89:3::/64', 'fd00:89:3::1'],
  ],
})
const apart = network({
  name: 'apart',
  subnets: [['10.89.4.0/24', '10.89.4.1']],
  options: { icc: false, hairpin: false, masquerade: false },
})
const admins = network({
  name: 'lan',
  subnets: [
    ['10.99.0.0/24', '10.99.0.1'],
    ['fd00:99::/64', 'fd00:99::1'],
  ],
  options: { bridge: 'br-admin' },
})

const adminBridge: LinkFact = {
  name: 'br-admin',
  kind: 'bridge',
  mac: '02:42:0a:63:00:01' as Mac,
  mtuBytes: 1500,
  up: false,
  master: undefined,
  alias: 'made by an admin',
}

const ports: readonly PortBinding[] = [
  { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
  { hostPort: 5353, containerPort: 53, count: 1, protocol: 'udp' },
  { hostPort: 9000, containerPort: 9000, count: 3, protocol: 'udp', hostAddress: '127.0.0.1' as Address },
  { hostPort: 7000, containerPort: 7100, count: 2, protocol: 'tcp' },
]

const first = [...planBaseRules(), ...linksAndRules(tsnet)]
const base: Part = { sandbox: 'two', steps: planBaseRules() }
const demo = [...endpoint({ config: tsnet, id: '3f2a', name: 'demo', cidrs: ['10.89.0.2/24'] }), ...inside()]

const resolvConf: FileStep = {
  kind: 'file',
  where: 'host',
  path: '/run/box.resolv.conf',
  text: '# made by tsnet\nnameserver 10.89.0.1\noptions ndots:0\n',
}
const hosts: FileStep = {
  kind: 'file',
  where: 'host',
  path: '/run/box.hosts',
  text: "127.0.0.1\tlocalhost\n10.89.0.2\tdemo.example demo 3f2a\n",
  mark: '3f2a~eth0.7',
}

/** Each name is a file in `plans/`. */
export const goldenPlans: readonly GoldenPlan[] = [
  {
    name: 'first-container',
    about: 'the first container on a host: base rules, the default network, the container',
    before: [],
    plan: { sandbox: 'one', steps: [...first, ...demo] },
  },
  {
    name: 'second-container',
    about: 'the next container on a network that is there',
    before: [{ sandbox: 'one', steps: [...first, ...demo] }],
    plan: {
      sandbox: 'two',
      steps: [...endpoint({ config: tsnet, id: '9b1c', name: 'other', cidrs: ['10.89.0.3/24'] }), ...inside()],
    },
  },
  {
    name: 'dual-stack-ports',
    about: 'both families; single ports, ranges and a shifted range, TCP and UDP, on any address and on one',
    before: [base],
    plan: {
      sandbox: 'one',
      steps: [
        ...linksAndRules(dual),
        ...endpoint({ config: dual, id: '3f2a', name: 'web', cidrs: ['10.89.1.2/24', 'fd00:89:1::2/64'], bindings: ports }),
        ...inside({ 'net.core.somaxconn': '1024' }),
      ],
    },
  },
  {
    name: 'internal',
    about: 'an internal network: no default route, no forwarding, no way in',
    before: [base],
    plan: {
      sandbox: 'one',
      steps: [
        ...linksAndRules(closed),
        ...endpoint({ config: closed, id: '3f2a', name: 'db', cidrs: ['10.89.3.2/24', 'fd00:89:3::2/64'] }),
        ...inside(),
      ],
    },
  },
  {
    name: 'icc-off',
    about: 'containers of one network kept apart, no hairpin, no masquerade',
    before: [base],
    plan: {
      sandbox: 'one',
      steps: [
        ...linksAndRules(apart),
        ...endpoint({ config: apart, id: '3f2a', cidrs: ['10.89.4.2/24'] }),
        ...inside(),
      ],
    },
  },
  {
    name: 'two-networks-static',
    about: 'static addresses on two networks, one of them new, which carries the default route and the port',
    before: [base, { sandbox: 'two', steps: linksAndRules(dual) }],
    plan: {
      sandbox: 'one',
      steps: [
        ...linksAndRules(back),
        ...endpoint({
          config: dual,
          id: '3f2a',
          name: 'both',
          cidrs: ['10.89.1.77/24', 'fd00:89:1::77/64'],
          defaultRoute: [6],
          severalNetworks: true,
        }),
        ...endpoint({
          config: back,
          id: '3f2a',
          name: 'both',
          ifname: 'eth1',
          cidrs: ['10.89.2.77/24'],
          mac: '02:00:00:00:00:77',
          defaultRoute: [4],
          severalNetworks: true,
          bindings: [{ hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' }],
        }),
        ...inside(),
      ],
    },
  },
  {
    name: 'foreign-bridge',
    about: "on an admin's own bridge, which is down and has the IPv4 gateway already: it is completed and stays",
    before: [
      base,
      {
        sandbox: 'two',
        steps: [
          {
            kind: 'bridge',
            where: 'host',
            name: 'br-admin',
            mac: '02:42:0a:63:00:01' as Mac,
            mtuBytes: 1500,
            alias: 'made by an admin',
          },
          { kind: 'address', where: 'host', dev: 'br-admin', cidr: '10.99.0.1/24' as Cidr },
        ],
      },
    ],
    plan: {
      sandbox: 'one',
      steps: [
        ...linksAndRules(admins, { bridge: adminBridge, bridgeAddresses: ['10.99.0.1/24' as Cidr] }),
        ...endpoint({ config: admins, id: '3f2a', cidrs: ['10.99.0.2/24', 'fd00:99::2/64'] }),
        ...inside(),
      ],
    },
  },
  {
    name: 'files',
    about: "a resolv.conf of a container, and its lines in a hosts file that has another container's",
    before: [
      {
        sandbox: 'two',
        steps: [
          { ...resolvConf, text: '# what an engine wrote\n' },
          { ...hosts, mark: '9b1c', text: '10.89.0.3\tother\n' },
        ],
      },
    ],
    plan: { sandbox: 'one', steps: [...inside(), resolvConf, hosts, { ...hosts, path: '/run/new.hosts' }] },
  },
  {
    name: 'host',
    about: "the host's own network: nothing is changed",
    before: [],
    plan: { sandbox: 'one', steps: [] },
  },
  {
    name: 'none',
    about: 'only the loopback interface',
    before: [],
    plan: { sandbox: 'one', steps: inside() },
  },
]
