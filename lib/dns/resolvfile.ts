/**
 * A container's resolv.conf as text, and what it says in each mode.
 *
 * What is asked for comes first, each of the three by itself, but for servers
 * where tsnet's own answer: they ask the ones that were given. What is left open:
 *
 * - host: as on the host, word for word where nothing was asked for;
 * - none: nothing, there is no way to any server;
 * - container: as the container whose sandbox is shared;
 * - bridge: tsnet's own servers where its networks have them, else those of the
 *   host a container can reach; search and options as on the host.
 *
 * With tsnet's servers `ndots:0` is added unless somebody sets ndots (Docker
 * does the same): a single word is asked for as it stands before any domain is
 * put behind it, so a container's name is neither looked up outside first nor
 * shadowed by a host of the search domain.
 *
 * @see resolv.conf(5)
 * @module
 */

import { isLoopback } from '../model/address.ts'
import { madeByUs } from '../plan/textfile.ts'
import { type HostResolvers, parseResolvConf } from './resolvconf.ts'

export interface ResolverPlace {
  /** Of the sandbox: a shared one has its owner's. */
  readonly mode: 'bridge' | 'host' | 'none'
  /** Each empty where nothing was asked for. */
  readonly asked: HostResolvers
  /** Servers of tsnet on the container's networks; those asked for are what they ask. */
  readonly own: HostResolvers['servers']
  /** All networks of the container are internal. */
  readonly closed: boolean
  /** Text of the host's resolv.conf. */
  readonly host: string
  /** Text of systemd-resolved's list of what its stub asks. */
  readonly behindStub: string
}

export interface ResolverFile {
  /** What `text` says. */
  readonly says: HostResolvers
  readonly text: string
}

export function resolverFile(place: ResolverPlace): ResolverFile {
  const { mode, asked } = place
  const host = parseResolvConf(place.host)
  const silent = [asked.servers, asked.search, asked.options].every(({ length }) => length === 0)
  if (mode === 'host' && silent) return { says: host, text: madeByUs + withLineFeed(place.host) }
  if (mode === 'host') return said(orElse(asked, host))
  if (mode === 'none') return said(asked)
  const given = orElse(asked, { ...host, servers: reachable(place, host) })
  const servers = place.own.length > 0 ? place.own : given.servers
  const ndots = place.own.length > 0 && !given.options.some((option) => option.startsWith('ndots:'))
  return said({ ...given, servers, options: ndots ? [...given.options, 'ndots:0'] : given.options })
}

/** Servers a container of a bridge network can ask: not the host's own loopback, not by way of a link of the host. */
function reachable({ closed, behindStub }: ResolverPlace, host: HostResolvers): HostResolvers['servers'] {
  if (closed) return []
  const usable = (list: HostResolvers['servers']): HostResolvers['servers'] =>
    list.filter((server) => !isLoopback(server) && !server.includes('%'))
  const own = usable(host.servers)
  return own.length > 0 ? own : usable(parseResolvConf(behindStub).servers)
}

function orElse(asked: HostResolvers, otherwise: HostResolvers): HostResolvers {
  return {
    servers: asked.servers.length > 0 ? asked.servers : otherwise.servers,
    search: asked.search.length > 0 ? asked.search : otherwise.search,
    options: asked.options.length > 0 ? asked.options : otherwise.options,
  }
}

/** A search list of `.` asks for none (Docker). */
function said({ servers, search, options }: HostResolvers): ResolverFile {
  const says = { servers, search: search.filter((domain) => domain !== '.'), options }
  const lines = [
    ...servers.map((server) => `nameserver ${server}\n`),
    ...(says.search.length === 0 ? [] : [`search ${says.search.join(' ')}\n`]),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}\n`]),
  ]
  return { says, text: madeByUs + lines.join('') }
}

function withLineFeed(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
