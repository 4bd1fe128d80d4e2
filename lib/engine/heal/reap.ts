/**
 * Taking down the dead whose addresses, ports and names somebody needs. How one is taken down is `takedown.ts`; when all
 * of them are looked for, `look/check.ts`.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Owner } from '../../state/reservations.ts'
import { describeOwner, type EngineContext, ownerIsAlive } from '../context.ts'
import { lockKey, takeDown } from './takedown.ts'
import { notAllGone } from './unfinished.ts'

export interface Reaped {
  /** How many were taken down. */
  readonly reaped: number
  /** Those that could not be, and still hold what they have. */
  readonly stuck: readonly { readonly owner: Owner; readonly error: unknown }[]
}

/**
 * Takes down the dead among these owners. Under the host lock, inside a set-up
 * that needs what they hold: locks of theirs are only tried, never waited for.
 */
export async function reapDead(context: EngineContext, owners: readonly Owner[]): Promise<Reaped> {
  const dead = new Map<string, Owner>()
  for (const owner of owners) {
    if (!dead.has(owner.record) && !(await ownerIsAlive(context, owner))) dead.set(owner.record, owner)
  }
  const stuck: { readonly owner: Owner; readonly error: unknown }[] = []
  let reaped = 0
  for (const [id, owner] of dead) {
    const lock = await context.locks.tryContainer(lockKey(context, id))
    if (lock === undefined) continue
    try {
      // The id may have come back to life in a new sandbox; then only the old reservations are stale.
      const sandbox = (context.containers.get(id) ?? context.containers.pending(id))?.result?.sandbox
      const now = sandbox === undefined ? owner : { ...owner, path: sandbox.path, ...sandbox.identity }
      const down = (await ownerIsAlive(context, now)) ? undefined : await takeDown(context, id)
      // Its rules may still lead to what it holds: that is nobody's before they are gone.
      if (down !== undefined && down.errors.length > 0) {
        stuck.push({ owner, error: down.errors[0] })
        continue
      }
      releaseStale(context, owner)
      reaped++
    } finally {
      lock.release()
    }
  }
  return { reaped, stuck }
}

/** A takedown that somebody else has begun is over in milliseconds, unless the xtables lock is held. */
const reapedWithinMs = 10_000
const reapPauseMs = 10

/** Tries of those that cannot be taken down: another program may be at its rules, and a cause that lasts is told. */
const mostTries = 5

/**
 * As {@link reapDead}; whom somebody else takes down just now is waited for: he seldom waits for the host himself
 * (locks.takedown).
 *
 * @returns how many were taken down: none where all of them live, or somebody else's takedown lasts
 * @throws TSNET_STEP_FAILED (failed) where there are dead ones and none can be taken down
 */
export async function reapOrAwait(context: EngineContext, owners: readonly Owner[]): Promise<number> {
  const deadline = performance.now() + reapedWithinMs
  for (let tries = 1; ; await sleep(reapPauseMs)) {
    const { reaped, stuck } = await reapDead(context, owners)
    if (reaped > 0) return reaped
    const isLate = performance.now() > deadline
    const [first] = stuck
    if (first !== undefined && (isLate || tries++ >= mostTries)) {
      const who = `${describeOwner(first.owner)}, which is dead and has what was asked for`
      throw notAllGone(`taking down ${who}`, [first.error])
    }
    if (isLate) return 0
    const alive = await Promise.all(owners.map((owner) => ownerIsAlive(context, owner)))
    if (alive.every(Boolean)) return 0
  }
}

/** Who asks for what others may hold, and how the dead among them are taken down. */
export const reapingFor = (
  context: EngineContext,
  owner: Owner,
): { readonly owner: Owner; readonly reap: (owners: readonly Owner[]) => Promise<number> } => ({
  owner,
  reap: (owners) => reapOrAwait(context, owners),
})

/** Reservations that carry exactly this dead identity and belong to no record. */
function releaseStale(context: EngineContext, owner: Owner): void {
  const { leases, ports, names } = context.reservations
  const same = (other: Owner | undefined): boolean =>
    other?.record === owner.record && other.cookie === owner.cookie && other.bootId === owner.bootId
  for (const network of leases.networks()) {
    for (const address of leases.list(network)) {
      if (same(leases.owner(network, address))) leases.release(network, address)
    }
  }
  for (const { key, owner: holder } of ports.list()) if (same(holder)) ports.release(key)
  for (const name of names.list()) if (same(names.owner(name))) names.release(name)
}
