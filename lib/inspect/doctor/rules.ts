/**
 * Examinations of packet rules: whether somebody else's would drop or divert
 * what tsnet lets through. Packets are led through all rules as they stand; a
 * condition that is not understood counts as not met, so nothing is claimed from it.
 *
 * @module
 */

import type { NetworkInspect } from '../../engine/engine.ts'
import { type Address, addressOf, type Family, familyOf } from '../../model/address.ts'
import type { ArgumentVector } from '../../model/commandline.ts'
import { DNS_PORT } from '../../model/network.ts'
import { hostOf } from '../find.ts'
import { ownerOfTable, type Packet, type RuleTable } from '../walk/model.ts'
import { type Decision, walkHook } from '../walk/walk.ts'
import { placeOf, toolOf } from '../walk/words.ts'
import { type Ailment, mendBy } from './ailment.ts'
import type { Patient } from './patient.ts'
import { isGateway } from './presumed.ts'

const somewhere: Readonly<Record<Family, Address>> = {
  4: '203.0.113.7' as Address,
  6: '2001:db8:7::7' as Address,
}

export function ruleAilments(patient: Patient): readonly Ailment[] {
  const live = patient.networks.filter(({ config, live: here }) => here && config.subnets.length > 0)
  return [
    ...live.flatMap((network) => drops(patient, network)),
    ...live.flatMap((network) => nameQuestions(patient, network)),
    ...diverted(patient),
    ...mixed(patient),
  ]
}

const deviceOut = ({ wayOut }: Patient, family: Family): string => wayOut[family]?.dev ?? 'eth0'

/** A container's packet to the outside, and the answer to it. */
function drops(patient: Patient, { config, containers }: NetworkInspect): readonly Ailment[] {
  // What tsnet would put an accept into has been found already, with the way to do it.
  const known = patient.disagreements.some(
    ({ kind, subject }) => kind === 'accept' && subject === config.name,
  )
  if (config.internal || !isGateway(config)) return []
  const seen = new Set<string>()
  return config.subnets.flatMap(({ subnet }): readonly Ailment[] => {
    const family = familyOf(subnet)
    const own = containers
      .flatMap(({ addresses }) => addresses.map(addressOf))
      .find((one) => familyOf(one) === family)
    if (own === undefined) return []
    const [bridge, out] = [config.options.bridge, deviceOut(patient, family)]
    const there: Packet = {
      ...packet(family),
      iif: bridge,
      oif: out,
      saddr: own,
      daddr: somewhere[family],
      ctstate: 'new',
    }
    const back: Packet = {
      ...packet(family),
      iif: out,
      oif: bridge,
      saddr: somewhere[family],
      daddr: own,
      ctstate: 'established',
    }
    return [there, back].flatMap((one): readonly Ailment[] => {
      const { decision } = walkHook(patient.rules, 'forward', one)
      if (decision === undefined || decision.verdict === 'accept') return []
      const owner = ownerOfTable(decision.table, decision.chain)
      if (owner === 'tsnet' || seen.has(placeOf(decision))) return []
      if (known && decision.table.tool !== 'nft') return []
      seen.add(placeOf(decision))
      return [
        {
          code: 'foreign-drop',
          severity: 'error',
          subject: config.name,
          what: `packets of network ${config.name} are ${decision.verdict === 'drop' ? 'dropped' : 'rejected'} by a chain of ${owner}`,
          evidence: [placeOf(decision), `${one.saddr} -> ${one.daddr}, in by ${one.iif}, out by ${one.oif}`],
          ...acceptFor(decision, bridge),
          safe: false,
        },
      ]
    })
  })
}

const packet = (family: Family): Omit<Packet, 'saddr' | 'daddr' | 'ctstate'> => ({
  family,
  proto: 'tcp',
  sport: 40_000,
  dport: 443,
  ctstatus: [],
  daddrtype: 'unicast',
})

function acceptFor({ table, chain }: Decision, bridge: string): Pick<Ailment, 'fix' | 'commands'> {
  if (table.tool === 'nft') {
    const accept = (where: 'iifname' | 'oifname'): ArgumentVector => [
      ...insertInto(table, chain),
      where,
      bridge,
      'accept',
    ]
    return mendBy(accept('iifname'), accept('oifname'))
  }
  const tool = toolOf(table)
  return {
    fix: `tsnet gc; if it stays: ${tool} -I FORWARD -i ${bridge} -j ACCEPT; ${tool} -I FORWARD -o ${bridge} -j ACCEPT`,
  }
}

const insertInto = ({ family, name }: RuleTable, chain: string): ArgumentVector => [
  'nft',
  ...['insert', 'rule', family, name, chain],
]

