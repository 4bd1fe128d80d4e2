/**
 * What can be told of containers whose record is lost: by the tags that rules and
 * links carry in the kernel, and by who is named in reservations.
 *
 * A record that cannot be read was set aside. Its container may live, so its
 * rules stay, and are put back with those of all others; whoever asks for its
 * teardown gets a record made of its traces, which is then taken down like any
 * other. What was inside the sandbox goes with its link; what was written into
 * the files of a container (resolv.conf, hosts) nobody can tell any more.
 *
 * @module
 */

import { ownerTag } from '../../firewall/tag.ts'
import type { TaggedRules } from '../../kernel/kernel.ts'
import {
  type Address,
  type Cidr,
  familyOf,
  parseAddress,
  prefixLength,
  withPrefix,
} from '../../model/address.ts'
import { type Attachment, type ContainerNetwork, nothingMore } from '../../model/attachment.ts'
import { attachmentOwner, ownerInKey } from '../../model/names.ts'
import type { LinkFact } from '../../plan/facts.ts'
import type { LoweredStep, VethStep } from '../../plan/step.ts'
import type { ContainerRecord, OwnedStep } from '../../state/records.ts'
import type { Owner } from '../../state/reservations.ts'
import type { EngineContext } from '../context.ts'

/** Whose traces are meant: of one interface, of all of a container, or of its ports alone. */
interface Traced {
  readonly id: string
  readonly ifname?: string
  readonly onlyPorts?: true
}

/** By the key of a record (look/find.ts, endpoint/endrecords.ts). */
function tracedBy(key: string): Traced | undefined {
  const isEnd = key.startsWith('~')
  const [id = '', word, ...parts] = (isEnd ? key.slice(1) : key).split('~')
  // Plugins of a chain look for what they have made themselves.
  if (parts.length > 0) return undefined
  if (word === undefined || word === 'change') return { id }
  return isEnd ? { id, onlyPorts: true } : { id, ifname: word }
}

/** Links and rules of containers, and which of them readable records speak of. */
export interface Traces {
  readonly rules: readonly TaggedRules[]
  readonly links: readonly LinkFact[]
}

/** Those nobody's record speaks of. */
export async function untold(context: EngineContext): Promise<Traces> {
  const { kernel, containers, units } = context
  const backends = (['iptables', 'nftables'] as const).filter((one) => units.has(`base@${one}`))
  // Links after rules: what another tsnet sets up meanwhile has its link before it has rules, and is seen to live.
  const rules = await kernel.taggedRules(backends)
  const { links } = await kernel.hostFacts()
  const told = containers
    .keys()
    .flatMap((key) => containers.get(key) ?? [])
    .concat(containers.pendingKeys().flatMap((key) => containers.pending(key) ?? []))
    .flatMap((record) => stepsIn(record))
  const tags = new Set(told.flatMap(tagsIn))
  const removals = new Set(told.map((step) => (step.kind === 'rules' ? step.remove : '')))
  const names = new Set(told.map((step) => (step.kind === 'veth' ? step.name : '')))
  return {
    rules: rules.filter(({ tag, remove }) => (tag === undefined ? !removals.has(remove) : !tags.has(tag))),
    links: links.filter(({ name, alias }) => ownerIn(alias) !== undefined && !names.has(name)),
  }
}

function stepsIn({ steps, change }: ContainerRecord): readonly LoweredStep[] {
  const own = steps.map(({ step }) => step)
  return change === undefined ? own : [...own, ...change.redo, ...stepsIn(change.without)]
}

function tagsIn(step: LoweredStep): readonly string[] {
  return step.kind === 'rules' ? [...step.add.matchAll(/"(tsnet:[^"]+)"/g)].map(([, tag = '']) => tag) : []
}

/** `CONTAINER/IFNAME` of a link's alias; of bridges nothing. */
export function ownerIn(alias: string | undefined): string | undefined {
  return /^tsnet:([^\s/]+\/\S+) /.exec(alias ?? '')?.[1]
}

/** Long ones are cut in the middle, and end with the interface all the same. */
export function isTagOf(tag: string | undefined, id: string): boolean {
  const ifname = /^tsnet:[\w.~-]+\/([\w.-]+)$/.exec(tag ?? '')?.[1]
  return ifname !== undefined && tag === ownerTag(attachmentOwner(id, ifname))
}

/** What of all that is of the records with these keys. */
export function tracesOf({ rules, links }: Traces, keys: readonly string[]): Traces {
  const traced = keys.flatMap((key) => tracedBy(key) ?? [])
  const isLink = ({ alias }: LinkFact): boolean =>
    traced.some(({ id, ifname, onlyPorts }) => {
      const owner = ownerIn(alias)
      if (owner === undefined || onlyPorts) return false
      return ifname === undefined ? owner.startsWith(`${id}/`) : owner === attachmentOwner(id, ifname)
    })
  const isRule = ({ tag, remove }: TaggedRules): boolean =>
    traced.some(({ id, ifname, onlyPorts }) => {
      if (onlyPorts && remove.includes(' netdev ')) return false
      return ifname === undefined ? isTagOf(tag, id) : tag === ownerTag(attachmentOwner(id, ifname))
    })
  return { rules: rules.filter(isRule), links: links.filter(isLink) }
}

