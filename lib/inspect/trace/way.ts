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

import { type Address, familyOf } from '../../model/address.ts'
import type { NamespaceView } from '../views.ts'
import type { Packet } from '../walk/model.ts'
import { walkHook } from '../walk/walk.ts'
import { nextHop } from './links.ts'
import type { TraceHop, TraceStop, TraceTarget } from './report.ts'
import { isOwn, routeTo, sourceOf } from './routes.ts'
import { answers, filter, masquerade, translate } from './rules.ts'
import { halt, met, type Sight, Stopped, tell, type Walker } from './walker.ts'

export interface Way {
  readonly hops: readonly TraceHop[]
  readonly stop?: TraceStop
  /** Where it was delivered, and at which address; absent where it left the machine or was stopped. */
  readonly arrival?: { readonly view: NamespaceView; readonly address: Address; readonly port: number }
}

/** Any more would be a loop. */
const mostHops = 12

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
