/**
 * The CNI plugin `portmap`: published ports in the chains of the reference
 * plugin, which engines read too (nerdctl looks for free ports in them).
 *
 * Limit, as there: no port is reserved, the last writer wins.
 *
 * @module
 */

import {
  addressOf,
  bracketed,
  type Cidr,
  type Family,
  familyOf,
  isUnspecified,
  subnetOf,
} from '../../model/address.ts'
import type { RulesStep, Step } from '../../plan/step.ts'
import { sysctl } from '../../plan/sysctl.ts'
import {
  type Chain,
  type ChainRule,
  hasChain,
  hostMask,
  missingParts,
  quoted,
  restoreStep,
  rulesIn,
} from './chains.ts'
import { chainName, leftNftRules, namedContainers, ownerComment, withoutIptables } from './masquerade.ts'
import {
  hostPeer,
  linkNamed,
  noPlan,
  type PartFacts,
  type PartId,
  type PartInput,
  type PartPlan,
  type PartPlanner,
} from './part.ts'
import { type PortEntry, type PortmapPartOptions, portsOf } from './portentry.ts'
import { nftMapping, nftPorts, nftTables } from './portmapnft.ts'

type Input = PartInput<PortmapPartOptions>

const entry = 'CNI-HOSTPORT-DNAT'
const setMark = 'CNI-HOSTPORT-SETMARK'
const masquerade = 'CNI-HOSTPORT-MASQ'
const families = [4, 6] as const
/** xt_multiport takes no more. */
const portsInRule = 15

export const portmapPart: PartPlanner<PortmapPartOptions> = {
  looks: (options, doing) => {
    if (doing !== 'remove' && options.ports.length === 0) return []
    const both = doing === 'remove'
    return [
      ...(both || options.backend === 'iptables' ? ([{ what: 'iptables', tables: ['nat'] }] as const) : []),
      ...(both || options.backend === 'nftables'
        ? nftTables.map((table) => ({ what: 'nft', table }) as const)
        : []),
      ...(doing === 'add' ? ([{ what: 'links' }, { what: 'sandbox' }] as const) : []),
    ]
  },
  add: planAdd,
  obstacle: ({ backend }, facts) => withoutIptables(backend, facts),
  remove: ({ id, facts }) => [
    ...families.flatMap((family) => leftRules(id, facts, family)),
    ...nftTables.flatMap((table) => leftNftRules(facts, table, id.container)),
  ],
  seen: (network, facts) => namedContainers(facts, entry, network),
  check: ({ id, options, facts }) => {
    if (options.ports.length === 0) return []
    if (options.backend === 'nftables') {
      const lines = nftTables.flatMap((table) => (facts.nft.get(table) ?? '').split('\n'))
      return options.addresses
        .flatMap((cidr) => portsOf(options, familyOf(cidr)).map((port) => nftMapping(port, cidr)))
        .filter(
          (rule) => !lines.some((line) => line.includes(rule) && line.includes(`comment "${id.container}"`)),
        )
        .map((rule) => `rule is missing: ${rule}`)
    }
    return options.addresses.flatMap((cidr) => {
      const { chains, rules } = ownParts(id, options, cidr)
      const text = facts.iptables[familyOf(cidr)]
      return [
        ...chains.filter((chain) => !hasChain(text, chain)).map(({ chain }) => `chain ${chain} is missing`),
        ...rules
          .filter(({ table, chain, rule }) => !rulesIn(text, table, chain).includes(rule))
          .map(({ chain, rule }) => `rule is missing: ${chain} ${rule}`),
      ]
    })
  },
}

function planAdd(input: Input): PartPlan {
  const { id, options, facts } = input
  if (options.ports.length === 0) return noPlan
  const served = options.addresses.filter((cidr) => portsOf(options, familyOf(cidr)).length > 0)
  const nft = options.backend === 'nftables'
  return {
    shared: nft
      ? []
      : served.flatMap((cidr) => sharedRules(options, facts.iptables[familyOf(cidr)], familyOf(cidr))),
    steps: [
      ...(nft
        ? [nftPorts(id, options, served)]
        : served.map((cidr) => restoreStep(familyOf(cidr), ownParts(id, options, cidr)))),
      ...(options.snat ? routeLocalnet(input) : []),
      ...forgetFlows(options),
    ],
    interfaces: [],
  }
}

function sharedRules(
  options: PortmapPartOptions,
  text: PartFacts['iptables'][4],
  family: Family,
): readonly RulesStep[] {
  const local = `-m addrtype --dst-type LOCAL -j ${entry}`
  const bit = `0x${(2 ** options.markBit).toString(16)}/0x${(2 ** options.markBit).toString(16)}`
  const marks = options.snat && options.markChain === undefined
  return missingParts(family, text, {
    chains: [
      { table: 'nat', chain: entry },
      ...(marks ? [setMark, masquerade].map((chain): Chain => ({ table: 'nat', chain })) : []),
    ],
    rules: [
      { table: 'nat', chain: 'PREROUTING', rule: local },
      { table: 'nat', chain: 'OUTPUT', rule: local },
      ...(marks
        ? ([
            {
              table: 'nat',
              chain: setMark,
              rule: `-m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark ${bit}`,
            },
            { table: 'nat', chain: masquerade, rule: `-m mark --mark ${bit} -j MASQUERADE` },
            // First: the chains of single attachments accept what stays in their subnet.
            {
              table: 'nat',
              chain: 'POSTROUTING',
              at: 'top',
              rule: `-m comment --comment "CNI portfwd requiring masquerade" -j ${masquerade}`,
            },
          ] as const)
        : []),
    ],
  })
}

