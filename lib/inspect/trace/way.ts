/**
 * The way of a packet as configured: route, neighbour, bridge, translation and
 * filter of each namespace it passes, until it is delivered, leaves the machine
 * or is stopped.
 *
 * Only as good as what it knows: rules of the main table of routes, of nftables
 * and both iptables. Policy routing, XDP, tc and BPF are not seen; the probe tells.
 *
 * @module
 */

import {
  type Address,
  addressOf,
  contains,
  familyOf,
  isLoopback,
  parseAddress,
  prefixLength,
} from '../../model/address.ts'
import type { Inventory, NamespaceView, RouteView } from '../inventory.ts'
import { ownerOfTable, type Packet, type RuleTable } from '../walk/model.ts'
import { type Decision, type Translation, walkHook } from '../walk/walk.ts'
import { acceptOf, placeOf } from '../walk/words.ts'
import { nextHop } from './links.ts'
import type { TraceHop, TraceReason, TraceStage, TraceStop, TraceTarget } from './report.ts'

/** What the walker may ask; each answer is read once. */
export interface Sight {
  readonly inventory: Inventory
  rulesOf(view: NamespaceView): Promise<readonly RuleTable[]>
  /** A setting inside a namespace, by its key below /proc/sys. */
  setting(view: NamespaceView, key: string): number
  /** Names of networks that have no way in or out. */
  readonly internal: ReadonlySet<string>
}

export interface Way {
  readonly hops: readonly TraceHop[]
  readonly stop?: TraceStop
  /** Where it was delivered, and at which address; absent where it left the machine or was stopped. */
  readonly arrival?: { readonly view: NamespaceView; readonly address: Address; readonly port: number }
}

/** Any more would be a loop. */
const mostHops = 12

interface Walker {
  readonly sight: Sight
  readonly hops: TraceHop[]
  packet: Packet
  view: NamespaceView
  /** Undefined: it starts here. */
  iif: string | undefined
}

class Stopped extends Error {
  readonly stop: TraceStop
  constructor(stop: TraceStop) {
    super(stop.what)
    this.stop = stop
  }
}

export async function configuredWay(sight: Sight, from: NamespaceView, to: TraceTarget): Promise<Way> {
  const walker: Walker = { sight, hops: [], packet: firstPacket(from, to), view: from, iif: undefined }
  try {
    for (let hop = 0; hop < mostHops; hop++) {
      const end = await pass(walker)
      if (end === 'outside') return { hops: walker.hops }
      if (end === 'arrived') {
        const { view, packet } = walker
        return {
          hops: walker.hops,
          arrival: { view, address: packet.daddr as Address, port: packet.dport ?? 0 },
        }
      }
    }
    throw halt(walker, 'route', 'no-route', `the packet goes in circles: ${mostHops} hops and no end`)
  } catch (error) {
    if (error instanceof Stopped) return { hops: walker.hops, stop: error.stop }
    throw error
  }
}

/** The source is what the route chooses, filled in when it is known. */
function firstPacket(from: NamespaceView, { address, port, protocol }: TraceTarget): Packet {
  const family = familyOf(address)
  const own = isOwn(from, address)
  return {
    family,
    saddr: own
      ? address
      : (sourceOf(from, routeTo(from, address), address) ?? (family === 4 ? '0.0.0.0' : '::')),
    daddr: address,
    proto: protocol,
    sport: 40_000,
    dport: port,
    ctstate: 'new',
    ctstatus: [],
    daddrtype: own ? 'local' : 'unicast',
  }
}

/** Through one namespace, up to the door of the next. */
async function pass(walker: Walker): Promise<'outside' | 'arrived' | 'next'> {
  const { view, sight, iif } = walker
  const rules = await sight.rulesOf(view)
  translate(walker, walkHook(rules, iif === undefined ? 'output' : 'prerouting', met(walker)).translation)
  const to = walker.packet.daddr as Address
  if (isOwn(view, to)) {
    filter(walker, rules, 'input', met(walker))
    if (iif !== undefined) reversePath(walker, iif)
    return 'arrived'
  }
  const key = walker.packet.family === 4 ? 'net/ipv4/ip_forward' : 'net/ipv6/conf/all/forwarding'
  if (iif !== undefined && sight.setting(view, key) === 0) {
    const name = key.replaceAll('/', '.')
    throw halt(
      walker,
      'route',
      'forwarding-off',
      `${view.name} does not forward IPv${walker.packet.family}: ${name} = 0`,
      `sysctl -w ${name}=1`,
    )
  }
  const route = routeTo(view, to)
  if (route?.dev === undefined)
    throw halt(walker, 'route', 'no-route', `${view.name} has no route to ${to}`, routeFix(walker))
  tell(
    walker,
    'route',
    route.via === undefined
      ? `${to} is on ${route.dev} (${route.to})`
      : `${to} via ${route.via} by ${route.dev} (${route.to})`,
  )
  if (iif === undefined) {
    const source = sourceOf(view, route, route.via ?? to)
    if (source !== undefined) walker.packet = { ...walker.packet, saddr: source }
  }
  const sent: Packet = { ...met(walker), oif: route.dev }
  filter(walker, rules, iif === undefined ? 'output' : 'forward', sent)
  if (iif !== undefined) answers(walker, rules, sent)
  const { translation } = walkHook(rules, 'postrouting', sent)
  if (translation !== undefined) masquerade(walker, translation, sourceOf(view, route, route.via ?? to))
  return step(walker, route.dev, route.via ?? to)
}

