/**
 * Links: other containers under names of this one's choice, as Docker's
 * `--link` does it.
 *
 * The variables are Docker's but for ALIAS_ENV_*: tsnet does not know another
 * container's environment. Nothing is opened by a link: both must be on a
 * network that lets them talk. A link is made once and does not follow the
 * other to a new address.
 *
 * @see https://docs.docker.com/engine/network/links/
 * @module
 */

import { linkNames } from '../../dns/hostsfile.ts'
import { fail, isTsnetError } from '../../errors/codes.ts'
import { type Address, addressOf, familyOf } from '../../model/address.ts'
import type {
  Attachment,
  ContainerLink,
  ContainerNetwork,
  LinkRequest,
  SetupRequest,
} from '../../model/attachment.ts'
import type { Protocol } from '../../model/portmapping.ts'
import type { ContainerInfo } from '../../model/sandbox.ts'
import { noSuchContainer } from '../../model/unknown.ts'
import type { EngineContext } from '../context.ts'
import { findContainer, knownWords, recordKeys } from '../look/find.ts'

/** @throws TSNET_NO_SUCH_CONTAINER (notFound), TSNET_BAD_VALUE (invalid) without a common network */
export function decideLinks(
  context: EngineContext,
  request: SetupRequest,
  own: ContainerInfo,
  attachments: readonly Attachment[],
): readonly ContainerLink[] {
  const links = request.links ?? []
  return links.map((link, i) => decideLink(context, link, { own, attachments, field: `links[${i}]` }))
}

interface Side {
  readonly own: ContainerInfo
  readonly attachments: readonly Attachment[]
  readonly field: string
}

function decideLink(context: EngineContext, { container, alias }: LinkRequest, side: Side): ContainerLink {
  const { own, attachments, field } = side
  const other = otherOf(context, container, field)
  if (other.container.id === own.id) {
    throw refused(side, container, 'a container needs no link to itself', 'leave it out')
  }
  const meeting = attachments
    .map(({ network }) => other.attachments.find((attachment) => attachment.network === network))
    .find((attachment) => attachment !== undefined)
  if (meeting === undefined) throw refused(side, container, ...noWay(other, attachments))
  const addresses = meeting.addresses.map(addressOf)
  return {
    container: other.container.id,
    alias,
    network: meeting.network,
    names: linkNames(alias, other.container),
    addresses,
    env: variables(`/${own.name ?? own.id}/${alias}`, alias, addresses, portsOf(context, other.container.id)),
  }
}

function otherOf(context: EngineContext, container: string, field: string) {
  try {
    return findContainer(context, { container })
  } catch (error) {
    if (!isTsnetError(error, 'TSNET_NO_SUCH_CONTAINER')) throw error
    throw noSuchContainer({
      word: container,
      field,
      message: `linking to ${container}: tsnet has no container of that id or name`,
      known: knownWords(context),
      hint: 'set the other up first; "tsnet ls" shows all',
    })
  }
}

function noWay(
  { attachments: others, mode, shareWith }: ContainerNetwork,
  own: readonly Attachment[],
): readonly [cause: string, hint: string] {
  const names = (list: readonly Attachment[]): string => list.map(({ network }) => network).join(', ')
  if (others.length === 0) {
    const hint = shareWith === undefined ? 'use --add-host NAME:ADDRESS' : `link to ${shareWith}`
    return [`it is on no network (mode ${mode})`, hint]
  }
  return [
    `the two have no network in common (it is on ${names(others)}, this one on ${names(own)})`,
    `add --network ${others[0]?.network}`,
  ]
}

function refused({ field }: Side, container: string, cause: string, hint: string): Error {
  const message = `linking to ${container}: ${cause}`
  return fail('TSNET_BAD_VALUE', { field, value: container, message, hint })
}

interface Port {
  readonly port: number
  readonly protocol: Protocol
}

/** What the other exposes or publishes: by number, TCP first, each once. */
function portsOf(context: EngineContext, id: string): readonly Port[] {
  const ranges = recordKeys(context, id).flatMap((key) => {
    const asked = context.containers.get(key)?.request
    if (asked === undefined) return []
    const published = asked.publish.map(({ containerPort, ...rest }) => ({ ...rest, port: containerPort }))
    return [...asked.expose, ...published]
  })
  const ports = ranges.flatMap(({ port, count, protocol }) =>
    Array.from({ length: count }, (_, i) => ({ port: port + i, protocol })),
  )
  const once = new Map(ports.map((one) => [`${one.port}/${one.protocol}`, one]))
  const rank = ({ protocol }: Port): number => (protocol === 'tcp' ? 0 : 1)
  return [...once.values()].sort((a, b) => a.port - b.port || rank(a) - rank(b))
}

function variables(
  name: string,
  alias: string,
  addresses: readonly Address[],
  ports: readonly Port[],
): Readonly<Record<string, string>> {
  // Shells take letters, digits and "_" only.
  const prefix = alias.toUpperCase().replace(/[^A-Z0-9]/g, '_')
  const address = addresses.find((one) => familyOf(one) === 4) ?? addresses[0] ?? ''
  const place = address.includes(':') ? `[${address}]` : address
  const url = ({ port, protocol }: Port): string => `${protocol}://${place}:${port}`
  const [first] = ports
  return Object.fromEntries([
    [`${prefix}_NAME`, name],
    ...(first === undefined ? [] : [[`${prefix}_PORT`, url(first)]]),
    ...ports.flatMap((one) => {
      const key = `${prefix}_PORT_${one.port}_${one.protocol.toUpperCase()}`
      return [
        [key, url(one)],
        [`${key}_ADDR`, address],
        [`${key}_PORT`, String(one.port)],
        [`${key}_PROTO`, one.protocol],
      ]
    }),
  ])
}
