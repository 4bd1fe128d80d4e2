/**
 * The table everything else is elements of: README.md has the drawing.
 *
 * Chains and rules are made here, once; a network or a published port only adds
 * elements to the sets and maps. Sets, maps and chains are declared before they
 * are flushed or filled, so the text can be run over what is left of an earlier
 * run, and over the admin's own TSNET-USER, which is never flushed.
 *
 * Rules that decide count packets, and so do elements that belong to one network
 * or port (`tsnet rules` shows both). Jumps do not: each would cost every packet.
 *
 * @module
 */

import type { RulesStep } from '../../plan/step.ts'
import { nftStep, TABLE } from './table.ts'

export function printBase(): readonly RulesStep[] {
  const chains = [...hooks, ...parts].map(({ chain }) => chain)
  return [
    nftStep(
      [
        `add table ${TABLE}`,
        ...sets.map((set) => `add ${set}`),
        `add chain ${TABLE} TSNET-USER`,
        ...parts.map(({ chain }) => `add chain ${TABLE} ${chain}`),
        ...hooks.map(({ chain, hook }) => `add chain ${TABLE} ${chain} { type ${hook}; policy accept; }`),
        ...chains.map((chain) => `flush chain ${TABLE} ${chain}`),
        ...[...hooks, ...parts].flatMap(({ chain, rules }) =>
          rules.map((rule) => `add rule ${TABLE} ${chain} ${rule}`),
        ),
      ],
      // Declared first: deleting a table that is gone would be an error.
      [`add table ${TABLE}`, `delete table ${TABLE}`],
    ),
  ]
}

const sets: readonly string[] = [
  `set ${TABLE} bridges { type ifname; comment "every tsnet bridge"; }`,
  `set ${TABLE} internal { type ifname; counter; comment "bridges nothing is forwarded in or out of"; }`,
  `set ${TABLE} shared { type ifname; counter; comment "bridges that may talk to each other (isolate=false)"; }`,
  `set ${TABLE} semi { type ifname; counter; comment "bridges kept apart from isolated ones only"; }`,
  `set ${TABLE} icc { type ifname . ifname; counter; comment "bridges whose containers may talk: in and out the same"; }`,
  ...([4, 6] as const).flatMap((family) => {
    const address = `ipv${family}_addr`
    return [
      `set ${TABLE} masquerade${family} { type ${address}; flags interval; counter; comment "sources that leave with the host address"; }`,
      `map ${TABLE} sources${family} { type ${address} : ${address}; flags interval; counter; comment "sources that leave with another address"; }`,
      `set ${TABLE} routed${family} { type ifname; counter; comment "bridges whose containers are reached by their own addresses"; }`,
      `set ${TABLE} unprotected${family} { type ifname; counter; comment "bridges all ports of which are reached so"; }`,
      `set ${TABLE} open${family} { type ${address} . inet_proto . inet_service; counter; comment "ports open at a container's own address"; }`,
      `set ${TABLE} openranges${family} { type ${address} . inet_proto . inet_service; flags interval; counter; comment "ranges of them"; }`,
      `set ${TABLE} hairpin${family} { type ifname . ${address}; flags interval; counter; comment "clients a container would answer directly"; }`,
      // Single ports in plain hash maps, ranges apart: decisions 3.
      `map ${TABLE} ports${family} { type inet_proto . inet_service : ${address} . inet_service; counter; comment "ports on any address of the host"; }`,
      `map ${TABLE} ports${family}_at { type ${address} . inet_proto . inet_service : ${address} . inet_service; counter; comment "ports on one address of the host"; }`,
      `map ${TABLE} ranges${family} { type inet_proto . inet_service : ${address}; flags interval; counter; comment "ranges that keep their numbers"; }`,
      `map ${TABLE} ranges${family}_at { type ${address} . inet_proto . inet_service : ${address}; flags interval; counter; comment "ranges that keep their numbers"; }`,
    ]
  }),
]

interface Chain {
  readonly chain: string
  readonly rules: readonly string[]
}

const syn = 'tcp flags & (syn | rst) == syn'
const toPublish = 'fib daddr type local meta nfproto vmap { ipv4 : jump publish4, ipv6 : jump publish6 }'