/** A container's question to the name server on its gateway. */
function nameQuestions(patient: Patient, { config, containers }: NetworkInspect): readonly Ailment[] {
  return config.subnets.flatMap(({ subnet, gateway }): readonly Ailment[] => {
    const family = familyOf(subnet)
    const asker = containers.find(({ addresses }) => addresses.some((cidr) => familyOf(cidr) === family))
    const own = asker?.addresses.map(addressOf).find((one) => familyOf(one) === family)
    const asks = patient.inventory.records.some(
      ({ container, resolver }) => container.id === asker?.id && resolver.servers.includes(gateway),
    )
    if (own === undefined || !asks) return []
    // Input chains see it as it was led there.
    const port = config.options.dnsPort ?? DNS_PORT
    const question: Packet = {
      ...packet(family),
      proto: 'udp',
      dport: port,
      ctstatus: port === DNS_PORT ? [] : ['dnat'],
      iif: config.options.bridge,
      saddr: own,
      daddr: gateway,
      ctstate: 'new',
      daddrtype: 'local',
    }
    const { decision } = walkHook(patient.rules, 'input', question)
    if (decision === undefined || decision.verdict === 'accept') return []
    const bridge = config.options.bridge
    const allow: ArgumentVector =
      decision.table.tool === 'nft'
        ? [
            ...insertInto(decision.table, decision.chain),
            ...['iifname', bridge, 'udp', 'dport', String(port), 'accept'],
          ]
        : [
            toolOf(decision.table),
            ...['-I', 'INPUT', '-i', bridge, '-p', 'udp', '--dport', String(port), '-j', 'ACCEPT'],
          ]
    return [
      {
        code: 'names-blocked',
        severity: 'error',
        subject: config.name,
        what: `containers of network ${config.name} cannot ask for names: a chain of ${ownerOfTable(decision.table, decision.chain)} drops what they send to ${gateway} port ${port}`,
        evidence: [placeOf(decision)],
        ...mendBy(allow),
        safe: false,
      },
    ]
  })
}

/** A published port whose packets somebody else's rule takes first. */
function diverted(patient: Patient): readonly Ailment[] {
  const host = hostOf(patient.inventory)
  const out = deviceOut(patient, 4)
  const local = host?.interfaces
    .find(({ name }) => name === out)
    ?.addresses.map(addressOf)
    .find((address) => familyOf(address) === 4)
  return patient.inventory.records.flatMap(({ container, attachments }) =>
    attachments.flatMap(({ ports, addresses }) =>
      ports.flatMap((binding): readonly Ailment[] => {
        const to = binding.hostAddress ?? local
        const own = addresses.map(addressOf).find((address) => familyOf(address) === 4)
        if (to === undefined || own === undefined || familyOf(to) === 6 || to.startsWith('127.')) return []
        const asked: Packet = {
          ...packet(4),
          proto: binding.protocol,
          dport: binding.hostPort,
          iif: out,
          saddr: somewhere[4],
          daddr: to,
          ctstate: 'new',
          daddrtype: 'local',
        }
        const { translation } = walkHook(patient.rules, 'prerouting', asked)
        if (translation === undefined || translation.kind !== 'dnat' || translation.to.startsWith(own))
          return []
        const name = container.name ?? container.id.slice(0, 12)
        return [
          {
            code: 'port-taken',
            severity: 'error',
            subject: name,
            what: `port ${binding.hostPort}/${binding.protocol} is published by ${name}, and a rule of ${ownerOfTable(translation.table, translation.chain)} sends its packets to ${translation.to}`,
            evidence: [placeOf({ ...translation, verdict: 'accept', unsure: false })],
            fix: `remove that rule, or publish another port: tsnet publish add ${name} ${binding.hostPort + 1}:${binding.containerPort}`,
            safe: false,
          },
        ]
      }),
    ),
  )
}

/** Both variants of iptables have rules: each is invisible to the other's programs. */
function mixed({ rules }: Patient): readonly Ailment[] {
  const has = (tool: RuleTable['tool']): readonly RuleTable[] =>
    rules.filter(
      (table) => table.tool === tool && [...table.chains.values()].some((chain) => chain.rules.length > 0),
    )
  const [nft, legacy] = [has('iptables-nft'), has('iptables-legacy')]
  // Accepts of ours in a chain that drops are there because it is mixed already, and found as such.
  const theirs = legacy.filter((table) =>
    [...table.chains.values()].some((chain) =>
      chain.rules.some(({ comment }) => comment?.startsWith('tsnet:') !== true),
    ),
  )
  if (nft.length === 0 || theirs.length === 0) return []
  const names = (tables: readonly RuleTable[]): string =>
    [...new Set(tables.map(({ name }) => name))].join(', ')
  return [
    {
      code: 'mixed-backends',
      severity: 'warning',
      subject: 'host',
      what: 'both variants of iptables have rules: packets pass all of them, and each program shows only its own',
      evidence: [`iptables-nft: ${names(nft)}`, `iptables-legacy: ${names(theirs)}`],
      fix: 'update-alternatives --config iptables, move the rules to one of them and flush the other',
      safe: false,
    },
  ]
}
