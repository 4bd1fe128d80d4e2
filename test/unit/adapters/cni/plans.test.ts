/**
 * What the parts decide, as the script a person would run; also for link kinds
 * the test machine's kernel lacks.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { PartFacts } from '../../../../lib/drivers/cni/part.ts'
import { type PartOptions, type PartType, parts } from '../../../../lib/drivers/cni/registry.ts'
import { script } from '../../../../lib/plan/describe.ts'
import { link } from './link.ts'

const facts: PartFacts = {
  host: [link('eth0'), link('veth0', { index: 7, kind: 'veth', master: 'cni0' })],
  hostRoutes: [{ to: '0.0.0.0/0' as never, dev: 'eth0' }],
  sandbox: [link('lo')],
  sandboxRoutes: [],
  sandboxRules: [],
  iptables: { 4: new Map(), 6: new Map() },
  hasIptables: true,
  nft: new Map(),
  qdiscs: [],
  files: new Map(),
  sysctls: new Map(),
  sandboxSysctls: new Map(),
}

const inside = link('eth0', { index: 2, kind: 'veth', linkIndex: 7, addresses: ['10.22.0.2/24'] as never })
const chained: PartFacts = {
  ...facts,
  sandbox: [link('lo'), inside],
  sandboxRoutes: [
    { to: '10.22.0.0/24' as never, dev: 'eth0', source: '10.22.0.2' as never },
    { to: '0.0.0.0/0' as never, dev: 'eth0', via: '10.22.0.1' as never },
  ],
}

const addressing = {
  addresses: [
    { cidr: '10.22.0.2/24', gateway: '10.22.0.1' },
    { cidr: 'fd00:22::2/64', gateway: 'fd00:22::1' },
  ],
  routes: [{ to: '0.0.0.0/0' }, { to: '192.0.2.0/24', via: '10.22.0.9', metric: 5, mtu: 1400, advmss: 1300 }],
} as const

const bridge = {
  ...addressing,
  bridge: 'cni0',
  isGateway: true,
  forceAddress: false,
  masquerade: 'iptables',
  hairpin: true,
  promisc: false,
  vlan: 0,
  vlanTrunk: [],
  preserveDefaultVlan: false,
  macSpoofCheck: false,
  detectDuplicates: false,
  disabled: false,
  isolated: false,
} as const

const plans: readonly {
  readonly name: string
  readonly type: PartType
  readonly options: unknown
  readonly facts?: PartFacts
}[] = [
  { name: 'bridge', type: 'bridge', options: bridge },
  {
    name: 'bridge-vlan',
    type: 'bridge',
    options: {
      ...bridge,
      vlan: 100,
      vlanTrunk: [{ first: 10, last: 20 }],
      macSpoofCheck: true,
      isolated: true,
      detectDuplicates: true,
      masquerade: 'nftables',
    },
  },
  { name: 'ptp', type: 'ptp', options: { ...addressing, masquerade: 'nftables', mtu: 1400 } },
  {
    name: 'macvlan',
    type: 'macvlan',
    options: {
      ...addressing,
      linkInContainer: false,
      mode: 'bridge',
      bcQueueLength: 100,
      mac: '02:00:00:00:00:09',
    },
  },
  {
    name: 'ipvlan',
    type: 'ipvlan',
    options: { ...addressing, linkInContainer: false, mode: 'l3s', master: 'eth0' },
  },
  {
    name: 'vlan',
    type: 'vlan',
    options: { ...addressing, linkInContainer: false, master: 'eth0', vlanId: 7, mtu: 1400 },
  },
  { name: 'dummy', type: 'dummy', options: { ...addressing, linkInContainer: false } },
  {
    name: 'tap',
    type: 'tap',
    options: {
      ...addressing,
      linkInContainer: false,
      multiQueue: true,
      owner: 1000,
      group: 100,
      bridge: 'br0',
      context: 'system_u:system_r:container_t:s0',
    },
  },
  { name: 'host-device', type: 'host-device', options: { ...addressing, device: 'eth0' } },
  {
    name: 'tuning',
    type: 'tuning',
    options: {
      sysctls: { 'net/core/somaxconn': '500' },
      mac: '02:00:00:00:00:09',
      mtu: 1400,
      promisc: true,
      allmulti: true,
      queueLength: 50,
      backup: '/run/cni/tuning/c1_eth0.json',
    },
    facts: chained,
  },
  {
    name: 'bandwidth',
    type: 'bandwidth',
    options: {
      ingress: { rateBits: 8e6, burstBits: 8e5 },
      egress: { rateBits: 4e6, burstBits: 8e5 },
      shaped: [],
      unshaped: [],
    },
    facts: chained,
  },
  {
    name: 'bandwidth-shaped',
    type: 'bandwidth',
    options: {
      ingress: { rateBits: 8e6, burstBits: 8e5 },
      egress: { rateBits: 4e6, burstBits: 8e5 },
      shaped: ['192.0.2.0/24', '2001:db8::/32'],
      unshaped: [],
    },
    facts: chained,
  },
  {
    name: 'bandwidth-unshaped',
    type: 'bandwidth',
    options: { ingress: { rateBits: 8e6, burstBits: 8e5 }, shaped: [], unshaped: ['10.0.0.0/8'] },
    facts: chained,
  },
  {
    name: 'sbr',
    type: 'sbr',
    options: { addresses: [addressing.addresses[0]], gateways: [], sourceHints: false },
    facts: chained,
  },
  { name: 'vrf', type: 'vrf', options: { vrf: 'blue' }, facts: chained },
  {
    name: 'portmap',
    type: 'portmap',
    options: {
      backend: 'iptables',
      ports: Array.from({ length: 17 }, (_, i) => ({
        hostPort: 8000 + i,
        containerPort: 80,
        protocol: 'tcp',
      })).concat({ hostPort: 53, containerPort: 53, protocol: 'udp' }),
      addresses: ['10.22.0.2/24', 'fd00:22::2/64'],
      snat: true,
      masqueradeAll: false,
      markBit: 13,
      conditions: { 4: [], 6: [] },
    },
    facts: chained,
  },
  {
    name: 'portmap-nftables',
    type: 'portmap',
    options: {
      backend: 'nftables',
      ports: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostAddress: '192.0.2.1' }],
      addresses: ['10.22.0.2/24'],
      snat: true,
      masqueradeAll: true,
      markBit: 13,
      conditions: { 4: ['ip saddr 192.0.2.0/24'], 6: [] },
    },
    facts: chained,
  },
  {
    name: 'firewall',
    type: 'firewall',
    options: {
      zone: 'trusted',
      adminChain: 'CNI-ADMIN',
      ingressPolicy: 'isolated',
      addresses: ['10.22.0.2/24', 'fd00:22::2/64'],
      bridge: 'cni0',
    },
  },
  {
    name: 'firewall-firewalld',
    type: 'firewall',
    options: {
      zone: 'trusted',
      adminChain: 'CNI-ADMIN',
      ingressPolicy: 'same-bridge',
      addresses: ['10.22.0.2/24', 'fd00:22::2/64'],
      bridge: 'cni0',
    },
    facts: { ...facts, firewalld: [] },
  },
]

describe('plans of CNI parts', () => {
  it.each(plans)('$name', async ({ name, type, options, facts: own = facts }) => {
    const id = { network: 'n1', container: 'c1', ifname: 'eth0' }
    const plan = parts[type].add({ id, options: options as PartOptions[typeof type] as never, facts: own })
    const sandboxPath = '/proc/4242/ns/net'
    const text = [
      '# shared, stays',
      script(plan.shared, { sandboxPath }),
      '# forth',
      script(plan.steps, { sandboxPath }),
      '# and back',
      script(plan.steps, { sandboxPath, direction: 'remove' }),
      `# interfaces: ${JSON.stringify(plan.interfaces)}`,
      '',
    ].join('\n')
    await expect(text).toMatchFileSnapshot(
      new URL(`../../../golden/adapters/cni/plan-${name}.txt`, import.meta.url).pathname,
    )
  })
})

describe('a link without a master', () => {
  const everywhere = '0.0.0.0/0' as never
  /** As the kernel tells them: of a VPN, of a second uplink, and those of the main table. */
  const routes = (main: string) => [
    { to: everywhere, dev: 'wg0', table: '51820' },
    { to: everywhere, dev: 'eth1', table: '101' },
    { to: '::/0' as never, dev: 'six0' },
    { to: everywhere, dev: main },
  ]
  const links = ['lo', 'wg0', 'eth1', 'six0', 'eth0', 'net0'].map((name) => link(name))
  const there: PartFacts = {
    ...{ ...facts, host: links, hostRoutes: routes('eth0') },
    ...{ sandbox: links, sandboxRoutes: routes('net0') },
  }
  const planned = (linkInContainer: boolean, from: PartFacts): string => {
    const id = { network: 'n1', container: 'c1', ifname: 'x0' }
    const options = { addresses: [], routes: [], linkInContainer }
    const { steps } = parts.macvlan.add({ id, options, facts: from })
    return script(steps, { sandboxPath: '/proc/4242/ns/net' })
  }

  it("is on the device of the host's default route, whatever tables policy rules have", () => {
    expect(planned(false, there)).toContain('\nip link add link eth0 name x0 ')
  })

  it("is on the device of the container's own, where the master is in the container", () => {
    expect(planned(true, there)).toContain(' ip link add link net0 name x0 ')
    expect(() => planned(true, { ...there, sandboxRoutes: [] })).toThrow(
      'macvlan: no master given, and the container has no default route',
    )
  })

  it('cannot be where only policy rules lead out', () => {
    const only = { ...there, hostRoutes: routes('eth0').slice(0, 2) }
    const none = 'no master given, and the host has no default route'
    expect(() => planned(false, only)).toThrow(`macvlan: ${none}`)
    const options = { addresses: [], routes: [], linkInContainer: false }
    expect(parts.macvlan.obstacle?.(options, only)).toEqual({ reason: none, cutsOff: false })
    expect(parts.macvlan.obstacle?.(options, there)).toBeUndefined()
  })
})
