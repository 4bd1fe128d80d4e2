/**
 * Taking containers down: teardown, healing of killed work, and reclaiming what
 * the dead hold (`reap.ts`). One piece of code, because all three start from a
 * journal entry and end with nothing. When which of it is due is `heal.ts`.
 *
 * @module
 */

import { asTsnetError } from '../../errors/codes.ts'
import type { OpenSandbox } from '../../kernel/kernel.ts'
import type { ContainerNetwork } from '../../model/attachment.ts'
import type { LoweredStep } from '../../plan/step.ts'
import type { ContainerRecord } from '../../state/records.ts'
import { type Owner, type PortKey, unknownOwner } from '../../state/reservations.ts'
import { portKey } from '../attach/portkey.ts'
import { standAs } from '../change/standas.ts'
import type { EngineContext } from '../context.ts'
import { portsSuffix } from '../endpoint/endrecords.ts'
import { restateNames, withdrawNames } from '../names/names.ts'
import { toldOf } from './traces.ts'

/**
 * Under whose lock a record or journal entry is: a change is under that of the record it changes, the ports of an
 * endpoint under that of the endpoint. Whoever heals by another key takes the work of the living for that of the dead.
 */
export function lockKey(context: EngineContext, id: string): string {
  const anchor = context.containers.pending(id)?.change?.anchor ?? id
  return anchor.endsWith(portsSuffix) ? anchor.slice(0, -portsSuffix.length) : anchor
}

/** Takes back what a journal entry says and forgets it; under the container's lock and the host lock. */
export async function undoPending(context: EngineContext, id: string): Promise<readonly unknown[]> {
  const record = context.containers.pending(id)
  if (record === undefined) return []
  // First, so that nobody is sent to an address that is about to go.
  const [unnamed] = await Promise.allSettled([unname(context, record)])
  let sandbox: OpenSandbox | undefined
  let errors: readonly unknown[]
  try {
    sandbox = await openIfAlive(context, record)
    errors = await context.kernel.revert(stillOurs(context, record), sandbox)
  } catch (error) {
    errors = [error]
  } finally {
    sandbox?.close()
  }
  if (unnamed.status === 'rejected') return [unnamed.reason, ...errors]
  if (errors.length > 0) return errors
  try {
    releaseAll(context, record)
    if (record.change !== undefined) await standAs(context, record.change.without, record.change.redo)
  } catch (error) {
    // Other containers have nothing to do with it, and their commands begin here as well.
    return [error]
  }
  context.containers.forget(id)
  return []
}

/** Of a change only what came with it loses its name. */
function unname(context: EngineContext, record: ContainerRecord): Promise<void> {
  return record.change === undefined
    ? withdrawNames(context, record)
    : restateNames(context, record.change.without)
}

/** The sandbox of a record, if it is the same namespace still. Undefined: what was inside is gone with it. */
async function openIfAlive(
  context: EngineContext,
  record: ContainerRecord,
): Promise<OpenSandbox | undefined> {
  const sandbox = record.result?.sandbox
  if (sandbox === undefined || !record.steps.some(({ step }) => step.where === 'sandbox')) return undefined
  if (!context.kernel.isAlive(sandbox.path, sandbox.identity)) return undefined
  const open = await context.kernel.openSandbox(sandbox.path).catch((error: unknown) => {
    // What is there and cannot be entered now is not gone: what is inside is still to be taken back.
    if (context.kernel.isAlive(sandbox.path, sandbox.identity)) throw error
    return undefined
  })
  if (open?.identity.cookie === sandbox.identity.cookie) return open
  open?.close()
  return undefined
}

/**
 * Rules name an address or a port, and an address can have a new owner by now:
 * what leads to a lease that is no longer ours is not ours to remove.
 */
