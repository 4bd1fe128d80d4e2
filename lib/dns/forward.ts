/**
 * Asking other servers: which, in what order, and what when they are slow.
 *
 * The first server is asked at once and the next after 100 ms without an
 * answer; whatever good answer comes first counts, a refusal makes the next one
 * start at once. Equal questions under way are asked once, which is the guard
 * against loops too: a question that comes back to us through another server
 * waits for itself and ends in SERVFAIL. Answers are kept for their TTL.
 *
 * @module
 */

import type { Address } from '../model/address.ts'
import { type Cache, type Cached, createCache } from './cache.ts'
import { normaliseReply, onwardQuery, replyFor, type UpstreamReply } from './reply.ts'
import type { Upstreams } from './upstream.ts'
import { FLAG, keyOf, type Query, RCODE } from './wire.ts'
import type { Route } from './zone-contents.ts'
import type { View } from './zone-lookup.ts'

/** A route and whose it is: of a network, of a container, else of the host. */
export interface OwnedRoute extends Route {
  readonly network?: string
  readonly container?: string
}

export interface Forwarder {
  /** The reply as this client gets it; undefined where nobody answers and nothing is kept. */
  resolve(asked: Asked): Promise<Forwarded | undefined>
  readonly cache: Cache
  /** Questions under way. */
  readonly outstanding: number
}

export interface Asked {
  readonly message: Buffer
  readonly query: Query
  readonly view: View
  readonly limit: number
}

export interface Forwarded {
  readonly reply: Buffer
  readonly why: string
}

export interface ForwarderOptions {
  readonly upstreams: Upstreams
  readonly hostServers: () => readonly Address[]
  readonly routes: () => readonly OwnedRoute[]
  /** Addresses we listen on: asking them would be asking ourselves. */
  readonly own: (server: Address) => boolean
  readonly now?: () => number
}

const HEDGE_MS = 100
/** A server that said nothing gets the question once more after that time. */
const REPEAT_MS = 1000
/** Below the 5 s after which resolvers in containers give up. */
const DEADLINE_MS = 4000
/** When something stale is at hand, nobody has to wait longer (RFC 8767 section 5). */
const STALE_AFTER_MS = 1800
/** How long a stale answer may be used (RFC 8767 section 4). */
const STALE_TTL_SECONDS = 30
/** A server that did not answer goes to the end of the line for that time. */
const PENALTY_MS = 10_000
const CACHE_LIMITS = { entries: 20_000, bytes: 12 * 1024 * 1024 }
const MAX_OUTSTANDING = 20_000
/** Of one asker: names by chance, which nobody answers, must not use up everybody's. A resolver behind one asks thousands. */
const MAX_OUTSTANDING_EACH = 5000

interface Result {
  readonly reply: UpstreamReply
  readonly server: Address
}

