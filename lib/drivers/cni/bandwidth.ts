/**
 * The CNI plugin `bandwidth`: a token bucket on the host end for what the
 * container gets, and one on an ifb device for what it sends.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { type Cidr, familyOf } from '../../model/address.ts'
import { sha512Hex } from '../../model/hash.ts'
import type { BatchStep } from '../../plan/step.ts'
import { ip } from './interface.ts'
import {
  hostPeer,
  linkNamed,
  noPlan,
  type PartId,
  type PartInput,
  type PartPlan,
  type PartPlanner,
} from './part.ts'

/** Bits for each second, and bits at once. */
export interface Limit {
  readonly rateBits: number
  readonly burstBits: number
}

export interface BandwidthPartOptions {
  readonly ingress?: Limit
  readonly egress?: Limit
  /** Of the other side. Only these are limited, or all but these; at most one is not empty. */
  readonly shaped: readonly Cidr[]
  readonly unshaped: readonly Cidr[]
}

type Input = PartInput<BandwidthPartOptions>

export const bandwidthPart: PartPlanner<BandwidthPartOptions> = {
  alone: true,
  looks: () => [{ what: 'links' }, { what: 'sandbox' }, { what: 'qdiscs' }],
  add: planAdd,
  remove: ({ id, facts }) => {
    const name = ifbName(id)
    return linkNamed(facts.host, name) === undefined ? [] : [ip('host', [], [`link delete dev ${name}`])]
  },
  check: faults,
}

/** 15 characters, as the reference plugin calls it. */
function ifbName({ network, container }: PartId): string {
  return `bwp${sha512Hex(network + container)}`.slice(0, 15)
}

function planAdd({ id, options, facts }: Input): PartPlan {
  const { ingress, egress } = options
  if (ingress === undefined && egress === undefined) return noPlan
  const peer = hostPeer(facts, linkNamed(facts.sandbox, id.ifname))
  if (peer === undefined) {
    throw fail('TSNET_MODE_MISMATCH', {
      message: `limiting ${id.ifname}: it has no host end to limit, it is no veth`,
      field: 'CNI_IFNAME',
      value: id.ifname,
      hint: 'bandwidth works behind bridge, ptp and tsnet',
    })
  }
  const ifb = ifbName(id)
  return {
    shared: [],
    steps: [
      ...(ingress === undefined
        ? []
        : [
            tc(limitLines(peer.name, ingress, { ...options, side: 'src' }), [
              `qdisc delete dev ${peer.name} root`,
            ]),
          ]),
      ...(egress === undefined
        ? []
        : [
            ip(
              'host',
              [`link add name ${ifb} mtu ${peer.mtuBytes} type ifb`, `link set dev ${ifb} up`],
              [`link delete dev ${ifb}`],
            ),
            tc(
              [
                `qdisc add dev ${peer.name} handle ffff: ingress`,
                `filter add dev ${peer.name} parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev ${ifb}`,
                ...limitLines(ifb, egress, { ...options, side: 'dst' }),
              ],
              [`qdisc delete dev ${peer.name} ingress`],
            ),
          ]),
    ],
    interfaces: egress === undefined ? [] : [{ name: ifb, inSandbox: false, mtu: peer.mtuBytes }],
  }
}

/** One bucket for all; with subnets a class of its own for what is limited, the rest goes past it. */
function limitLines(
  dev: string,
  limit: Limit,
  {
    shaped,
    unshaped,
    side,
  }: Pick<BandwidthPartOptions, 'shaped' | 'unshaped'> & { readonly side: 'src' | 'dst' },
): readonly string[] {
  const subnets = [...shaped, ...unshaped]
  if (subnets.length === 0) return [`qdisc add dev ${dev} root ${bucket(limit)}`]
  const { rateBits, burstBits } = limit
  const [others, these] = shaped.length > 0 ? ['0', '1:30'] : ['30', '1:0']
  return [
    `qdisc add dev ${dev} root handle 1: htb default ${others}`,
    `class add dev ${dev} parent 1: classid 1:30 htb rate ${rateBits}bit burst ${Math.floor(burstBits / 8)}`,
    ...subnets.map((subnet) => {
      const [protocol, word] = familyOf(subnet) === 4 ? ['ip', 'ip'] : ['ipv6', 'ip6']
      return `filter add dev ${dev} parent 1: protocol ${protocol} u32 match ${word} ${side} ${subnet} flowid ${these}`
    }),
  ]
}

/** A packet waits 25 ms at most. */
function bucket({ rateBits, burstBits }: Limit): string {
  return `tbf rate ${rateBits}bit burst ${Math.floor(burstBits / 8)} latency 25ms`
}

function tc(add: readonly string[], remove: readonly string[]): BatchStep {
  return { kind: 'batch', where: 'host', tool: 'tc', add, remove }
}

function faults({ id, options, facts }: Input): readonly string[] {
  const peer = hostPeer(facts, linkNamed(facts.sandbox, id.ifname))
  const kind = options.shaped.length + options.unshaped.length === 0 ? 'tbf' : 'htb'
  const qdiscs = facts.qdiscs.filter((one) => one.kind === kind)
  return [
    ...limitFaults(options.ingress, peer?.name, qdiscs, 'ingress'),
    ...limitFaults(options.egress, options.egress === undefined ? undefined : ifbName(id), qdiscs, 'egress'),
  ]
}

function limitFaults(
  limit: Limit | undefined,
  dev: string | undefined,
  qdiscs: Input['facts']['qdiscs'],
  what: string,
): readonly string[] {
  if (limit === undefined) return []
  const found = qdiscs.find((one) => one.dev === dev)
  if (found === undefined) return [`the ${what} limit is missing`]
  // Rates are told in bytes, and rounded down.
  const rate = Math.floor(limit.rateBits / 8)
  return found.rateBytes === undefined || Math.abs(found.rateBytes - rate) <= 1
    ? []
    : [`the ${what} rate is ${found.rateBytes * 8} bit/s, not ${limit.rateBits}`]
}