function step(walker: Walker, dev: string, to: Address): 'outside' | 'next' {
  const next = nextHop(walker.sight.inventory, walker.view, dev, to)
  if (next.kind === 'stop') throw halt(walker, next.stage, next.reason, next.what, next.fix)
  if (next.kind === 'outside') {
    tell(walker, 'neighbour', `leaves this machine by ${dev} to ${to}`)
    return 'outside'
  }
  if (next.over !== undefined) tell(walker, 'bridge', next.over)
  tell(walker, 'neighbour', `${to} is ${next.view.name} (${next.iif})`)
  walker.view = next.view
  walker.iif = next.iif
  return 'next'
}

/** As the rules of the present namespace meet it. */
function met({ packet, view, iif }: Walker): Packet {
  const daddrtype = isOwn(view, packet.daddr as Address) ? 'local' : 'unicast'
  return { ...packet, daddrtype, ...(iif === undefined ? {} : { iif }) }
}

function translate(walker: Walker, translation: Translation | undefined): void {
  if (translation === undefined || translation.kind !== 'dnat') return
  const [address, port] = splitEnd(translation.to, walker.packet)
  const { daddr, dport } = walker.packet
  tell(
    walker,
    'nat',
    `${daddr}:${dport} becomes ${address}:${port} (${translation.comment ?? `by ${ownerOfTable(translation.table, translation.chain)}`})`,
  )
  walker.packet = {
    ...walker.packet,
    daddr: address,
    dport: port,
    ctstatus: [...walker.packet.ctstatus, 'dnat'],
  }
}

/** `10.90.0.2:80`, `10.90.0.2.80` of a map, `this host:80`, an address alone. */
function splitEnd(to: string, { daddr, dport = 0 }: Packet): readonly [string, number] {
  if (parseAddress(to) !== undefined) return [to, dport]
  const [, address = '', port = ''] = /^(.*):([\d-]+)$/.exec(to) ?? [to, to]
  const head = address.replace(/^\[|\]$/g, '')
  return [head === '' || head === 'this host' ? daddr : head, port === '' ? dport : Number.parseInt(port, 10)]
}

function masquerade(walker: Walker, translation: Translation, own: Address | undefined): void {
  if (translation.kind === 'dnat') return
  const to =
    translation.kind === 'snat' ? splitEnd(translation.to, walker.packet)[0] : (own ?? walker.packet.saddr)
  tell(walker, 'nat', `${walker.packet.saddr} goes on as ${to}`)
  walker.packet = { ...walker.packet, saddr: to, ctstatus: [...walker.packet.ctstatus, 'snat'] }
}

function filter(
  walker: Walker,
  rules: readonly RuleTable[],
  hook: 'input' | 'output' | 'forward',
  packet: Packet,
): void {
  const { decision } = walkHook(rules, hook, packet)
  const stage = walker.view.own ? 'filter' : 'filter-inside'
  if (decision === undefined) return
  if (decision.verdict !== 'accept') throw refused(walker, decision, packet, stage)
  const by = decision.rule === undefined ? 'no rule is against it' : placeOf(decision)
  tell(walker, stage, `${hook}: ${by}${decision.unsure ? ' (a condition on the way is not understood)' : ''}`)
}

/** The answer has to come back through the same chains. */
function answers(
  walker: Walker,
  rules: readonly RuleTable[],
  { iif, oif, saddr, daddr, sport, dport, ...rest }: Packet,
): void {
  const answer: Packet = {
    ...rest,
    saddr: daddr,
    daddr: saddr,
    ctstate: 'established',
    ...(oif === undefined ? {} : { iif: oif }),
    ...(iif === undefined ? {} : { oif: iif }),
    ...(dport === undefined ? {} : { sport: dport }),
    ...(sport === undefined ? {} : { dport: sport }),
  }
  const { decision } = walkHook(rules, 'forward', answer)
  if (decision !== undefined && decision.verdict !== 'accept')
    throw refused(walker, decision, answer, 'return')
}

