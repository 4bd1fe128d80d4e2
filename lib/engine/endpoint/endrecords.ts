/**
 * Records of endpoints whose inside is somebody else's: what is written down,
 * and under which keys. How they come and go is `hostends.ts`.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { Cidr, Mac } from '../../model/address.ts'
import {
  type Attachment,
  type ContainerNetwork,
  nothingMore,
  type SetupRequest,
} from '../../model/attachment.ts'
import { endpointAlias } from '../../model/names.ts'
import type { PortMapping } from '../../model/portmapping.ts'
import type { ContainerInfo } from '../../model/sandbox.ts'
import type { ContainerRecord, OwnedStep } from '../../state/records.ts'
import type { Owner } from '../../state/reservations.ts'
import type { EngineContext } from '../context.ts'
import { endKey } from '../look/find.ts'

export interface HostEndRequest {
  /** The engine's, for this endpoint alone. */
  readonly id: string
  readonly network: string
  /** Of the engine's own IPAM; empty: leased. */
  readonly cidrs: readonly Cidr[]
  /** Absent: made from the address. */
  readonly mac?: Mac
  /** Name of the end that is to be taken away. */
  readonly peer: string
}

/** A published port; the host port may be any up to `hostPortEnd`. */
export type WantedPort = PortMapping & { readonly hostPortEnd?: number }

export interface HostEnd {
  readonly id: string
  readonly network: string
  readonly peer: string
  readonly attachment: Attachment
  /** What was asked to be published, as far as it is. */
  readonly published: readonly WantedPort[]
  /** Absent until it was told. */
  readonly container?: ContainerInfo
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

export interface EndRequestRecord extends SetupRequest {
  readonly end: HostEndRequest
  readonly ports?: readonly WantedPort[]
}

export const portsSuffix = '~ports'
export const portsKey = (id: string): string => `${endKey(id)}${portsSuffix}`

export function endOf(context: EngineContext, id: string): HostEnd | undefined {
  const record = context.containers.get(endKey(id))
  const attachment = record?.result?.attachments[0]
  if (record?.result === undefined || attachment === undefined) return undefined
  const { end } = record.request as EndRequestRecord
  const ports = context.containers.get(portsKey(id))?.request as EndRequestRecord | undefined
  const { container, createdAt } = record.result
  return {
    id,
    network: end.network,
    peer: end.peer,
    attachment,
    published: ports?.ports ?? [],
    ...(container.id === id ? {} : { container }),
    createdAt,
  }
}

/** For the link's alias, the owner of rules and of reservations: the engine's id is all that is known. */
export const aliasOf = (id: string): string => endpointAlias({ containerId: id, ifname: 'end' })

export function ownerOf({ kernel }: EngineContext, id: string, record: string): Owner {
  return { record, container: id, path: '', cookie: '', bootId: kernel.bootId(), alias: aliasOf(id) }
}

export function recordOf(
  context: EngineContext,
  request: HostEndRequest,
  made: {
    readonly key: string
    readonly steps?: readonly OwnedStep[]
    readonly attachment?: Attachment
    readonly ports?: readonly WantedPort[]
    readonly of?: ContainerNetwork
  },
): ContainerRecord {
  const { id, network } = request
  const result = made.of ?? {
    container: { id },
    sandbox: { path: '', identity: { cookie: '', bootId: context.kernel.bootId() } },
    mode: 'bridge',
    attachments: [],
    hostAddresses: [],
    resolver: { servers: [], search: [], options: [], hosts: [] },
    createdAt: new Date().toISOString(),
  }
  const asked: EndRequestRecord = {
    sandbox: { path: '' },
    container: { id },
    mode: 'bridge',
    networks: [{ network }],
    ...nothingMore,
    end: request,
    ...(made.ports === undefined ? {} : { ports: made.ports }),
    ...(made.attachment === undefined ? {} : { firewall: made.attachment.firewall }),
  }
  return {
    version: 1,
    id: made.key,
    container: id,
    networks: [network],
    alias: aliasOf(id),
    peer: request.peer,
    request: asked,
    ...(made.attachment === undefined ? {} : { result: { ...result, attachments: [made.attachment] } }),
    steps: made.steps ?? [],
  }
}

export function nameOwner(owner: Owner, { id, name }: ContainerInfo): Owner {
  if (id === owner.container) return owner
  return name === undefined ? owner : { ...owner, name }
}

export function noSuchEnd(id: string): Error {
  return fail('TSNET_NO_SUCH_CONTAINER', {
    message: `finding endpoint ${id}: tsnet has none of that id`,
    field: 'EndpointID',
    value: id,
    hint: '"docker network disconnect -f" and "connect" make it anew',
  })
}
