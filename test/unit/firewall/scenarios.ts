/**
 * What the golden rule files are printed from: a covering set, one difference
 * from the plain network at a time.
 *
 * @module
 */

import type { Address, Mac, Subnet } from '../../../lib/model/address.ts'
import type { FirewallIntent, NetworkIntent, PublishIntent } from '../../../lib/plan/intent.ts'

export interface Scenario {
  /** Name of the golden files. */
  readonly file: string
  /** Heading in lib/firewall/RULES.md. */
  readonly title: string
  readonly intent: FirewallIntent
}

const plain: NetworkIntent = {
  kind: 'network',
  network: 'web',
  bridge: 'ts-web-1a2b3',
  subnets: ['10.89.0.0/24' as Subnet],
  internal: false,
  icc: true,
  isolate: true,
  masquerade: true,
}
const dualStack = { ...plain, subnets: [...plain.subnets, 'fd00:89::/64' as Subnet] }

const publish: PublishIntent = {
  kind: 'publish',
  owner: '4f5e6d/eth0',
  bridge: 'ts-web-1a2b3',
  addresses: ['10.89.0.2' as Address],
  bindings: [{ hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' }],
}
const bothFamilies = ['10.89.0.2', 'fd00:89::2'] as Address[]

export const scenarios: readonly Scenario[] = [
  { file: 'base', title: 'What every host gets once', intent: { kind: 'base' } },
  { file: 'network-plain', title: 'A network', intent: plain },
  { file: 'network-dual-stack', title: 'A network with both families', intent: dualStack },
  { file: 'network-internal', title: 'An internal network', intent: { ...plain, internal: true } },
  { file: 'network-no-icc', title: 'A network with icc=false', intent: { ...plain, icc: false } },
  { file: 'network-shared', title: 'A network with isolate=false', intent: { ...plain, isolate: false } },
  {
    file: 'network-semi',
    title: 'A network that is isolated from isolated ones only',
    intent: { ...plain, isolateFrom: 'isolated' },
  },
  {
    file: 'network-sources',
    title: 'A network whose traffic leaves with chosen addresses',
    intent: { ...dualStack, sources: ['198.51.100.7', '2001:db8::7'] as Address[] },
  },
  {
    file: 'network-routed',
    title: 'A network with gateway-mode-ipv6=routed',
    intent: { ...dualStack, routed: [6] },
  },
  {
    file: 'network-unprotected',
    title: 'A network with gateway-mode-ipv4=nat-unprotected',
    intent: { ...dualStack, unprotected: [4] },
  },
  {
    file: 'network-no-masquerade',
    title: 'A network with masquerade=false',
    intent: { ...plain, masquerade: false },
  },
  {
    file: 'network-dns-port',
    title: 'A network with dns-port=5300',
    intent: { ...dualStack, names: { gateways: ['10.89.0.1', 'fd00:89::1'] as Address[], port: 5300 } },
  },
  {
    file: 'network-protect',
    title: 'A network with protect=strict',
    intent: { ...dualStack, protect: 'strict' },
  },
  {
    file: 'protect',
    title: 'An endpoint of a network with protect=strict',
    intent: {
      kind: 'protect',
      owner: '4f5e6d/eth0',
      port: 'web-1a2b3',
      mac: '02:42:0a:59:00:02' as Mac,
      addresses: ['fe80::42:aff:fe59:2', ...bothFamilies] as Address[],
      gateways: ['10.89.0.1', 'fd00:89::1'] as Address[],
    },
  },
  { file: 'publish-single', title: 'A port on every address of the host', intent: publish },
  {
    file: 'publish-dual-stack',
    title: 'A port in both families',
    intent: { ...publish, addresses: bothFamilies },
  },
  {
    file: 'publish-routed',
    title: 'A port and a range where IPv6 is routed',
    intent: {
      ...publish,
      addresses: bothFamilies,
      bindings: [...publish.bindings, { hostPort: 9000, containerPort: 90, count: 3, protocol: 'udp' }],
      routed: [6],
    },
  },
  {
    file: 'publish-bound',
    title: 'Ports on one address of the host',
    intent: {
      ...publish,
      addresses: bothFamilies,
      bindings: ['127.0.0.1', '198.51.100.1', '2001:db8::1', '0.0.0.0'].map((hostAddress, index) => ({
        hostAddress: hostAddress as Address,
        hostPort: 8080 + index,
        containerPort: 80,
        count: 1,
        protocol: 'tcp',
      })),
    },
  },
  {
    file: 'publish-range',
    title: 'A range of ports that keep their numbers',
    intent: {
      ...publish,
      addresses: bothFamilies,
      bindings: [
        { hostPort: 8000, containerPort: 8000, count: 1000, protocol: 'tcp' },
        {
          hostAddress: '198.51.100.1' as Address,
          hostPort: 5000,
          containerPort: 5000,
          count: 2,
          protocol: 'udp',
        },
      ],
    },
  },
  {
    file: 'publish-shifted',
    title: 'A range of ports that change their numbers',
    intent: {
      ...publish,
      addresses: bothFamilies,
      bindings: [{ hostPort: 9000, containerPort: 8000, count: 3, protocol: 'tcp' }],
    },
  },
  {
    file: 'publish-udp-sctp',
    title: 'A UDP and an SCTP port',
    intent: {
      ...publish,
      bindings: (['udp', 'sctp'] as const).map((protocol) => ({
        hostPort: 5353,
        containerPort: 53,
        count: 1,
        protocol,
      })),
    },
  },
  {
    file: 'foreign-nft',
    title: 'An accept where a chain of iptables-nft drops what is forwarded',
    intent: {
      kind: 'foreignAccept',
      network: 'web',
      bridge: 'ts-web-1a2b3',
      tool: 'iptables-nft',
      family: 4,
    },
  },
  {
    file: 'foreign-input',
    title: 'An accept where a chain of iptables-nft drops questions to the name server',
    intent: {
      kind: 'foreignAccept',
      network: 'web',
      bridge: 'ts-web-1a2b3',
      tool: 'iptables-nft',
      family: 4,
      names: { gateways: ['10.89.0.1' as Address], port: 53 },
    },
  },
  {
    file: 'foreign-legacy6',
    title: 'An accept where a chain of ip6tables-legacy drops what is forwarded',
    intent: {
      kind: 'foreignAccept',
      network: 'web',
      bridge: 'ts-web-1a2b3',
      tool: 'iptables-legacy',
      family: 6,
    },
  },
]
