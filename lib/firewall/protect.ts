/**
 * `-o protect=strict`: what a hostile container could do to its neighbours is
 * stopped where its frames come in.
 *
 * One table for each endpoint, hooked to its host end: packets of all others do
 * not meet it, nothing is shared, and it goes whole. Written for nftables in
 * both backends: iptables sees no frames, ebtables not whom a neighbour
 * advertisement speaks for. Frames are judged before the bridge learns from them.
 *
 * @see RFC 6105 (router advertisement guard), RFC 6980 (hosts ignore neighbour discovery in fragments)
 * @module
 */

import { type Address, bytesOf, familyOf } from '../model/address.ts'
import { DEFAULT_CONNTRACK_LIMIT } from '../model/network.ts'
import type { NetworkIntent, ProtectIntent } from '../plan/intent.ts'
import type { RulesStep } from '../plan/step.ts'
import { nftStep } from './nftables/table.ts'
import { networkTag, ownerTag, safeIfname } from './tag.ts'

/** Questions for names: a thousandth of what the name server answers (test/bench/README.md). */
const QUESTIONS = 'limit rate over 1000/second burst 2000 packets'

export function printProtect(intent: ProtectIntent): readonly RulesStep[] {
  const port = safeIfname(intent.port)
  const table = `netdev tsnet-${port}`
  const chain = `${table} frames`
  const comment = `comment "${ownerTag(intent.owner)}"`
  const rules = [...ethernetRules(intent), ...arpRules(intent), ...rules4(intent), ...rules6(intent)]
  return [
    nftStep(
      [
        // What is left of one that was killed hangs on an interface that is gone.
        `add table ${table}`,
        `delete table ${table}`,
        `add table ${table}`,
        `add chain ${chain} { type filter hook ingress device "${port}" priority -500; policy drop; }`,
        ...rules.map((rule) => `add rule ${chain} ${rule} ${comment}`),
      ],
      [`add table ${table}`, `delete table ${table}`],
    ),
  ]
}

/** By the header, not by what the kernel took for the protocol: frames with VLAN tags are none of these. */
function ethernetRules({ mac }: ProtectIntent): readonly string[] {
  return [`ether saddr != ${mac} counter drop`, 'ether type != { arp, ip, ip6 } counter drop']
}

function arpRules({ mac, addresses }: ProtectIntent): readonly string[] {
  return [
    `ether type arp arp saddr ether != ${mac} counter drop`,
    ...inFamily(addresses, 4).flatMap((address) => [
      `ether type arp arp saddr ip ${address} accept`,
      // Whether anybody else has its own address: it may ask that.
      `ether type arp arp saddr ip 0.0.0.0 arp daddr ip ${address} accept`,
    ]),
    'ether type arp counter drop',
  ]
}

function rules4({ addresses, gateways }: ProtectIntent): readonly string[] {
  return [
    'ether type ip udp sport 67 counter drop',
    ...inFamily(gateways, 4).map((to) => `ip daddr ${to} udp dport 53 ${QUESTIONS} counter drop`),
    ...inFamily(addresses, 4).map((address) => `ip saddr ${address} accept`),
    'ether type ip counter drop',
  ]
}

function rules6({ addresses, gateways }: ProtectIntent): readonly string[] {
  const own = inFamily(addresses, 6)
  // Of advertisements and of questions from nobody, the target: nft 1.0.6 has no word for it.
  const targets = own.map((address) => `@th,64,128 0x${Buffer.from(bytesOf(address)).toString('hex')}`)
  return [
    'ether type ip6 icmpv6 type { nd-router-advert, nd-redirect } counter drop',
    'ether type ip6 udp sport 547 counter drop',
    ...own.flatMap((address) =>
      targets.map((target) => `ip6 saddr ${address} icmpv6 type nd-neighbor-advert ${target} accept`),
    ),
    'ether type ip6 icmpv6 type nd-neighbor-advert counter drop',
    ...inFamily(gateways, 6).map((to) => `ip6 daddr ${to} udp dport 53 ${QUESTIONS} counter drop`),
    ...own.map((address) => `ip6 saddr ${address} accept`),
    ...targets.map((target) => `ip6 saddr :: icmpv6 type nd-neighbor-solicit ${target} accept`),
    // Groups it joins before it has an address.
    'ip6 saddr :: icmpv6 type { mld-listener-report, mld2-listener-report } accept',
  ]
}

function inFamily(addresses: readonly Address[], family: 4 | 6): readonly Address[] {
  return addresses.filter((address) => familyOf(address) === family)
}

/**
 * One container cannot fill the host's table of connections, which would close
 * the host and all other containers. Before anything is forwarded or delivered,
 * so that flows to the host count too. By address: with `printProtect` it is the
 * container's own.
 */
export function printFlowLimit(intent: NetworkIntent): readonly RulesStep[] {
  if (intent.protect === undefined) return []
  const bridge = safeIfname(intent.bridge)
  const table = `inet tsnet-${bridge}`
  const families = ([4, 6] as const).filter((family) =>
    intent.subnets.some((subnet) => familyOf(subnet) === family),
  )
  const comment = `comment "${networkTag(intent.network)}"`
  const word = { 4: 'ip', 6: 'ip6' }
  const most = intent.conntrackLimit ?? DEFAULT_CONNTRACK_LIMIT
  return [
    nftStep(
      [
        `add table ${table}`,
        `delete table ${table}`,
        `add table ${table}`,
        ...families.map(
          (family) =>
            `add set ${table} flows${family} { type ipv${family}_addr; flags dynamic; size 65535; }`,
        ),
        `add chain ${table} flows { type filter hook prerouting priority mangle; policy accept; }`,
        ...families.map(
          (family) =>
            `add rule ${table} flows iifname "${bridge}" ct state new add @flows${family} { ${word[family]} saddr ct count over ${most} } counter drop ${comment}`,
        ),
      ],
      [`add table ${table}`, `delete table ${table}`],
    ),
  ]
}
