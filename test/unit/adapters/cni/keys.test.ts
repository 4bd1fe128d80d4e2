/**
 * Every key of every plugin, with what it changes: without the key the plan, the
 * request to the engine or the result is another one (decisions 31). Capabilities,
 * `args.cni` and `CNI_ARGS` count as keys.
 *
 * Keys of settings the test machine's kernel lacks are here like all others;
 * what the real ones do to a real host is in test/netns/401.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { PartFacts } from '../../../../lib/drivers/cni/part.ts'
import { type PartOptions, type PartType, parts } from '../../../../lib/drivers/cni/registry.ts'
import type { PartRequest, PluginEngine } from '../../../../lib/engine/plugins.ts'
import type { ContainerNetwork, SetupRequest } from '../../../../lib/index.ts'
import { script } from '../../../../lib/plan/describe.ts'
import { plugins } from '../../../../plugins/registry.ts'
import { call, pluginOf } from './call.ts'
import { link } from './link.ts'

type Conf = Readonly<Record<string, unknown>>
/** `a.b` is a key of an object, `CNI_ARGS K` a variable's. Beside it: what must be there for the key to mean anything. */
type Key = readonly [path: string, value: unknown, beside?: Conf]

const host = [
  link('uplink'),
  link('eth1', { mac: '52:54:00:00:00:02' }),
  link('vethhost', { index: 7, kind: 'veth', master: 'cni0' }),
  link('br9', { kind: 'bridge', addresses: ['10.99.0.1/24'] as never }),
]
const eth0 = link('eth0', { index: 2, kind: 'veth', linkIndex: 7, addresses: ['10.22.0.2/24'] as never })

const facts = (chained: boolean): PartFacts => ({
  host,
  hostRoutes: [{ to: '0.0.0.0/0' as never, dev: 'uplink' }],
  sandbox: [link('lo'), link('eth1'), link('uplink', { mtuBytes: 1400 }), ...(chained ? [eth0] : [])],
  sandboxRoutes: chained
    ? [
        { to: '10.22.0.0/24' as never, dev: 'eth0', source: '10.22.0.2' as never },
        { to: '0.0.0.0/0' as never, dev: 'eth0', via: '10.22.0.1' as never },
      ]
    : [{ to: '0.0.0.0/0' as never, dev: 'uplink' }],
  sandboxRules: [],
  iptables: { 4: new Map(), 6: new Map() },
  hasIptables: true,
  nft: new Map(),
  qdiscs: [],
  // A firewall of the host that runs: whoever wants iptables all the same must say so.
  firewalld: [],
  files: new Map(),
  sysctls: new Map(),
  sandboxSysctls: new Map(),
})

/** An engine that only notes what it is asked for, plans in the shape of a script. */
function notingEngine(notes: string[], chained: boolean): PluginEngine {
  const note = (what: unknown): void => void notes.push(JSON.stringify(what))
  return {
    isOwnNetns: () => false,
    hasInterface: async () => false,
    hasNames: true,
    linkAddresses: async () => ['10.22.0.1/24'],
    close: async () => undefined,
    parts: {
      add: async <T extends PartType>({ type, id, options }: PartRequest<T>) => {
        const planner = parts[type] as (typeof parts)[T]
        const plan = planner.add({
          id,
          options: options as PartOptions[T] as never,
          facts: facts(chained || type === 'bandwidth'),
        })
        notes.push(script([...plan.shared, ...plan.steps], { sandboxPath: '/proc/1/ns/net' }))
        note(plan.names)
        return plan.interfaces
      },
    },
    hostLocal: {
      add: async (request: { sets: { subnet: string }[][] }) => {
        note(request)
        return [{ cidr: '10.22.0.2/24', gateway: '10.22.0.1' }]
      },
      readResolvConf: () => 'nameserver 192.0.2.53\n',
    },
    dhcp: {
      acquire: async (...words: unknown[]) => {
        note(words)
        return {
          address: '10.22.0.2/24',
          gateway: '10.22.0.1',
          routes: [{ to: '0.0.0.0/0' }],
          nameServers: [],
          search: [],
        }
      },
    },
    attach: async (request: SetupRequest): Promise<unknown> => {
      const { labels: _perCall, ...container } = request.container
      note({ ...request, container })
      const attachment = {
        bridge: 'b',
        hostIfname: 'v',
        ifname: 'eth0',
        mac: '',
        mtuBytes: 1500,
        addresses: ['10.22.0.2/24'],
        gateways: ['10.22.0.1'],
        defaultRoute: [4],
      }
      return {
        attachments: [attachment],
        resolver: { servers: ['10.22.0.1'], search: [] },
      } as unknown as ContainerNetwork
    },
  } as unknown as PluginEngine
}