const hooks: readonly (Chain & { readonly hook: string })[] = [
  {
    chain: 'guard',
    hook: 'filter hook prerouting priority raw',
    rules: [
      // route_localnet lets packets for 127.0.0.0/8 in and out by the bridges; this keeps them from coming in.
      'ip daddr 127.0.0.0/8 iifname != "lo" counter drop',
      // With route_localnet the kernel no longer takes packets from 127.0.0.2 for forged.
      'ip saddr 127.0.0.0/8 iifname @bridges counter drop',
    ],
  },
  { chain: 'prerouting', hook: 'nat hook prerouting priority dstnat', rules: [toPublish] },
  // The host's own packets. By number: nft knows dstnat in prerouting only.
  { chain: 'output', hook: 'nat hook output priority -100', rules: [toPublish] },
  {
    chain: 'clamp',
    hook: 'filter hook forward priority mangle',
    // rt mtu looks at the routes both ways, and takes the smaller.
    rules: ['iifname', 'oifname'].map(
      (way) => `${way} @bridges ${syn} counter tcp option maxseg size set rt mtu`,
    ),
  },
  {
    chain: 'forward',
    hook: 'filter hook forward priority filter',
    rules: ['jump TSNET-USER', 'oifname @bridges jump enter', 'iifname @bridges jump leave'],
  },
  {
    chain: 'postrouting',
    hook: 'nat hook postrouting priority srcnat',
    rules: [
      'oifname @bridges goto hairpin',
      'snat ip to ip saddr map @sources4',
      'snat ip6 to ip6 saddr map @sources6',
      'ip saddr @masquerade4 counter masquerade',
      'ip6 saddr @masquerade6 counter masquerade',
    ],
  },
]

const parts: readonly Chain[] = [
  {
    chain: 'publish4',
    rules: [
      'dnat ip to ip daddr . meta l4proto . th dport map @ports4_at',
      'dnat ip to ip daddr . meta l4proto . th dport map @ranges4_at',
      'dnat ip to meta l4proto . th dport map @ports4',
      'dnat ip to meta l4proto . th dport map @ranges4',
    ],
  },
  {
    chain: 'publish6',
    rules: [
      // The kernel forwards packets from these to nobody, and IPv6 has no route_localnet.
      'ip6 daddr { ::1, fe80::/10 } counter return',
      'dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6_at',
      'dnat ip6 to ip6 daddr . meta l4proto . th dport map @ranges6_at',
      'dnat ip6 to meta l4proto . th dport map @ports6',
      'dnat ip6 to meta l4proto . th dport map @ranges6',
    ],
  },
  {
    chain: 'enter',
    rules: [
      'iifname . oifname @icc counter accept',
      'oifname @internal counter drop comment "nothing enters an internal network"',
      'iifname @internal counter drop comment "nothing leaves an internal network"',
      'ct state established,related counter accept',
      'ct status dnat counter accept comment "published ports"',
      'iifname @shared oifname @shared counter accept',
      'iifname @shared oifname @semi counter accept',
      'iifname @semi oifname @shared counter accept',
      ...([4, 6] as const).flatMap((family) => {
        const [ip, nfproto, icmp] = family === 4 ? ['ip', 'ipv4', 'icmp'] : ['ip6', 'ipv6', 'ipv6-icmp']
        return [
          `${ip} daddr . meta l4proto . th dport @open${family} counter accept comment "published, routed"`,
          `${ip} daddr . meta l4proto . th dport @openranges${family} counter accept comment "published, routed"`,
          `meta nfproto ${nfproto} meta l4proto ${icmp} oifname @routed${family} counter accept`,
          `meta nfproto ${nfproto} oifname @unprotected${family} counter accept comment "nat-unprotected"`,
        ]
      }),
      'counter drop comment "not published"',
    ],
  },
  {
    chain: 'leave',
    rules: ['iifname @internal counter drop comment "nothing leaves an internal network"', 'counter accept'],
  },
  {
    // Clients that the container would answer directly, past the translation, get the gateway's address.
    chain: 'hairpin',
    rules: [
      'ct status dnat ip saddr 127.0.0.0/8 counter masquerade',
      'ct status dnat oifname . ip saddr @hairpin4 counter masquerade',
      'ct status dnat oifname . ip6 saddr @hairpin6 counter masquerade',
    ],
  },
]