/** Rules of containers whose record cannot be read: they stay, so whoever fills a chain anew has to know them. */
export async function rulesOfLost(context: EngineContext): Promise<readonly LoweredStep[]> {
  const keys = context.containers.asideKeys()
  return keys.length === 0 ? [] : ruleSteps(tracesOf(await untold(context), keys).rules)
}

export function stepsOf({ rules, links }: Traces): readonly LoweredStep[] {
  return [...links.map(vethOf), ...ruleSteps(rules)]
}

/** Elements of all are one step: there may be thousands. */
function ruleSteps(rules: readonly TaggedRules[]): readonly LoweredStep[] {
  const elements = rules.filter(({ tool, add }) => tool === 'nft' && add !== '')
  const others = rules.filter((one) => !elements.includes(one))
  const text = (way: 'add' | 'remove'): string => elements.map((one) => one[way]).join('')
  const together: LoweredStep = {
    ...{ kind: 'rules', where: 'host', tool: 'nft' },
    ...{ add: text('add'), remove: text('remove') },
  }
  return [
    ...(elements.length === 0 ? [] : [together]),
    ...others.map(({ kind, where, tool, add, remove }) => ({ kind, where, tool, add, remove })),
  ]
}

function vethOf({ name, mac, mtuBytes, alias = '', master = '' }: LinkFact): VethStep {
  const ifname = ifnameIn(alias)
  const known = (mac ?? '') as VethStep['mac']
  const peer = { name: ifname, mac: known }
  return { kind: 'veth', where: 'host', name, mac: known, mtuBytes, alias, bridge: master, peer }
}

function ifnameIn(alias: string | undefined): string {
  const owner = ownerIn(alias) ?? ''
  return owner.slice(owner.indexOf('/') + 1)
}

/** Reservations that were made in the name of a record. */
interface Reserved {
  readonly owner: Owner | undefined
  readonly leases: readonly { readonly network: string; readonly address: Address }[]
  readonly name: string | undefined
}

export function reservedBy({ reservations: { leases, ports, names } }: EngineContext, key: string): Reserved {
  const own = leases.networks().flatMap((network) =>
    leases.list(network).flatMap((file) => {
      const [address, owner] = [parseAddress(file), leases.owner(network, file)]
      return address !== undefined && owner?.record === key ? [{ network, address, owner }] : []
    }),
  )
  const name = names.list().find((one) => names.owner(one)?.record === key)
  const port = ports.list().find(({ owner }) => owner?.record === key)
  return {
    owner: own[0]?.owner ?? port?.owner ?? (name === undefined ? undefined : names.owner(name)),
    leases: own,
    name,
  }
}

export interface Told {
  /** A journal entry: undone, all of it is gone. */
  readonly record: ContainerRecord
  /** What people are told of it. */
  readonly result: ContainerNetwork
}

/** Of a container whose record was set aside. Under its lock and the host lock. */
export async function toldOf(context: EngineContext, key: string): Promise<Told> {
  const traces = await ownTraces(context, key)
  const { owner, leases, name } = reservedBy(context, key)
  const id = owner?.container ?? ownerInKey(key)
  const networks = [...new Set(leases.map(({ network }) => network))]
  const path = owner?.path ?? ''
  const record: ContainerRecord = {
    version: 1,
    id: key,
    container: id,
    networks,
    ...(name === undefined ? {} : { name }),
    request: { sandbox: { path }, container: { id }, mode: 'bridge', networks: [], ...nothingMore },
    steps: stepsOf(traces).map((step): OwnedStep => ({ of: '', step })),
  }
  const result: ContainerNetwork = {
    container: { id, ...(name === undefined ? {} : { name }) },
    sandbox: { path, identity: { cookie: owner?.cookie ?? '', bootId: owner?.bootId ?? '' } },
    mode: 'bridge',
    attachments: traces.links.flatMap((link) => attachmentOf(context, link, leases)),
    hostAddresses: [],
    resolver: { servers: [], search: [], options: [], hosts: [] },
    createdAt: new Date().toISOString(),
  }
  return { record, result }
}

/** Without what is of another record of the same container. */
async function ownTraces(context: EngineContext, key: string): Promise<Traces> {
  const all = await untold(context)
  const own = tracesOf(all, [key])
  const others = tracesOf(
    all,
    context.containers.asideKeys().filter((one) => one.startsWith(`${key}~`)),
  )
  return {
    rules: own.rules.filter((rule) => !others.rules.includes(rule)),
    links: own.links.filter((link) => !others.links.includes(link)),
  }
}

function attachmentOf(
  { networks, backend }: EngineContext,
  { name: hostIfname, alias, master, mtuBytes }: LinkFact,
  leases: Reserved['leases'],
): readonly Attachment[] {
  const config = networks.list().find(({ options }) => options.bridge === master)
  if (config === undefined) return []
  const addresses = leases
    .filter(({ network }) => network === config.name)
    .flatMap(({ address }): readonly Cidr[] => {
      const own = config.subnets.find(({ subnet }) => familyOf(subnet) === familyOf(address))
      return own === undefined ? [] : [withPrefix(address, prefixLength(own.subnet))]
    })
  return [
    {
      ...{ network: config.name, driver: config.driver, ifname: ifnameIn(alias), hostIfname },
      ...{ bridge: config.options.bridge, addresses, gateways: [], mac: '' as Attachment['mac'], mtuBytes },
      ...{ aliases: [], defaultRoute: [], ports: [], firewall: config.firewall ?? backend },
    },
  ]
}