function withKey(conf: Conf, path: string, value: unknown): Conf {
  const [head = '', ...rest] = path.split('.')
  if (rest.length === 0) return { ...conf, [head]: value }
  return { ...conf, [head]: withKey((conf[head] ?? {}) as Conf, rest.join('.'), value) }
}

const previous = {
  cniVersion: '1.0.0',
  interfaces: [
    { name: 'cni0' },
    { name: 'vethhost' },
    { name: 'eth0', mac: '52:54:00:00:00:01', sandbox: '/proc/1/ns/net' },
  ],
  ips: [
    { address: '10.22.0.2/24', gateway: '10.22.0.1', interface: 2 },
    { address: 'fd00:22::2/64', gateway: 'fd00:22::1', interface: 2 },
  ],
}

async function dump(type: string, conf: Conf, args = ''): Promise<string> {
  const notes: string[] = []
  const chained = conf['prevResult'] !== undefined
  const said = await call(await pluginOf(type), {
    stdin: JSON.stringify({ cniVersion: '1.0.0', name: 'n1', type, ...conf }),
    env: { CNI_ARGS: args },
    engine: notingEngine(notes, chained),
  })
  return `${notes.join('\n')}\n${said.stdout}`
}

const mac = '02:00:00:00:00:09'
const ipam = { type: 'host-local', ranges: [[{ subnet: '10.22.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] }
const ports = {
  portMappings: [
    { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
    { hostPort: 53, containerPort: 53, protocol: 'udp' },
  ],
}
const limits = { ingressRate: 8e6, ingressBurst: 8e5, egressRate: 4e6, egressBurst: 8e5 }
const rangeOf = (more: Conf): Conf => ({ type: 'host-local', subnet: '10.22.0.0/24', ...more })
const masquerading = { ipMasq: true, ipMasqBackend: 'iptables' }
const servers = { nameservers: ['192.0.2.1'] }
const macs: readonly Key[] = [
  ['mac', mac],
  ['runtimeConfig.mac', mac],
  ['args.cni.mac', mac],
  ['CNI_ARGS MAC', mac],
]
const links: readonly Key[] = [
  ['master', 'eth1'],
  ['mtu', 1300],
  ['linkInContainer', true],
  ['ipam', ipam],
  ['dns', servers, { ipam }],
]

interface Table {
  readonly base?: Conf
  readonly keys: readonly Key[]
}

/** Of the reference plugins of 2026 (contracts/cni.md, section 2), and our own. */
const tables: Readonly<Record<string, Table>> = {
  bridge: {
    base: { ipam },
    keys: [
      ['bridge', 'br7'],
      ['isGateway', true],
      ['isDefaultGateway', true, { ipam: { ...ipam, routes: [] } }],
      ['forceAddress', true, { bridge: 'br9', isGateway: true }],
      ['ipMasq', true, { ipMasqBackend: 'iptables' }],
      ['ipMasqBackend', 'nftables', masquerading],
      ['mtu', 1300],
      ['hairpinMode', true],
      ['promiscMode', true],
      ['vlan', 100],
      ['vlanTrunk', [{ id: 5 }, { minID: 10, maxID: 20 }]],
      ['preserveDefaultVlan', true, { vlan: 100 }],
      ['macspoofchk', true],
      ['enabledad', true, { ipam: { type: 'static', addresses: [{ address: 'fd00::2/64' }] } }],
      ['disableContainerInterface', true, { ipam: undefined }],
      ['portIsolation', true],
      ['ipam', ipam, { ipam: undefined }],
      ['dns', servers],
      ...macs,
    ],
  },
  ptp: {
    base: { ipam },
    keys: [
      ['ipMasq', true, { ipMasqBackend: 'iptables' }],
      ['ipMasqBackend', 'nftables', masquerading],
      ['mtu', 1300],
      ['ipam', { ...ipam, routes: [] }],
      ['dns', servers],
    ],
  },
  loopback: { keys: [] },
  'host-device': {
    keys: [
      ['device', 'eth1', { hwaddr: '52:54:00:00:00:01' }],
      ['hwaddr', '52:54:00:00:00:02', { hwaddr: '52:54:00:00:00:01' }],
      ['ipam', ipam, { device: 'eth1' }],
      ['dns', servers, { device: 'eth1', ipam }],
    ],
  },
  macvlan: { keys: [['mode', 'vepa'], ['bcqueuelen', 100], ...macs, ...links] },
  ipvlan: { keys: [['mode', 'l3s'], ...links] },
  vlan: {
    base: { master: 'uplink', vlanId: 5, ipam },
    keys: [
      ['master', 'eth1'],
      ['vlanId', 7],
      ['mtu', 1300],
      ['linkInContainer', true],
      ['ipam', { ...ipam, routes: [] }],
      ['dns', servers],
    ],
  },
  dummy: {
    base: { ipam },
    keys: [
      ['ipam', { ...ipam, routes: [] }],
      ['mtu', 1300],
      ['dns', servers],
    ],
  },
  tap: {
    keys: [
      ...macs,
      ['mtu', 1300],
      ['multiQueue', true],
      ['owner', 1000],
      ['group', 100],
      ['selinuxContext', 'system_u:system_r:container_t:s0'],
      ['bridge', 'br0'],
      ['ipam', ipam],
      ['dns', servers, { ipam }],
    ],
  },
  'host-local': {
    base: { ipam },
    keys: [
      ['ipam.subnet', '10.23.0.0/24'],
      ['ipam.rangeStart', '10.22.0.9', { ipam: rangeOf({}) }],
      ['ipam.rangeEnd', '10.22.0.19', { ipam: rangeOf({}) }],
      ['ipam.gateway', '10.22.0.254', { ipam: rangeOf({}) }],
      [
        'ipam.ranges',
        [[{ subnet: '10.22.0.0/24', rangeStart: '10.22.0.9', rangeEnd: '10.22.0.19', gateway: '10.22.0.5' }]],
      ],
      [
        'ipam.routes',
        [{ dst: '192.0.2.0/24', gw: '10.22.0.9', mtu: 1400, advmss: 1300, priority: 7, table: 9, scope: 0 }],
      ],
      ['ipam.dataDir', '/run/leases'],
      ['ipam.resolvConf', '/etc/other.conf'],
      ['runtimeConfig.ipRanges', [[{ subnet: '10.24.0.0/24' }]]],
      ['runtimeConfig.ips', ['10.22.0.7']],
      ['args.cni.ips', ['10.22.0.7']],
      ['CNI_ARGS IP', '10.22.0.7'],
    ],
  },
  static: {
    base: { ipam: { type: 'static' } },
    keys: [
      ['ipam.addresses', [{ address: '10.22.0.2/24', gateway: '10.22.0.1' }]],
      ['ipam.routes', [{ dst: '0.0.0.0/0' }]],
      ['ipam.dns', servers],
      ['runtimeConfig.ips', ['10.22.0.7/24']],
      ['args.cni.ips', ['10.22.0.7/24']],
      ['CNI_ARGS IP', '10.22.0.7/24'],
      ['CNI_ARGS GATEWAY', '10.22.0.3', { runtimeConfig: { ips: ['10.22.0.7/24'] } }],
    ],
  },
  dhcp: {
    base: { ipam: { type: 'dhcp' } },
    keys: [
      ['ipam.daemonSocketPath', '/run/other.sock'],
      ['ipam.provide', [{ option: 'host-name', value: 'web' }]],
      ['ipam.request', [{ option: 'domain-name-servers' }, { skipDefault: true }]],
      ['ipam.priority', 50],
      ['CNI_ARGS NAME', 'web', { ipam: { type: 'dhcp', provide: [{ option: '12', fromArg: 'NAME' }] } }],
    ],
  },
  portmap: {
    base: { prevResult: previous, backend: 'iptables', runtimeConfig: ports },
    keys: [
      ['backend', 'nftables'],
      ['snat', false],
      ['masqAll', true],
      ['markMasqBit', 5],
      ['externalSetMarkChain', 'KUBE-MARK-MASQ'],
      ['conditionsV4', ['!', '-d', '192.0.2.0/24']],
      ['conditionsV6', ['!', '-d', '2001:db8::/32']],
      [
        'runtimeConfig',
        { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '192.0.2.1' }] },
      ],
    ],
  },
  firewall: {
    base: { prevResult: previous, backend: 'iptables' },
    keys: [
      ['backend', 'firewalld'],
      ['firewalldZone', 'work', { backend: 'firewalld' }],
      ['iptablesAdminChainName', 'MY-ADMIN'],
      ['ingressPolicy', 'isolated'],
    ],
  },
  tuning: {
    base: { prevResult: previous },
    keys: [
      ['sysctl', { 'net.ipv4.conf.IFNAME.arp_filter': '1' }],
      ['mtu', 1300],
      ['promisc', true],
      ['txQLen', 50],
      ['allmulti', true],
      ['dataDir', '/run/elsewhere', { mtu: 1300 }],
      ...macs,
      ['args.cni.sysctl', { 'net.core.somaxconn': '500' }],
      ['args.cni.mtu', 1300],
      ['args.cni.promisc', true],
      ['args.cni.allmulti', true],
      ['args.cni.txQLen', 50],
    ],
  },
  bandwidth: {
    base: { prevResult: previous },
    keys: [
      ['ingressRate', 16e6, limits],
      ['ingressBurst', 16e5, limits],
      ['egressRate', 16e6, limits],
      ['egressBurst', 16e5, limits],
      ['shapedSubnets', ['192.0.2.0/24'], limits],
      ['unshapedSubnets', ['192.0.2.0/24'], limits],
      ['runtimeConfig.bandwidth', limits],
    ],
  },
  sbr: {
    base: { prevResult: previous },
    keys: [
      ['table', 200],
      ['gateways', ['10.22.0.9']],
      ['addSourceHints', true],
    ],
  },
  vrf: {
    base: { prevResult: previous, vrfname: 'red' },
    keys: [
      ['vrfname', 'blue'],
      ['table', 77],
    ],
  },
  dns: {
    base: { prevResult: previous },
    keys: [
      ['domain', 'web.example'],
      ['domainName', 'web.example'],
      ['forwarders', ['192.0.2.53']],
      ['dnsPort', 5300],
      ['runtimeConfig.aliases', ['db']],
      ['CNI_ARGS K8S_POD_NAME', 'web-0'],
    ],
  },
  tsnet: {
    keys: [
      ['bridge', 'br7'],
      ['mtu', 1300],
      ['ipMasq', false],
      ['hairpinMode', false],
      ['internal', true],
      ['icc', false],
      ['isolate', false],
      ['isDefaultGateway', false],
      ['firewall', 'nftables'],
      ['sysctl', { 'net.ipv4.conf.IFNAME.arp_filter': '1' }],
      ['names', true],
      ['domain', 'web.example'],
      ['dnsPort', 5300, { names: true }],
      ['ipv6', true],
      ['dns', servers],
      ['runtimeConfig.bandwidth', limits],
      ...Object.entries(limits).map(([key]): Key => [key, 16e6, limits]),
      ['ipam.subnets', ['10.22.0.0/24', { subnet: 'fd00::/64', gateway: 'fd00::9', range: 'fd00::/96' }]],
      ['ipam.type', 'host-local', { ipam: { ranges: ipam.ranges } }],
      ['runtimeConfig.portMappings', ports.portMappings],
      ['runtimeConfig.ips', ['10.22.0.7']],
      ['args.cni.ips', ['10.22.0.7']],
      ['CNI_ARGS IP', '10.22.0.7'],
      ['runtimeConfig.aliases', ['db']],
      ['CNI_ARGS K8S_POD_NAME', 'web-0', { names: true }],
      ...macs,
    ],
  },
}

describe.each(Object.keys(plugins))('%s', (type) => {
  const { base = {}, keys } = tables[type] ?? { keys: [] }

  it('has a table of its keys', () => {
    expect(Object.keys(tables)).toContain(type)
  })

  it.each(keys.map((key) => [...key]))(
    'without %s it would do something else',
    async (path, value, beside = {}) => {
      const before: Conf = { ...base, ...(beside as Conf) }
      const [, variable] = /^CNI_ARGS (.*)/.exec(path as string) ?? []
      const does =
        variable === undefined
          ? await dump(type, withKey(before, path as string, value))
          : await dump(type, before, `IgnoreUnknown=1;${variable}=${String(value)}`)
      expect(does).not.toContain('"code"')
      expect(does).not.toBe(await dump(type, before))
    },
  )

  it('knows its keys in any case, as Go does: containerd writes HostPort', async () => {
    const shouting = (json: unknown): unknown => {
      if (Array.isArray(json)) return json.map(shouting)
      if (typeof json !== 'object' || json === null) return json
      return Object.fromEntries(
        Object.entries(json).map(([key, value]) => [
          key.toUpperCase(),
          key === 'routes' ? value : shouting(value),
        ]),
      )
    }
    const { prevResult, ...own }: Conf = type === 'host-device' ? { device: 'eth1' } : base
    const previousToo = prevResult === undefined ? {} : { prevResult }
    const loud = shouting(own) as Conf
    expect(await dump(type, { ...loud, ...previousToo })).toBe(await dump(type, { ...own, ...previousToo }))
  })

  it('ignores a key nobody knows', async () => {
    const enough: Conf = type === 'host-device' ? { device: 'eth1' } : base
    expect(await dump(type, { ...enough, nobodyKnows: { this: 1 } })).toBe(await dump(type, enough))
  })

  it('names all of them in its README', () => {
    const text = readFileSync(new URL(`../../../../plugins/${type}/README.md`, import.meta.url), 'utf8')
    const words = keys.map(([path]) => path.replace(/^.*[. ]/, ''))
    expect(words.filter((word) => !text.includes(word))).toEqual([])
  })
})