function ownParts(
  id: PartId,
  options: PortmapPartOptions,
  cidr: Cidr,
): { readonly chains: readonly Chain[]; readonly rules: readonly ChainRule[] } {
  const family = familyOf(cidr)
  const chain = chainName('CNI-DN-', id)
  const ports = portsOf(options, family)
  const comment = `-m comment --comment ${quoted(`dnat ${ownerComment(id)}`)}`
  const conditions =
    options.conditions[family].length === 0 ? '' : `${options.conditions[family].map(quoted).join(' ')} `
  const protocols = [...new Set(ports.map(({ protocol }) => protocol))].sort()
  const jumps = protocols.flatMap((protocol) => {
    const numbers = [
      ...new Set(ports.filter((one) => one.protocol === protocol).map(({ hostPort }) => hostPort)),
    ]
    return Array.from({ length: Math.ceil(numbers.length / portsInRule) }, (_, i) => {
      const some = numbers.slice(i * portsInRule, (i + 1) * portsInRule)
      return `${conditions}-p ${protocol} ${comment} -m multiport --dports ${some.join(',')} -j ${chain}`
    })
  })
  return {
    chains: [{ table: 'nat', chain }],
    rules: [
      ...jumps.map((rule) => ({ table: 'nat', chain: entry, rule })),
      ...ports
        .flatMap((port) => portRules(options, port, cidr))
        .map((rule) => ({ table: 'nat', chain, rule })),
    ],
  }
}

function portRules(
  { snat, masqueradeAll, markChain }: PortmapPartOptions,
  port: PortEntry,
  cidr: Cidr,
): readonly string[] {
  const { hostPort, containerPort, protocol, hostAddress } = port
  const family = familyOf(cidr)
  const to = hostAddress === undefined || isUnspecified(hostAddress) ? '' : `-d ${hostMask(hostAddress)} `
  const match = `${to}-p ${protocol} -m ${protocol} --dport ${hostPort}`
  const mark = `-j ${markChain ?? setMark}`
  // Before `-d`: the order in which iptables-save prints them.
  const from = (source: string): string => `-s ${source} ${match} ${mark}`
  const marks = !snat
    ? []
    : masqueradeAll
      ? [`${match} ${mark}`]
      : [from(subnetOf(cidr)), ...(family === 4 ? [from('127.0.0.1/32')] : [])]
  return [...marks, `${match} -j DNAT --to-destination ${bracketed(addressOf(cidr))}:${containerPort}`]
}

/** 127.0.0.1 of the host reaches the container: on the interface towards it. */
function routeLocalnet({ id, options, facts }: Input): readonly Step[] {
  if (!options.addresses.some((cidr) => familyOf(cidr) === 4)) return []
  const peer = hostPeer(facts, linkNamed(facts.sandbox, id.ifname))
  const dev = peer?.master ?? peer?.name
  if (dev === undefined) return []
  return [sysctl('host', `net/ipv4/conf/${dev}/route_localnet`, '1', { keep: peer?.master !== undefined })]
}

/** A reused UDP port would go on talking to the old container. */
function forgetFlows({ ports, addresses }: PortmapPartOptions): readonly Step[] {
  return ports
    .filter(({ protocol }) => protocol === 'udp')
    .flatMap(({ hostPort, containerPort, hostAddress }) =>
      addresses
        .map(addressOf)
        .filter((address) => hostAddress === undefined || familyOf(hostAddress) === familyOf(address))
        .map(
          (containerAddress): Step => ({
            kind: 'conntrack',
            where: 'host',
            protocol: 'udp',
            ...(hostAddress === undefined || isUnspecified(hostAddress) ? {} : { hostAddress }),
            hostPort,
            containerAddress,
            containerPort,
            count: 1,
          }),
        ),
    )
}

/** By the attachment's chain, whatever is in it. */
function leftRules(id: PartId, facts: PartFacts, family: Family): readonly RulesStep[] {
  const text = facts.iptables[family]
  // Older reference plugins called it CNI-SN- as well.
  const chains = ['CNI-DN-', 'CNI-SN-'].map((prefix) => chainName(prefix, id))
  const there = chains.filter((chain) => hasChain(text, { table: 'nat', chain }))
  const rules = [entry, 'CNI-HOSTPORT-SNAT', 'POSTROUTING'].flatMap((chain) =>
    rulesIn(text, 'nat', chain)
      .filter((rule) => chains.some((own) => rule.endsWith(`-j ${own}`)))
      .map((rule) => ({ table: 'nat', chain, rule })),
  )
  if (there.length === 0 && rules.length === 0) return []
  return [
    { ...restoreStep(family, { chains: there.map((chain) => ({ table: 'nat', chain })), rules }), add: '' },
  ]
}