function stillOurs(context: EngineContext, record: ContainerRecord): readonly LoweredStep[] {
  const lost = new Set(
    (record.result?.attachments ?? [])
      .filter((attachment) =>
        attachment.addresses.some((cidr) => {
          const owner = context.reservations.leases.owner(
            attachment.network,
            cidr.slice(0, cidr.indexOf('/')),
          )
          return owner !== undefined && owner !== unknownOwner && owner.record !== holderOf(record)
        }),
      )
      .map((attachment) => attachment.ifname),
  )
  return record.steps
    .filter(({ of, step }) => !(lost.has(of) && (step.kind === 'rules' || step.kind === 'conntrack')))
    .map(({ step }) => step)
}

/** Whose leases and ports they are. */
const holderOf = (record: ContainerRecord): string => record.change?.anchor ?? record.id

/** Leases, ports and the name: whatever this container holds, also what a killed set-up took without noting it. */
function releaseAll(context: EngineContext, record: ContainerRecord): void {
  const { leases, ports, names } = context.reservations
  const known = new Map(
    (record.result?.attachments ?? []).map((a) => [
      a.network,
      a.addresses.map((c) => c.slice(0, c.indexOf('/'))),
    ]),
  )
  for (const network of record.networks) {
    // A finished set-up knows its addresses; a killed one has to be looked for.
    for (const address of known.get(network) ?? leases.list(network)) {
      if (isHeldBy(leases.owner(network, address), record)) leases.release(network, address)
    }
  }
  for (const key of portsOf(context, record)) {
    if (isHeldBy(ports.owner(key), record)) ports.release(key)
  }
  if (record.name === undefined) return
  const holder = names.owner(record.name)
  if (holder?.record === record.id || (holder === unknownOwner && record.result !== undefined))
    names.release(record.name)
}

/** Also where the file of it is damaged: a finished set-up has what its record says. */
function isHeldBy(owner: Owner | undefined, record: ContainerRecord): boolean {
  return owner?.record === holderOf(record) || (owner === unknownOwner && record.result !== undefined)
}

/** A finished set-up knows its ports, and a change writes them down before it takes them; a killed set-up has to be looked for. */
function portsOf({ reservations }: EngineContext, { result, change }: ContainerRecord): readonly PortKey[] {
  if (result !== undefined) return result.attachments.flatMap(({ ports }) => ports.map(portKey))
  return change === undefined ? reservations.ports.list().map(({ key }) => key) : []
}

/** Takes a finished container down, also one whose record was set aside. Under its lock and the host lock. */
export async function takeDown(
  context: EngineContext,
  id: string,
): Promise<{ readonly result: ContainerNetwork | undefined; readonly errors: readonly unknown[] }> {
  const result = context.containers.get(id)?.result ?? context.containers.pending(id)?.result
  // From here on the journal says it is to go: whoever comes after a kill finishes the job.
  context.containers.reopen(id)
  const errors = await undoPending(context, id)
  if (errors.length > 0 || !context.containers.hasAside(id)) return { result, errors }
  const told = await toldOf(context, id)
  context.containers.begin(id, told.record)
  context.containers.forgetAside(id)
  return { result: result ?? told.result, errors: await undoPending(context, id) }
}

/**
 * Takes down whatever has one of these keys, in this order, for whoever makes it anew: the journal entry of what could not
 * be taken back must not be overwritten. Under their lock.
 *
 * @throws TsnetError the first of what could not be taken back
 */
export async function clearTheWay(context: EngineContext, ...keys: readonly string[]): Promise<void> {
  const { containers } = context
  const taken = keys.filter(
    (key) =>
      containers.get(key) !== undefined || containers.pending(key) !== undefined || containers.hasAside(key),
  )
  if (taken.length === 0) return
  const errors: unknown[] = []
  const host = await context.locks.hostShared()
  try {
    for (const key of taken) errors.push(...(await takeDown(context, key)).errors)
  } finally {
    host.release()
  }
  if (errors.length > 0) throw asTsnetError(errors[0])
}

/** As {@link clearTheWay}, where only the journal has something: heal could not finish it, or somebody has just failed. */
export async function finishPending(context: EngineContext, id: string): Promise<void> {
  if (context.containers.pending(id) !== undefined) await clearTheWay(context, id)
}