export function createForwarder(options: ForwarderOptions): Forwarder {
  const { upstreams } = options
  const now = options.now ?? (() => performance.now())
  const cache = createCache(CACHE_LIMITS)
  const underWay = new Map<string, Promise<Cached | undefined>>()
  const silent = new Map<Address, number>()
  const asking = new Map<string, number>()

  const askOne = async (
    server: Address,
    { message, query }: Asked,
    timeoutMs: number,
  ): Promise<Result | undefined> => {
    const started = now()
    const left = (): number => Math.max(1, timeoutMs - (now() - started))
    let edns = true
    for (;;) {
      const sent = onwardQuery(message, query, { edns })
      const bytes = await upstreams.askUdp(server, sent, query.questionEnd, left())
      if (bytes === undefined) return undefined
      let reply = normaliseReply(bytes)
      // Old servers do not know what the OPT record is.
      const puzzled = reply?.rcode === RCODE.FORMERR || reply?.rcode === RCODE.NOTIMP
      if (edns && puzzled) {
        edns = false
        continue
      }
      if (reply?.truncated === true) {
        const whole = await upstreams.askTcp(server, sent, query.questionEnd, left())
        reply = (whole === undefined ? undefined : normaliseReply(whole)) ?? reply
      }
      return reply === undefined ? undefined : { reply, server }
    }
  }

  /**
   * All servers of a list, one after the other without waiting long, and all of
   * them once more; the first good answer, else the last bad one.
   */
  const race = (servers: readonly Address[], asked: Asked): Promise<Result | undefined> =>
    new Promise((resolve) => {
      const endsAt = now() + DEADLINE_MS
      const turns = [...servers, ...servers]
      let next = 0
      let open = 0
      let refused: Result | undefined
      let hedge: NodeJS.Timeout | undefined
      let done = false
      const finish = (result: Result | undefined): void => {
        done = true
        clearTimeout(hedge)
        resolve(result)
      }
      const settle = (server: Address, result: Result | undefined): void => {
        open--
        if (result === undefined) silent.set(server, now() + PENALTY_MS)
        else silent.delete(server)
        if (done) return
        if (result !== undefined && isGood(result.reply)) {
          finish(result)
          return
        }
        refused = result ?? refused
        // Who has refused would refuse again: the second round is against silence.
        if (next < (refused === undefined ? turns.length : servers.length)) launch()
        else if (open === 0) finish(refused)
      }
      const launch = (): void => {
        clearTimeout(hedge)
        const server = turns[next++] as Address
        open++
        askOne(server, asked, Math.max(1, endsAt - now())).then(
          (result) => settle(server, result),
          () => settle(server, undefined),
        )
        if (next < turns.length) hedge = setTimeout(launch, next < servers.length ? HEDGE_MS : REPEAT_MS)
      }
      launch()
    })

  const ask = async (key: string, servers: readonly Address[], asked: Asked): Promise<Cached | undefined> => {
    const at = now()
    const order = [...servers].sort((a, b) => Number(isSilent(a, at)) - Number(isSilent(b, at)))
    const result = await race(order, asked)
    if (result === undefined) return undefined
    const cached: Cached = { reply: result.reply, server: result.server, storedAt: now() }
    if (result.reply.keepSeconds > 0) cache.put(key, cached)
    return cached
  }

  const isSilent = (server: Address, at: number): boolean => (silent.get(server) ?? 0) > at

  const resolve = async (asked: Asked): Promise<Forwarded | undefined> => {
    const { query, view } = asked
    const chosen = chooseServers(options.routes(), view, query.key)
    const servers = (chosen?.servers ?? options.hostServers()).filter((server) => !options.own(server))
    const because = chosen?.why ?? "the host's resolvers"
    if (servers.length === 0) return undefined
    const key = cacheKey(servers, query)
    const kept = cache.get(key, now())
    const answer = (cached: Cached, ttl: Parameters<typeof replyFor>[2], how: string): Forwarded => ({
      reply: replyFor(asked, cached.reply, ttl),
      why: `${cached.server} (${because}), ${how}`,
    })
    const goneSeconds = (cached: Cached): number => Math.floor((now() - cached.storedAt) / 1000)
    if (kept?.fresh === true) {
      const gone = goneSeconds(kept.cached)
      return answer(kept.cached, { gone }, `kept since ${gone} s`)
    }
    let pending = underWay.get(key)
    if (pending === undefined) {
      const asker = askerOf(view)
      const own = asking.get(asker) ?? 0
      if (underWay.size >= MAX_OUTSTANDING || own >= MAX_OUTSTANDING_EACH) return undefined
      asking.set(asker, own + 1)
      pending = ask(key, servers, asked).finally(() => {
        underWay.delete(key)
        const left = (asking.get(asker) ?? 1) - 1
        if (left > 0) asking.set(asker, left)
        else asking.delete(asker)
      })
      underWay.set(key, pending)
    }
    const stale = kept?.cached
    const result = stale === undefined ? await pending : await Promise.race([pending, later(STALE_AFTER_MS)])
    if (result !== undefined && (stale === undefined || isGood(result.reply))) {
      return answer(result, { gone: 0 }, 'asked now')
    }
    if (stale === undefined) return undefined
    return answer(stale, { stale: STALE_TTL_SECONDS }, 'stale: no server answers')
  }

  return {
    resolve,
    cache,
    get outstanding() {
      return underWay.size
    },
  }
}

/** A container, or whoever else asks on a network. */
function askerOf({ container, networks }: View): string {
  return container?.id ?? `network ${networks[0]?.network.name ?? ''}`
}

const isGood = ({ rcode }: UpstreamReply): boolean => rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN

function later(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined).unref())
}

/** What makes two questions the same: who is asked, what for, and the bits that change the answer. */
function cacheKey(servers: readonly Address[], query: Query): string {
  const bits =
    (query.flags[0] & FLAG.RD) | (query.flags[1] & FLAG.CD) | (query.edns?.dnssecOk === true ? 2 : 0)
  return `${servers.join()} ${query.type} ${query.class} ${bits} ${query.key}`
}

/** The servers of the longest route that fits, a container's before a network's before the host's; else forwarders. */
function chooseServers(
  routes: readonly OwnedRoute[],
  view: View,
  key: string,
): { readonly servers: readonly Address[]; readonly why: string } | undefined {
  let best: { readonly route: OwnedRoute; readonly length: number; readonly rank: number } | undefined
  for (const route of routes) {
    const rank = rankOf(route, view)
    const domain = keyOf(route.domain)
    if (rank === 0 || domain === undefined || !isBelow(key, domain)) continue
    const { length } = domain
    if (best === undefined || length > best.length || (length === best.length && rank > best.rank)) {
      best = { route, length, rank }
    }
  }
  if (best !== undefined) return { servers: best.route.servers, why: `route for ${best.route.domain}` }
  if (view.forwarders.length === 0) return undefined
  const own = (view.container?.forwarders ?? []).length > 0
  return { servers: view.forwarders, why: own ? "the container's servers" : "the network's servers" }
}

/** 0: it is not for this asker. */
function rankOf({ network, container }: OwnedRoute, view: View): number {
  if (container !== undefined) {
    const own = view.container
    return own !== undefined && (own.id === container || own.names.includes(container)) ? 3 : 0
  }
  if (network !== undefined) return view.networks.some((names) => names.network.name === network) ? 2 : 0
  return 1
}

function isBelow(key: string, domain: string): boolean {
  if (!key.endsWith(domain)) return false
  // The match must begin at a label, not in the middle of one.
  for (let at = 0; at <= key.length - domain.length; at += key.charCodeAt(at) + 1) {
    if (at === key.length - domain.length) return true
  }
  return false
}
