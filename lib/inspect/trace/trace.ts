/**
 * `tsnet trace`: the way of a packet as configured, then one real probe, and
 * where it stopped.
 *
 * Where the two disagree the probe is right: what it reached is reached, and what
 * stopped it unseen is said to be unseen. The flow the probe leaves in connection
 * tracking is taken away again.
 *
 * @module
 */

import type { Engine } from '../../engine/engine.ts'
import { type InsideView, lookInside } from '../../kernel/namespace/inside.ts'
import { type ProbeOutcome, probeTcp, probeUdp } from '../../kernel/packets/probesocket.ts'
import { isLoopback, isUnspecified } from '../../model/address.ts'
import { findNamespace } from '../find.ts'
import { takeInventory } from '../inventory.ts'
import type { NamespaceView } from '../views.ts'
import type { RuleTable } from '../walk/model.ts'
import { readTables } from '../walk/tables.ts'
import type { TraceHop, TraceReport, TraceStop, TraceTarget } from './report.ts'
import { readTarget } from './target.ts'
import type { Sight } from './walker.ts'
import { configuredWay, type Way } from './way.ts'

/** As long as TCP takes to ask a second time, and a little. */
const probeMs = 1500

/**
 * @param from a container of any engine, or `host`
 * @param to `NAME:PORT`, `ADDRESS:PORT`, with `/udp`
 * @throws TSNET_NO_SUCH_CONTAINER (notFound), TSNET_BAD_VALUE (invalid)
 */
export async function trace(engine: Engine, from: string, to: string): Promise<TraceReport> {
  const [inventory, networks] = [await takeInventory(engine), await engine.listNetworks()]
  const source = findNamespace(inventory, from)
  const target = readTarget(inventory, source, to)
  const insides = new Map<string, InsideView | undefined>()
  const insideOf = (view: NamespaceView): InsideView | undefined => {
    if (!insides.has(view.id)) insides.set(view.id, lookInside(view.path, keysOf(view)))
    return insides.get(view.id)
  }
  const rules = new Map<string, Promise<readonly RuleTable[]>>()
  const sight: Sight = {
    inventory,
    internal: new Set(networks.filter(({ config }) => config.internal).map(({ config }) => config.name)),
    rulesOf: (view) => {
      const known = rules.get(view.id) ?? tablesOf(view)
      rules.set(view.id, known)
      return known
    },
    setting: (view, key) => Number(insideOf(view)?.sysctls.get(key) ?? 0),
  }
  const way = await configuredWay(sight, source, target)
  const outcome = await probe(source, target)
  const listener = way.arrival === undefined ? undefined : listening(insideOf(way.arrival.view), way, target)
  return reportOf(source, target, way, { outcome, listener })
}

const keysOf = ({ interfaces }: NamespaceView): readonly string[] => [
  'net/ipv4/ip_forward',
  'net/ipv6/conf/all/forwarding',
  ...['all', ...interfaces.map(({ name }) => name)].map((name) => `net/ipv4/conf/${name}/rp_filter`),
]

const tablesOf = ({ own, path }: NamespaceView): Promise<readonly RuleTable[]> =>
  readTables(own ? undefined : path)

function probe(
  { own, path }: NamespaceView,
  { address, port, protocol }: TraceTarget,
): Promise<ProbeOutcome> {
  const options = { timeoutMs: probeMs, ...(own ? {} : { from: path }) }
  return protocol === 'tcp' ? probeTcp(address, port, options) : probeUdp(address, port, options)
}

type Listening = 'yes' | 'loopback' | 'no'

function listening(
  inside: InsideView | undefined,
  { arrival }: Way,
  { protocol }: TraceTarget,
): Listening | undefined {
  if (inside === undefined || arrival === undefined) return undefined
  const sockets = inside[protocol].filter(({ port }) => port === arrival.port)
  if (sockets.some(({ address }) => isUnspecified(address) || address === arrival.address)) return 'yes'
  return sockets.some(({ address }) => isLoopback(address)) ? 'loopback' : 'no'
}

interface Facts {
  readonly outcome: ProbeOutcome
  readonly listener: Listening | undefined
}

/** The pure half. */
function reportOf(source: NamespaceView, to: TraceTarget, way: Way, facts: Facts): TraceReport {
  const reached = facts.outcome.verdict === 'connected'
  const stop = reached ? undefined : (way.stop ?? probeStop(to, way, facts))
  const said: TraceHop = {
    stage: 'probe',
    where: source.name,
    what: probeWords(facts.outcome, to),
    ok: reached,
  }
  const hops = [...way.hops, said]
  return { from: source.name, to, hops, reached, ...(stop === undefined ? {} : { stopped: stop }) }
}

function probeWords({ verdict, milliseconds }: ProbeOutcome, { protocol }: TraceTarget): string {
  const words = {
    connected: protocol === 'tcp' ? `connected in ${milliseconds} ms` : `answered in ${milliseconds} ms`,
    refused: 'refused: it got there, and nobody listens',
    unreachable: 'the kernel says that it cannot be reached',
    timeout: `no answer in ${probeMs} ms`,
  }
  return words[verdict]
}

/** The way is free as far as it is known, and the probe did not get through. */
function probeStop(to: TraceTarget, way: Way, { outcome, listener }: Facts): TraceStop {
  const whom = way.arrival?.view.name ?? to.name ?? to.address
  const port = `${way.arrival?.port ?? to.port}/${to.protocol}`
  const stop = { stage: 'probe' as const }
  if (listener === 'loopback') {
    const what = `the service on port ${port} of ${whom} listens on 127.0.0.1 only`
    return {
      ...stop,
      reason: 'listener-loopback',
      what,
      fix: `have it listen on 0.0.0.0:${way.arrival?.port}`,
    }
  }
  if (outcome.verdict === 'refused' || listener === 'no') {
    const fix =
      way.arrival === undefined
        ? {}
        : { fix: `start the service, or see what listens: tsnet exec ${whom} ss -ln` }
    return { ...stop, reason: 'no-listener', what: `nobody listens on port ${port} of ${whom}`, ...fix }
  }
  if (outcome.verdict === 'unreachable')
    return {
      ...stop,
      reason: 'unreachable',
      what: `${to.address} cannot be reached, for a reason that is not configured here`,
    }
  if (to.protocol === 'udp' && listener === 'yes')
    return {
      ...stop,
      reason: 'timeout',
      what: `${whom} listens on port ${port} and did not answer: UDP services may ignore what they do not understand`,
    }
  const where =
    way.arrival === undefined
      ? 'beyond this machine'
      : 'by something tsnet does not see: policy routes, BPF, a frozen process'
  return { ...stop, reason: 'timeout', what: `lost ${where}: nothing configured here stops it` }
}
