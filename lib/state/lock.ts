/**
 * Locks between processes, as the engine needs them; `kernel/lock.ts` fulfils
 * `Locker` with flock(2), which the kernel frees even after SIGKILL.
 *
 * Order, so that nobody waits in a circle: container, then host, then ports.
 * The host lock is shared by attach and detach, and exclusive for whatever
 * makes or removes something several containers use (bridges, base chains).
 *
 * @module
 */

import { makeFolder } from './files.ts'
import type { StatePaths } from './paths.ts'

export interface LockHandle {
  release(): void
}

export interface LockOptions {
  readonly exclusive: boolean
  readonly timeoutMs: number
  /**
   * Exclusive only: the file is unlinked before the lock is let go, so that
   * files of single containers do not pile up. Whoever got the lock of a file
   * that is no longer at its path (fstat against stat) tries again.
   */
  readonly transient?: boolean
}

export interface Locker {
  /** @throws TSNET_LOCK_TIMEOUT (busy) */
  acquire(path: string, options: LockOptions): Promise<LockHandle>
}

export interface Locks {
  container(id: string): Promise<LockHandle>
  /** @returns undefined where somebody else holds it now */
  tryContainer(id: string): Promise<LockHandle | undefined>
  hostShared(): Promise<LockHandle>
  hostExclusive(): Promise<LockHandle>
  ports(): Promise<LockHandle>
}

export function createLocks(paths: StatePaths, locker: Locker, timeoutMs: number): Locks {
  let made = false
  const path = (name: string): string => {
    if (!made) makeFolder(paths.locks)
    made = true
    return `${paths.locks}/${name}`
  }
  const ofContainer = (id: string, wait: number): Promise<LockHandle> =>
    locker.acquire(path(`container-${id}`), { exclusive: true, timeoutMs: wait, transient: true })
  return {
    container: (id) => ofContainer(id, timeoutMs),
    tryContainer: (id) => ofContainer(id, 0).catch(() => undefined),
    hostShared: () => locker.acquire(path('host'), { exclusive: false, timeoutMs }),
    hostExclusive: () => locker.acquire(path('host'), { exclusive: true, timeoutMs }),
    ports: () => locker.acquire(path('ports'), { exclusive: true, timeoutMs }),
  }
}
