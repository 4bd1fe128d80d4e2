/**
 * Published ports of an endpoint whose inside is somebody else's: a record and a
 * journal entry of their own.
 *
 * @module
 */

import { planPublish } from '../../drivers/publish.ts'
import { isTsnetError } from '../../errors/codes.ts'
import type { Attachment, ContainerNetwork } from '../../model/attachment.ts'
import type { PortBinding, PortMapping } from '../../model/portmapping.ts'
import type { ContainerRecord, OwnedStep } from '../../state/records.ts'
import type { Owner } from '../../state/reservations.ts'
import { applyOrUndo, lower } from '../attach/apply.ts'
import { portKey } from '../attach/portkey.ts'
import { choosePorts } from '../attach/ports.ts'
import type { EngineContext } from '../context.ts'
import { heal } from '../heal/heal.ts'
import { reapingFor } from '../heal/reap.ts'
import { clearTheWay, undoPending } from '../heal/takedown.ts'
import { endKey } from '../look/find.ts'
import {
  type EndRequestRecord,
  nameOwner,
  noSuchEnd,
  ownerOf,
  portsKey,
  recordOf,
  type WantedPort,
} from './endrecords.ts'

/** Replaces what is published. @throws TSNET_PORT_IN_USE (conflict), TSNET_NO_SUCH_CONTAINER (notFound) */
export async function publish(
  context: EngineContext,
  id: string,
  ports: readonly WantedPort[],
): Promise<readonly PortBinding[]> {
  await heal(context)
  const lock = await context.locks.container(endKey(id))
  try {
    const record = context.containers.get(endKey(id))
    const attachment = record?.result?.attachments[0]
    if (record?.result === undefined || attachment === undefined) throw noSuchEnd(id)
    const key = portsKey(id)
    const known = context.containers.get(key)
    if (
      known !== undefined &&
      JSON.stringify((known.request as EndRequestRecord).ports) === JSON.stringify(ports)
    )
      return known.result?.attachments[0]?.ports ?? []
    await clearTheWay(context, key)
    const host = await context.locks.hostShared()
    try {
      return await publishLocked(context, { record, result: record.result, attachment }, ports)
    } finally {
      host.release()
    }
  } finally {
    lock.release()
  }
}

interface Known {
  readonly record: ContainerRecord
  readonly result: ContainerNetwork
  readonly attachment: Attachment
}

async function publishLocked(
  context: EngineContext,
  { record, result, attachment }: Known,
  ports: readonly WantedPort[],
): Promise<readonly PortBinding[]> {
  if (ports.length === 0) return []
  const { end } = record.request as EndRequestRecord
  const key = portsKey(end.id)
  const config = context.networks.get(end.network)
  if (config === undefined) throw noSuchEnd(end.id)
  context.containers.begin(key, recordOf(context, end, { key, ports }))
  try {
    const bindings = await takePorts(
      context,
      ports,
      nameOwner(ownerOf(context, end.id, key), result.container),
    )
    const intent = planPublish({
      config,
      container: { id: end.id },
      ifname: end.peer,
      cidrs: attachment.addresses,
      bindings,
      backend: attachment.firewall,
    })
    const steps = lower(intent, attachment.firewall).map((step): OwnedStep => ({ of: end.peer, step }))
    const shown = { ...attachment, addresses: [], ports: bindings }
    context.containers.begin(
      key,
      recordOf(context, end, { key, ports, steps, attachment: shown, of: result }),
    )
    await applyOrUndo(
      context.kernel,
      steps.map(({ step }) => step),
      undefined,
    )
    context.containers.commit(key)
    return bindings
  } catch (error) {
    const left = await undoPending(context, key)
    if (isTsnetError(error)) error.undo.push(...left)
    throw error
  }
}

/** Under the host lock. */
async function takePorts(
  context: EngineContext,
  ports: readonly WantedPort[],
  owner: Owner,
): Promise<readonly PortBinding[]> {
  const by = reapingFor(context, owner)
  const lock = await context.locks.ports()
  const bindings: PortBinding[] = []
  try {
    for (const port of ports) {
      const [binding] = await firstOf(port, (one) => choosePorts(context, [one], by))
      if (binding === undefined) continue
      context.reservations.ports.take(portKey(binding), owner)
      bindings.push(binding)
    }
    return bindings
  } finally {
    lock.release()
  }
}

/** The first of a range of host ports that is free. @throws the error of the last */
async function firstOf<T>(
  { hostPortEnd, ...port }: WantedPort,
  choose: (port: PortMapping) => Promise<T>,
): Promise<T> {
  const { hostPort } = port
  if (hostPort === undefined || hostPortEnd === undefined) return choose(port)
  for (let at = hostPort; ; at++) {
    try {
      return await choose({ ...port, hostPort: at })
    } catch (error) {
      if (at >= hostPortEnd || !isTsnetError(error, 'TSNET_PORT_IN_USE')) throw error
    }
  }
}
