/**
 * What the bridge driver refuses, and what it does with a bridge that is there.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import {
  type BridgeAttachmentInput,
  planAttachment,
  planNetworkLinks,
  planNetworkRules,
} from '../../../lib/drivers/bridge.ts'
import { isTsnetError } from '../../../lib/errors/codes.ts'
import type { Address, Cidr, Mac, Subnet } from '../../../lib/model/address.ts'
import type { NetworkConfig } from '../../../lib/model/network.ts'
import type { PortBinding } from '../../../lib/model/portmapping.ts'
import { describe as describeStep } from '../../../lib/plan/describe.ts'
import type { LinkFact } from '../../../lib/plan/facts.ts'

const config: NetworkConfig = {
  name: 'web',
  driver: 'bridge',
  internal: false,
  subnets: [{ subnet: '10.89.1.0/24' as Subnet, gateway: '10.89.1.1' as Address }],
  options: { bridge: 'web0', masquerade: true, icc: true, hairpin: true, isolate: true },
  labels: {},
  ephemeral: false,
  createdAt: '2026-01-01T00:00:00Z',
}
const dual: NetworkConfig = {
  ...config,
  subnets: [...config.subnets, { subnet: 'fd00:1::/64' as Subnet, gateway: 'fd00:1::1' as Address }],
}
const link: LinkFact = {
  name: 'web0',
  kind: 'bridge',
  mac: '02:42:0a:59:01:01' as Mac,
  mtuBytes: 1500,
  up: true,
  master: undefined,
  alias: undefined,
}
const nothing = { bridgeAddresses: [], mtuBytes: 1500, acceptRaDevs: [] }
const http: PortBinding = { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' }

const attachment = (changes: Partial<BridgeAttachmentInput>): BridgeAttachmentInput => ({
  config,
  container: { id: 'demo' },
  ifname: 'eth0',
  hostIfname: 'demo-12345',
  cidrs: ['10.89.1.2/24' as Cidr],
  mac: '02:42:0a:59:01:02' as Mac,
  mtuBytes: 1500,
  defaultRoute: [4, 6],
  severalNetworks: false,
  bindings: [],
  backend: 'nftables',
  aliases: [],
  ...changes,
})

function refusal(work: () => unknown): { readonly code: string; readonly message: string } {
  try {
    work()
  } catch (error) {
    if (isTsnetError(error)) return { code: error.code, message: error.message }
    throw error
  }
  return { code: 'none', message: 'nothing was refused' }
}

const lines = (steps: ReturnType<typeof planNetworkLinks>): readonly string[] =>
  steps.flatMap((step) => describeStep(step).add)

describe('the links of a network', () => {
  it('are not planned again where they are all there', () => {
    const bridgeAddresses = ['10.89.1.1/24' as Cidr]
    const steps = planNetworkLinks({ ...nothing, config, bridge: link, bridgeAddresses })
    expect(lines(steps)).toEqual(['sysctl -q -w net/ipv4/ip_forward=1'])
  })

  it('keep the IPv6 default route that was learnt, before forwarding is switched on', () => {
    const steps = planNetworkLinks({ ...nothing, config: dual, bridge: link, acceptRaDevs: ['eth0'] })
    expect(lines(steps).slice(-3)).toEqual([
      'sysctl -q -w net/ipv4/ip_forward=1',
      'sysctl -q -w net/ipv6/conf/eth0/accept_ra=2',
      'sysctl -q -w net/ipv6/conf/all/forwarding=1',
    ])
  })

  it('are refused where the name belongs to something else', () => {
    const taken = (bridge: LinkFact) => refusal(() => planNetworkLinks({ ...nothing, config, bridge }))
    expect([taken({ ...link, kind: 'veth' }), taken({ ...link, alias: 'tsnet:network/other' })]).toEqual([
      {
        code: 'TSNET_NAME_IN_USE',
        message:
          'making bridge web0 for network web: a link of that name is there and is no bridge but a veth',
      },
      {
        code: 'TSNET_NAME_IN_USE',
        message:
          'making bridge web0 for network web: it is the bridge of another network (tsnet:network/other)',
      },
    ])
  })
})

describe('the rules of a network', () => {
  it('go past foreign drops in the families the network has', () => {
    const foreignDrops = [
      { chain: 'FORWARD', tool: 'iptables-nft', family: 4 },
      { chain: 'FORWARD', tool: 'iptables-legacy', family: 6 },
      { chain: 'INPUT', tool: 'iptables-legacy', family: 4 },
    ] as const
    expect(lines(planNetworkRules({ config, foreignDrops }))).toEqual([
      '# firewall: network web on web0 10.89.1.0/24 icc isolate masquerade',
      'sysctl -q -w net/ipv4/conf/web0/route_localnet=1',
      '# firewall: accept web0 in IPv4 chain FORWARD of iptables-nft',
      '# firewall: accept web0 in IPv4 chain INPUT of iptables-legacy',
    ])
  })

  it('lead questions for names to the port of the name server, where it has one of its own', () => {
    const other = { ...config, options: { ...config.options, dnsPort: 5300 } }
    const first = (named: boolean): unknown =>
      lines(planNetworkRules({ config: other, foreignDrops: [], named }))[0]
    expect([first(true), first(false)]).toEqual([
      '# firewall: network web on web0 10.89.1.0/24 icc isolate masquerade names on port 5300',
      '# firewall: network web on web0 10.89.1.0/24 icc isolate masquerade',
    ])
  })

  it('are none without a firewall, and then loopback is not routed either', () => {
    expect(planNetworkRules({ config, foreignDrops: [], backend: 'none' })).toEqual([])
  })
})

describe('an endpoint', () => {
  it('has no default route and no gateway on an internal network', () => {
    const { sandbox, attachment: result } = planAttachment(
      attachment({ config: { ...config, internal: true } }),
    )
    expect(sandbox.map(({ kind }) => kind)).toEqual(['address', 'linkUp'])
    expect([result.gateways, result.defaultRoute]).toEqual([[], []])
  })

  it('carries the default route of the families it was told to, where it has an address', () => {
    const { attachment: result } = planAttachment(
      attachment({ config: dual, cidrs: ['fd00:1::2/64' as Cidr], defaultRoute: [4, 6] }),
    )
    expect([result.gateways, result.defaultRoute]).toEqual([['fd00:1::1'], [6]])
  })

  it('has another MAC on the host than inside, whatever was asked for', () => {
    const macs = ['02:42:0a:59:01:02', 'fe:00:00:00:00:01'].map((mac) => {
      const [veth] = planAttachment(attachment({ mac: mac as Mac })).endpoint
      return veth?.kind === 'veth' ? [veth.mac, veth.peer.mac] : []
    })
    expect(macs).toEqual([
      ['fe:42:0a:59:01:02', '02:42:0a:59:01:02'],
      ['fa:00:00:00:00:01', 'fe:00:00:00:00:01'],
    ])
  })

  it('is refused ports that nobody could reach', () => {
    const codes = [
      attachment({ config: { ...config, internal: true }, bindings: [http] }),
      attachment({ backend: 'none', bindings: [http] }),
      attachment({ config: dual, bindings: [{ ...http, hostAddress: '::1' as Address }] }),
      attachment({ bindings: [{ ...http, hostAddress: 'fd00::1' as Address }] }),
    ].map((input) => refusal(() => planAttachment(input)))
    expect(codes).toEqual([
      {
        code: 'TSNET_MODE_MISMATCH',
        message: 'publishing 8080/tcp on network web: the network is internal, nothing gets in',
      },
      {
        code: 'TSNET_MODE_MISMATCH',
        message:
          'publishing 8080/tcp on network web: the firewall backend is none, nothing would translate the address',
      },
      {
        code: 'TSNET_NOT_SUPPORTED',
        message:
          'publishing [::1]:8080/tcp on network web: the kernel does not route packets from ::1 (IPv6 has no route_localnet)',
      },
      {
        code: 'TSNET_MODE_MISMATCH',
        message: 'publishing [fd00::1]:8080/tcp on network web: the container has no IPv6 address there',
      },
    ])
  })

  it('forgets flows of UDP ports only, in each family it is published in', () => {
    const { publish } = planAttachment(
      attachment({
        config: dual,
        cidrs: ['10.89.1.2/24' as Cidr, 'fd00:1::2/64' as Cidr],
        bindings: [
          http,
          { ...http, protocol: 'udp' },
          { ...http, protocol: 'udp', hostPort: 53, hostAddress: '192.0.2.1' as Address },
        ],
      }),
    )
    const flows = publish.flatMap((step) => (step.kind === 'conntrack' ? [step] : []))
    expect(
      flows.map(({ hostPort, hostAddress, containerAddress }) => [hostPort, hostAddress, containerAddress]),
    ).toEqual([
      [8080, undefined, '10.89.1.2'],
      [8080, undefined, 'fd00:1::2'],
      [53, '192.0.2.1', '10.89.1.2'],
    ])
  })
})