function refused(walker: Walker, decision: Decision, packet: Packet, stage: TraceStage): Stopped {
  const owner = ownerOfTable(decision.table, decision.chain)
  const { bridges } = walker.sight.inventory
  const networkOf = (dev: string | undefined): string | undefined =>
    bridges.find(({ name }) => name === dev)?.network
  const [source, target] = [networkOf(packet.iif), networkOf(packet.oif)]
  const word = decision.verdict === 'drop' ? 'dropped' : 'rejected'
  if (owner !== 'tsnet') {
    return halt(
      walker,
      stage,
      'dropped',
      `${word} by a chain of ${owner}: ${placeOf(decision)}`,
      `${walker.view.own ? '' : `nsenter --net=${walker.view.path} -- `}${acceptOf(decision, packet)}`,
    )
  }
  for (const network of [source, target]) {
    if (network !== undefined && walker.sight.internal.has(network))
      return halt(
        walker,
        stage,
        'internal',
        `network ${network} is internal: nothing goes in or out of it`,
        'a network made without --internal',
      )
  }
  const fix =
    source === undefined || target === undefined
      ? 'publish a port: tsnet publish add CONTAINER PORT'
      : `tsnet network connect ${target} CONTAINER; or tsnet network update NETWORK --isolate false for both`
  return halt(
    walker,
    stage,
    'isolated',
    `network ${target ?? packet.oif} lets in published ports only, and answers: ${placeOf(decision)}`,
    fix,
  )
}

/** Strict filtering drops what would be answered by another way. */
function reversePath(walker: Walker, iif: string): void {
  const { view, packet, sight } = walker
  const source = packet.saddr as Address
  if (isOwn(view, source)) return
  const back = routeTo(view, source)
  if (back?.dev === undefined)
    throw halt(walker, 'return', 'no-return', `${view.name} has no route back to ${source}`, routeFix(walker))
  const key = (name: string): string => `net/ipv4/conf/${name}/rp_filter`
  const strict =
    packet.family === 4 && Math.max(sight.setting(view, key('all')), sight.setting(view, key(iif))) === 1
  if (strict && back.dev !== iif) {
    const what = `${view.name} would answer ${source} by ${back.dev}, and filters ${iif} strictly (rp_filter = 1)`
    throw halt(
      walker,
      'return',
      'rp-filter',
      what,
      `nsenter --net=${view.path} -- sysctl -w ${key(iif).replaceAll('/', '.')}=2`,
    )
  }
  tell(
    walker,
    'return',
    `${source} is answered ${back.via === undefined ? '' : `via ${back.via} `}by ${back.dev}`,
  )
}

const routeFix = ({ view, sight, packet }: Walker): string | undefined => {
  const record = sight.inventory.records.find(({ container }) => container.id === view.record)
  const six = packet.family === 6
  for (const { gateways, ifname, defaultRoute } of record?.attachments ?? []) {
    const gateway = gateways.find((one) => one.includes(':') === six)
    if (gateway !== undefined && defaultRoute.includes(packet.family))
      return `nsenter --net=${view.path} -- ip route replace default via ${gateway} dev ${ifname}`
  }
  return undefined
}

function isOwn({ interfaces }: NamespaceView, address: Address): boolean {
  return (
    isLoopback(address) ||
    interfaces.some(({ addresses }) => addresses.some((cidr) => addressOf(cidr) === address))
  )
}

/** The longest prefix, of equals the lowest metric. */
function routeTo({ routes }: NamespaceView, to: Address): RouteView | undefined {
  return routes
    .filter((route) => contains(route.to, to))
    .sort((a, b) => prefixLength(b.to) - prefixLength(a.to) || a.metric - b.metric)[0]
}

/** Of the addresses of the device the one in the subnet of the next hop, else the first. */
function sourceOf(
  { interfaces }: NamespaceView,
  route: RouteView | undefined,
  next: Address,
): Address | undefined {
  const family = familyOf(next)
  const own = (interfaces.find(({ name }) => name === route?.dev)?.addresses ?? []).filter(
    (cidr) => familyOf(cidr) === family && !cidr.startsWith('fe80'),
  )
  const best = own.find((cidr) => contains(cidr, next)) ?? own[0]
  return best === undefined ? undefined : addressOf(best)
}

function tell(walker: Walker, stage: TraceStage, what: string): void {
  walker.hops.push({ stage, where: walker.view.name, what, ok: true })
}

function halt(walker: Walker, stage: TraceStage, reason: TraceReason, what: string, fix?: string): Stopped {
  walker.hops.push({ stage, where: walker.view.name, what, ok: false })
  return new Stopped({ stage, reason, what, ...(fix === undefined ? {} : { fix }) })
}
