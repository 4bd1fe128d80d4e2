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

/**
 * Takes down the dead among these owners. Under the host lock, inside a set-up
 * that needs what they hold: locks of theirs are only tried, never waited for.
 *
 * @param stuck is told of one that could not be taken down, and still holds what it has
 * @returns how many were taken down
 */
export async function reapDead(
  context: EngineContext,
  owners: readonly Owner[],
  stuck: (error: unknown, owner: Owner) => void = () => undefined,
): Promise<number> {
  const dead = new Map<string, Owner>()
  for (const owner of owners) {
    if (!dead.has(owner.record) && !(await ownerIsAlive(context, owner))) dead.set(owner.record, owner)
  }
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
        stuck(down.errors[0], owner)
        continue
      }
      releaseStale(context, owner)
      reaped++
    } finally {
      lock.release()
    }
  }
  return reaped
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
    const stuck: Error[] = []
    const reaped = await reapDead(context, owners, (error, owner) => {
      const what = `taking down ${describeOwner(owner)}, which is dead and has what was asked for`
      stuck.push(notAllGone(what, [error]))
    })
    if (reaped > 0) return reaped
    const isLate = performance.now() > deadline
    for (const error of stuck.slice(0, 1)) if (isLate || tries++ >= mostTries) throw error
    if (isLate) return 0
    const alive = await Promise.all(owners.map((owner) => ownerIsAlive(context, owner)))
    if (alive.every(Boolean)) return 0
  }
}

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
