/**
 * What a podman network has beside an attachment: the VLAN of its port, the VRF
 * of its bridge, routes that lead nowhere; and the way back for what Debian's
 * netavark has made itself: it is found by what can be seen of it (chains by
 * their prefix, rules by container, subnet and bridge).
 *
 * @module
 */

import { type Address, type Cidr, familyOf, type Subnet } from '../../model/address.ts'
import type { RulesStep, Step } from '../../plan/step.ts'
import { type ChainRule, restoreStep } from './chains.ts'
import { ip } from './interface.ts'
import {
  hostPeer,
  linkNamed,
  type PartFacts,
  type PartInput,
  type PartPlan,
  type PartPlanner,
} from './part.ts'

export interface NetavarkPartOptions {
  readonly bridge: string
  /** Of the attachment, for the VLAN. */
  readonly hostIfname?: string
  readonly vlan?: number
  readonly vrf?: string
  /** Blackhole, unreachable and prohibit routes. */
  readonly routes: readonly {
    readonly type: string
    readonly to: Subnet
    readonly metric: number
  }[]
  /** For the way back. */
  readonly seen: {
    readonly subnets: readonly Subnet[]
    readonly gateways: readonly Address[]
    readonly cidrs: readonly Cidr[]
    readonly networkId: string
    /** The bridge stays whatever happens. */
    readonly unmanaged: boolean
  }
}

type Input = PartInput<NetavarkPartOptions>

const trusted = 'trusted'

export const netavarkPart: PartPlanner<NetavarkPartOptions> = {
  looks: (_options, doing) =>
    doing === 'remove'
      ? [
          { what: 'links' },
          { what: 'sandbox' },
          { what: 'iptables', tables: ['nat', 'filter'] },
          { what: 'nft', table: nftTable },
          { what: 'firewalld', zone: trusted },
        ]
      : [],
  add: planExtras,
  remove: planRemoval,
  check: () => [],
}

function planExtras({ options }: Input): PartPlan {
  const { bridge, hostIfname, vlan, vrf, routes } = options
  const port = hostIfname ?? ''
  return {
    shared: [
      ...(vrf === undefined ? [] : [ip('host', [`link set dev ${bridge} master ${vrf}`])]),
      ...(vlan === undefined ? [] : [ip('host', [`link set dev ${bridge} type bridge vlan_filtering 1`])]),
    ],
    steps: [
      ...(vlan === undefined
        ? []
        : [
            {
              kind: 'batch',
              where: 'host',
              tool: 'bridge',
              // It goes with the port.
              add: [`vlan add dev ${port} vid ${vlan} pvid untagged`],
              remove: [],
            } satisfies Step,
          ]),
      ...(routes.length === 0
        ? []
        : [
            ip(
              'sandbox',
              routes.map(({ type, to, metric }) => `route add ${type} ${to} metric ${metric}`),
              routes.map(({ type, to, metric }) => `route del ${type} ${to} metric ${metric}`),
            ),
          ]),
    ],
    interfaces: [],
  }
}

/** Reverted from the last to the first: the link, rules of the container, and with the last port those of the network and the bridge. */
function planRemoval({ id, options, facts }: Input): readonly Step[] {
  const { bridge, seen } = options
  const inside = linkNamed(facts.sandbox, id.ifname)
  const peer = hostPeer(facts, inside)
  const ours = peer?.master === bridge
  const others = facts.host.filter(({ master, name }) => master === bridge && name !== peer?.name)
  const found = linkNamed(facts.host, bridge)
  const last = others.length === 0 && found?.kind === 'bridge' && found.alias === undefined && !seen.unmanaged
  return [
    ...(last ? [ip('host', [], [`link delete dev ${bridge}`])] : []),
    ...([4, 6] as const).flatMap((family) => iptablesRules(options, id.container, facts, { family, last })),
    ...nftRules(options, facts, last),
    ...(last ? zoneSources(options, facts) : []),
    ...(ours ? [ip('sandbox', [], [`link delete dev ${id.ifname}`])] : []),
  ]
}

/** Subnets that netavark has put into firewalld's zone. */
function zoneSources({ seen }: NetavarkPartOptions, { firewalld = [] }: PartFacts): readonly Step[] {
  const sources = seen.subnets.filter((subnet) => firewalld.includes(subnet))
  if (sources.length === 0) return []
  const remove = [`--zone=${trusted}`, ...sources.map((source) => `--remove-source=${source}`)]
  return [{ kind: 'batch', where: 'host', tool: 'firewall-cmd', add: [], remove }]
}

interface Extent {
  readonly family: 4 | 6
  /** No container is left on the network. */
  readonly last: boolean
}

