/**
 * The rules that concern a container, or all of tsnet's networks: what
 * `tsnet rules` prints. Pure but for {@link takeRules}.
 *
 * @module
 */

import { type RuleList, readRules } from '../../kernel/rules/ruletext.ts'
import { type Address, addressOf, type Family } from '../../model/address.ts'
import { findNamespace, hostOf } from '../find.ts'
import type { Inventory, NamespaceView } from '../views.ts'
import { concerns, narrowed, type Subject } from './concern.ts'
import { parseNative } from './native.ts'
import { droppingPolicies, type ReachedRule, reachedRules } from './reach.ts'
import type { Hook, RuleTool } from './rule.ts'
import { parseSaved } from './saved.ts'
import { ruleWords } from './words.ts'

/** Which part of a packet's way. */
export type RulePlace = 'arriving' | 'publishing' | 'to the host' | 'forwarding' | 'leaving'

/** One packet rule, in words and as the tool prints it. */
export interface RuleView {
  readonly place: RulePlace
  /** A sentence. */
  readonly words: string
  /** `accept`, `drop`, `dnat`, …; `other` for what tsnet has no word for. */
  readonly does: string
  /** Absent where the rule does not count. */
  readonly packets?: number
  readonly bytes?: number
  /** The counter is that of all networks, or of all traffic, together. */
  readonly shared: boolean
  /** `tsnet` or who seems to have made it: `docker`, `podman`, `ufw`, …, `admin` for TSNET-USER, `host` where nothing tells. */
  readonly owner: string
  readonly tool: RuleTool
  /** Absent: both. */
  readonly family?: Family
  readonly table: string
  readonly chain: string
  readonly hooks: readonly Hook[]
  /** As its tool writes it. */
  readonly text: string
}

/** The packet rules that concern a container, or all of tsnet’s. */
export interface RuleReport {
  /** What the rules were chosen for: a container's name, or `tsnet` for all networks. */
  readonly subject: string
  readonly addresses: readonly Address[]
  readonly links: readonly string[]
  readonly rules: readonly RuleView[]
}

/** @throws TSNET_NO_SUCH_CONTAINER (notFound) */
export async function takeRules(inventory: Inventory, container: string | undefined): Promise<RuleReport> {
  const subject = subjectOf(inventory, container)
  return rulesFor(await readRules(), subject)
}

interface NamedSubject extends Subject {
  readonly name: string
}

function rulesFor({ saved, nft }: RuleList, subject: NamedSubject): RuleReport {
  const parsed = [...saved.map(parseSaved), parseNative(nft)]
  const chains = parsed.flatMap((one) => one.chains)
  const rules = reachedRules({ chains, rules: parsed.flatMap((one) => one.rules) })
  const told = [...rules, ...droppingPolicies(chains)]
    .filter((rule) => concerns(rule, subject))
    .map((rule) => narrowed(rule, subject))
    .map((rule) => ({ rule, place: placeOf(rule) }))
    .sort(
      (a, b) =>
        places.indexOf(a.place) - places.indexOf(b.place) ||
        a.rule.priority - b.rule.priority ||
        a.rule.order - b.rule.order,
    )
  return {
    subject: subject.name,
    addresses: subject.addresses,
    links: subject.links,
    rules: told.map(({ rule, place }) => viewOf(rule, place)),
  }
}

const places: readonly RulePlace[] = ['arriving', 'publishing', 'to the host', 'forwarding', 'leaving']

function placeOf({ hooks, verdict }: ReachedRule): RulePlace {
  if (verdict.does === 'dnat' || verdict.does === 'redirect') return 'publishing'
  const [hook] = hooks
  if (hook === 'forward') return 'forwarding'
  if (hook === 'input') return 'to the host'
  return hook === 'postrouting' ? 'leaving' : 'arriving'
}

function viewOf(rule: ReachedRule, place: RulePlace): RuleView {
  const { packets, bytes, shared, tool, family, table, chain, hooks, text, verdict } = rule
  const policy = text === 'policy drop' ? `everything no rule of ${chain} lets through: dropped` : undefined
  return {
    place,
    words: policy ?? ruleWords(rule),
    does: verdict.does,
    ...(packets === undefined ? {} : { packets, bytes: bytes ?? 0 }),
    shared,
    owner: ownerOf(rule),
    tool,
    ...(family === undefined ? {} : { family }),
    table,
    chain,
    hooks,
    text,
  }
}

/** By habit of their makers: a guess. */
const owners: readonly (readonly [RegExp, string])[] = [
  [/\bTSNET-USER\b/, 'admin'],
  [/\bTSNET-|inet tsnet|"?tsnet:/, 'tsnet'],
  [/\bDOCKER|docker/, 'docker'],
  [/NETAVARK|netavark/, 'podman'],
  [/\bCNI-|cni_/, 'cni'],
  [/\bKUBE-|kube-/, 'kubernetes'],
  [/\bufw/, 'ufw'],
  [/\bf2b-/, 'fail2ban'],
  [/LIBVIRT|libvirt/, 'libvirt'],
  [/firewalld/, 'firewalld'],
]

function ownerOf({ table, chain, comment = '' }: ReachedRule): string {
  const text = `${table} ${chain} ${comment}`
  return owners.find(([pattern]) => pattern.test(text))?.[1] ?? 'host'
}

function subjectOf(inventory: Inventory, word: string | undefined): NamedSubject {
  if (word === undefined) {
    const bridges = inventory.bridges.filter(({ network }) => network !== undefined).map(({ name }) => name)
    const ours = inventory.namespaces.filter(({ record }) => record !== undefined)
    return {
      name: 'tsnet',
      links: bridges,
      addresses: ours.flatMap(addressesOf),
      tags: ['tsnet:network/', ...inventory.records.map(({ container }) => `tsnet:${container.id}/`)],
      ours: inventory.records.length > 0 || bridges.length > 0,
    }
  }
  const view = findNamespace(inventory, word)
  const record = inventory.records.find(({ container }) => container.id === view.record)
  const host = hostOf(inventory)
  const ends = view.interfaces.flatMap(({ peer }) =>
    peer !== undefined && peer.namespace === host?.id ? [peer.name] : [],
  )
  const bridges = view.interfaces.flatMap(({ bridge }) => (bridge === undefined ? [] : [bridge]))
  return {
    name: view.name,
    links: [...new Set([...bridges, ...ends])],
    addresses: addressesOf(view),
    tags: [
      `tsnet:${record?.container.id ?? '-'}/`,
      ...(record?.attachments.map(({ network }) => `tsnet:network/${network}`) ?? []),
    ],
    ours: record !== undefined,
  }
}

function addressesOf({ interfaces, own }: NamespaceView): readonly Address[] {
  return interfaces
    .filter(({ name }) => name !== 'lo' || own)
    .flatMap(({ addresses }) => addresses.map(addressOf))
    .filter((address) => !address.startsWith('fe80:'))
}
