/**
 * Changes to containers that are set up: a network more or less, a port more or
 * less, while the rest of the container goes on undisturbed.
 *
 * A change is a journal entry beside the record, with the steps it makes (or
 * takes away), and the record as it is without them. Whoever comes after a kill
 * takes the steps back and puts that record there: a killed connect has never
 * been, a killed disconnect is finished. Only the last act of a change, which
 * replaces the record, makes it true. All under the lock of the record.
 *
 * @module
 */

import { asTsnetError, fail, isTsnetError } from '../../errors/codes.ts'
import type { OpenSandbox } from '../../kernel/kernel.ts'
import type { Attachment, ContainerNetwork } from '../../model/attachment.ts'
import type { LoweredStep } from '../../plan/step.ts'
import type { LockHandle } from '../../state/lock.ts'
import type { ContainerRecord } from '../../state/records.ts'
import type { EngineContext } from '../context.ts'
import type { Selector } from '../engine.ts'
import { heal } from '../heal/heal.ts'
import { removeIdle, tidy } from '../heal/idle.ts'
import { finishPending, lockKey, undoPending } from '../heal/takedown.ts'
import { findContainer, recordKeys } from '../look/find.ts'
import { standAs } from './standas.ts'

/** A container's record, held for a change. */
export interface Anchor {
  readonly key: string
  readonly record: ContainerRecord
  readonly result: ContainerNetwork
}

/** What a change adds (or is about to take away). */
export interface ChangeParts {
  readonly networks: readonly string[]
  readonly steps: ContainerRecord['steps']
  /** What it holds leases and ports of; absent: not decided yet. */
  readonly attachments?: readonly Attachment[]
  readonly without: ContainerRecord
  readonly redo: readonly LoweredStep[]
}

const changeKey = (anchor: string): string => `${anchor}~change`

/**
 * Finds the record that carries what `wanted` looks for, and holds it.
 *
 * @param wanted the first of the container's records that fits; none fits: its own
 * @throws TSNET_NO_SUCH_CONTAINER (notFound)
 * @throws TSNET_MODE_MISMATCH (invalid) for containers in a network namespace of somebody else
 */
export async function changing<T>(
  context: EngineContext,
  selector: Selector,
  wanted: (result: ContainerNetwork) => boolean,
  work: (anchor: Anchor) => Promise<T>,
): Promise<T> {
  await heal(context)
  const { id } = findContainer(context, selector).container
  const lock = await lockAnchor(context, id, wanted)
  try {
    return await work(lock.anchor)
  } catch (error) {
    await tidy(context)
    throw error
  } finally {
    lock.handle.release()
  }
}

async function lockAnchor(
  context: EngineContext,
  id: string,
  wanted: (result: ContainerNetwork) => boolean,
): Promise<{ readonly anchor: Anchor; readonly handle: LockHandle }> {
  const keys = recordKeys(context, id)
  const fits = (key: string): boolean => {
    const result = context.containers.get(key)?.result
    return result !== undefined && wanted(result)
  }
  const key = keys.find(fits) ?? keys[0] ?? id
  const handle = await context.locks.container(lockKey(context, key))
  try {
    // What heal could not take back of the change before must not be lost under the next one.
    await finishPending(context, changeKey(key))
    // It may have been taken down while we waited.
    const record = context.containers.get(key)
    if (record?.result === undefined) {
      findContainer(context, { container: id })
      throw fail('TSNET_LOCK_TIMEOUT', {
        message: `changing ${id}: it is being taken down`,
        hint: 'try again',
      })
    }
    const { mode } = record.result
    if (mode === 'host' || mode === 'container') throw sharesNamespace(record.result)
    return { anchor: { key, record, result: record.result }, handle }
  } catch (error) {
    handle.release()
    throw error
  }
}

function sharesNamespace({ container, mode, shareWith }: ContainerNetwork): Error {
  const name = container.name ?? container.id
  return fail('TSNET_MODE_MISMATCH', {
    message: `changing the network of ${name}: it has none of its own (mode ${mode}${shareWith === undefined ? '' : ` with ${shareWith}`})`,
    field: 'container',
    value: name,
    hint: shareWith === undefined ? 'the host itself is not changed' : `change ${shareWith}`,
  })
}

/**
 * The sandbox of a container that is to be changed inside.
 *
 * @throws TSNET_NOT_A_NETNS (invalid) where it is gone
 */
export async function openLiving(
  context: EngineContext,
  { container, sandbox: { path, identity } }: ContainerNetwork,
): Promise<OpenSandbox> {
  const open = context.kernel.isAlive(path, identity) ? await context.kernel.openSandbox(path) : undefined
  if (open?.identity.cookie === identity.cookie) return open
  open?.close()
  throw fail('TSNET_NOT_A_NETNS', {
    message: `changing ${container.name ?? container.id}: its network namespace ${path} is gone`,
    field: 'container',
    value: container.name ?? container.id,
    hint: '"tsnet gc" takes down what it left',
  })
}

/** Writes the journal entry of a change, or writes it again when more is known. */
export function beginChange(
  context: EngineContext,
  { key, record, result }: Anchor,
  parts: ChangeParts,
): void {
  const { networks, steps, attachments, without, redo } = parts
  context.containers.begin(changeKey(key), {
    version: 1,
    id: changeKey(key),
    container: record.container,
    networks,
    request: record.request,
    ...(attachments === undefined ? {} : { result: { ...result, attachments } }),
    steps,
    change: { anchor: key, without, redo },
  })
}

/** The change has happened: the record says so from now on. */
export async function finishChange(
  context: EngineContext,
  { key }: Anchor,
  now: ContainerRecord,
  redo: readonly LoweredStep[],
): Promise<void> {
  await standAs(context, now, redo)
  context.containers.forget(changeKey(key))
}

/**
 * Takes the change back. Under the host lock.
 *
 * @returns what could not be taken back: its journal entry stays, and the next command goes on there
 */
export async function undoChange(context: EngineContext, { key }: Anchor): Promise<readonly unknown[]> {
  return undoPending(context, changeKey(key))
}

/** As `undoChange`, after `error`; networks made for this change alone go too. @returns the error, to be thrown */
export async function failChange(context: EngineContext, anchor: Anchor, error: unknown): Promise<unknown> {
  const known = asTsnetError(error)
  try {
    known.undo.push(...(await undoChange(context, anchor)))
  } catch (late) {
    known.undo.push(late)
  }
  return isTsnetError(error) ? error : known
}

/** Networks a change may have left without a container. */
export async function afterChange(context: EngineContext, networks: readonly string[]): Promise<void> {
  await removeIdle(context, networks)
  await tidy(context)
}