const hasWord = (rule: string, word: string): boolean => ` ${rule} `.includes(` ${word} `)

/** The protocol and host port a DNAT rule speaks of. */
const portOf = (rule: string): string =>
  [/-p (\S+)/, /--dport (\S+)/].map((pattern) => pattern.exec(rule)?.[1] ?? '').join('/')

function iptablesRules(
  options: NetavarkPartOptions,
  container: string,
  facts: PartFacts,
  { family, last }: Extent,
): readonly RulesStep[] {
  const own = (cidrs: readonly Cidr[]): readonly string[] => cidrs.filter((one) => familyOf(one) === family)
  const addresses = own(options.seen.cidrs).map((cidr) => cidr.slice(0, cidr.indexOf('/')))
  const targets = addresses.map((address) => (family === 6 ? `[${address}]:` : `${address}:`))
  const words = [
    ...own(options.seen.subnets),
    ...options.seen.gateways.map((gateway) => `${gateway}/${family === 4 ? 32 : 128}`),
    options.bridge,
  ]
  const rules: ChainRule[] = []
  const chains: { table: string; chain: string }[] = []
  for (const [table, text] of facts.iptables[family]) {
    const leading = new Set(
      [...text.values()].flat().flatMap((rule) => {
        const to = /--to-destination (\S+)/.exec(rule)?.[1] ?? ''
        return targets.some((target) => to.startsWith(target)) ? [portOf(rule)] : []
      }),
    )
    for (const [chain, lines] of text) {
      const theirs = chain.startsWith('NETAVARK')
      const gone = lines.filter((rule) => {
        if (!theirs && !/-j NETAVARK/.test(rule)) return false
        if (rule.includes(`id: ${container}`)) return true
        if (chain.startsWith('NETAVARK-DN-') && leading.has(portOf(rule))) return true
        return last && words.some((word) => hasWord(rule, word))
      })
      rules.push(...gone.map((rule): ChainRule => ({ table, chain, rule })))
      const emptied = gone.length === lines.length || (last && gone.length > 0)
      if (/^NETAVARK-(DN-)?[0-9A-F]{13}$/.test(chain) && emptied) chains.push({ table, chain })
    }
  }
  return rules.length + chains.length === 0 ? [] : [restoreStep(family, { rules, chains })]
}

const nftTable = 'inet netavark'

/** netavark 1.11 and later: one table, rules known by their handles. */
function nftRules({ seen }: NetavarkPartOptions, facts: PartFacts, last: boolean): readonly RulesStep[] {
  const text = facts.nft.get(nftTable)
  if (text === undefined) return []
  const addresses = seen.cidrs.map((cidr) => cidr.slice(0, cidr.indexOf('/')))
  const marks = [...seen.subnets, `nv_${seen.networkId.slice(0, 8)}_`]
  const parsed = nftLines(text)
  const port = (rule: string): string => /\b(tcp|udp|sctp) dport \S+/.exec(rule)?.[0] ?? ''
  const leads = (rule: string): boolean =>
    addresses.some(
      (address) =>
        / dnat (ip6? )?to (\S+)/.exec(rule)?.[2]?.replace(/[[\]]/g, '').startsWith(`${address}:`) === true,
    )
  const ports = new Set(parsed.filter(({ rule }) => leads(rule)).map(({ rule }) => port(rule)))
  const theirs = (chain: string): boolean => marks.some((mark) => chain.startsWith(mark))
  const rules = parsed.filter(
    ({ chain, rule }) =>
      leads(rule) ||
      (port(rule) !== '' && ports.has(port(rule)) && (theirs(chain) || rule.includes('_dnat'))) ||
      (last && (theirs(chain) || marks.some((mark) => rule.includes(mark)))),
  )
  const chains = last ? [...new Set(text.match(/(?<=chain )nv_\S+/g))].filter(theirs) : []
  const lines = [
    ...rules.map(({ chain, handle }) => `delete rule ${nftTable} ${chain} handle ${handle}`),
    ...chains.map((chain) => `delete chain ${nftTable} ${chain}`),
  ]
  if (lines.length === 0) return []
  return [
    { kind: 'rules', where: 'host', tool: 'nft', add: '', remove: lines.map((line) => `${line}\n`).join('') },
  ]
}

function nftLines(text: string): readonly { chain: string; rule: string; handle: string }[] {
  let chain = ''
  return text.split('\n').flatMap((line) => {
    chain = /^\s*chain (\S+) /.exec(line)?.[1] ?? chain
    const [, rule, handle] = /^\s+(.*\S) # handle (\d+)$/.exec(line) ?? []
    return rule === undefined || handle === undefined || /^chain |^type /.test(rule)
      ? []
      : [{ chain, rule, handle }]
  })
}
