/**
 * Names for people: what is served, who would answer a question and why, which
 * servers are asked for which domain, and how a server keeps to the protocol.
 *
 * Asks the running name server through its control socket, so the answers are
 * those containers get. Routes are kept in a file of their own and told to the
 * server at once.
 *
 * @module
 */

import type { CaseResult, ConformanceOptions } from '../../dns/conformance.ts'
import type { Status } from '../../dns/control.ts'
import { type RenderedReply, recordTypes, renderReply } from '../../dns/render.ts'
import { keyOf } from '../../dns/wire.ts'
import { fail } from '../../errors/codes.ts'
import type { NameRoute } from '../../state/nameroutes.ts'
import type { EngineContext } from '../context.ts'
import type { EngineOptions } from '../engine.ts'
import { findContainer } from '../look/find.ts'
import { noSuchNetwork } from '../network/ensure.ts'
import { linuxKernel, openContext } from '../open.ts'

export type { CaseResult, ConformanceOptions } from '../../dns/conformance.ts'
export type { RenderedRecord, RenderedReply } from '../../dns/render.ts'
export type { NameRoute } from '../../state/nameroutes.ts'

/** One line of `tsnet dns ls`. */
export interface ServedName {
  readonly network: string
  readonly container: string
  readonly names: readonly string[]
  readonly addresses: readonly string[]
}

/** A reply with its explanation. */
export interface Lookup extends RenderedReply {
  /** Who answered, and why. */
  readonly why: string
}

/** A question to the name server, as from inside a container. */
export interface LookupRequest {
  readonly name: string
  /** Such as `AAAA`; default A. */
  readonly type?: string
  /** Id or name of the container that asks; absent: the host. */
  readonly from?: string
  /** Whose gateway the host asks; absent: any. */
  readonly network?: string
}

/** What `tsnet dns` does. */
export interface NameDoor {
  /** Empty where no name server runs. */
  list(): Promise<readonly ServedName[]>
  /** @throws TSNET_NO_SUCH_CONTAINER, TSNET_NO_SUCH_NETWORK (notFound), TSNET_BAD_VALUE (invalid) */
  lookup(request: LookupRequest): Promise<Lookup>
  /** Split DNS as it is in effect. */
  routes(): readonly NameRoute[]
  /** Replaces all; in effect when this returns. */
  setRoutes(routes: readonly NameRoute[]): Promise<void>
  /** Sends protocol cases to any server. */
  conformance(options: ConformanceOptions): Promise<readonly CaseResult[]>
}

/** @throws TSNET_NOT_ROOT (forbidden) */
export function openNames(options: EngineOptions = {}): NameDoor {
  const context = openContext(linuxKernel(options), options)
  return {
    list: async () => {
      const response = await context.names?.ask({ op: 'status' })
      return response?.ok === true && response.status !== undefined ? servedNames(response.status) : []
    },
    lookup: (request) => lookup(context, request),
    routes: () => context.nameRoutes?.list() ?? [],
    setRoutes: async (routes) => {
      context.nameRoutes?.replace(routes)
      await context.names?.ask({ op: 'routes', routes })
    },
    // Loaded when asked for: a set-up needs no datagrams of Node's.
    conformance: async (asked) => (await import('../../dns/conformance.ts')).runConformance(asked),
  }
}

function servedNames({ containers }: Status): readonly ServedName[] {
  return containers
    .flatMap(({ id, names, endpoints }) =>
      endpoints.map(({ network, addresses, aliases }) => ({
        network,
        container: id,
        names: [...new Set([...names, ...aliases])],
        addresses,
      })),
    )
    .sort((a, b) => a.network.localeCompare(b.network) || (a.names[0] ?? '').localeCompare(b.names[0] ?? ''))
}

async function lookup(
  context: EngineContext,
  { name, type = 'A', from, network }: LookupRequest,
): Promise<Lookup> {
  const number = recordTypes[type.toUpperCase()] ?? Number(/^TYPE(\d{1,5})$/i.exec(type)?.[1])
  const bad = (field: string, value: string, why: string, hint: string): Error =>
    fail('TSNET_BAD_VALUE', { message: `asking for ${name}: "${value}" ${why}`, field, value, hint })
  if (!Number.isInteger(number)) {
    const known = `${Object.keys(recordTypes).join(', ')}, or TYPE and a number`
    throw bad('type', type, 'is no record type', `known are ${known}`)
  }
  if (keyOf(name) === undefined)
    throw bad('name', name, 'is no name', 'labels of at most 63 characters, joined by "."')
  const container = from === undefined ? undefined : findContainer(context, { container: from }).container.id
  const response = await context.names?.ask({
    op: 'explain',
    name,
    type: number,
    ...(container === undefined ? {} : { container }),
    ...(network === undefined ? {} : { network }),
  })
  if (response?.ok === true && response.explained !== undefined) {
    return { why: response.explained.why, ...renderReply(Buffer.from(response.explained.reply, 'base64')) }
  }
  if (from === undefined && network !== undefined) {
    if (context.networks.get(network) === undefined) throw noSuchNetwork(context, network, 'to look')
    throw fail('TSNET_NO_SUCH_NETWORK', {
      message: `asking for ${name}: nobody on network ${network} has names`,
      field: 'network',
      value: network,
      hint: '"tsnet dns ls" shows who has names',
    })
  }
  const cause =
    response === undefined ? 'no name server runs' : response.ok ? 'no answer' : response.fault.message
  const message = `asking for ${name}: ${cause}`
  const hint = '"tsnet dns ls" shows who has names; it runs while a container is on a network with names'
  if (from === undefined) throw fail('TSNET_NO_SUCH_NETWORK', { message, hint })
  throw fail('TSNET_NO_SUCH_CONTAINER', { message, field: 'from', value: from, hint })
}
