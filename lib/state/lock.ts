/**
 * Locks between processes, as the engine needs them; `kernel/system/lock.ts` fulfils
 * `Locker` with flock(2), which the kernel frees even after SIGKILL.
 *
 * Order, so that nobody waits in a circle: container, then host, then ports or names. Under the host lock a
 * container's is only tried.
 * The host lock is shared by attach and detach, and exclusive for whatever
 * makes or removes something several containers use (bridges, base chains).
 * It is fair: a crowd that shares it lets those in who want it alone.
 * Whoever finds nothing left takes the files of the locks away too.
 *
 * @module
 */

import { hasCode } from './filefaults.ts'
import { removeFile } from './files.ts'
import { folderTries, listFolder, makeFolder } from './folders.ts'
import type { StatePaths } from './paths.ts'

export interface LockHandle {
  release(): void
}

export interface LockOptions {
  readonly exclusive: boolean
  /**
   * Exclusive only: the file is unlinked before the lock is let go, so that
   * files of single containers do not pile up. Whoever got the lock of a file
   * that has no name any more (fstat) tries again.
   */
  readonly transient?: boolean
  /** What is locked is there already and none of our files, such as a namespace. */
  readonly readOnly?: boolean
  /** Who waits for it exclusively goes before those who come to share it: nobody who shares it may ask for it again. */
  readonly fair?: boolean
}

export interface LockWait {
  readonly timeoutMs: number
  /** Ends the waiting; a lock that is free is given all the same. */
  readonly signal?: AbortSignal
}

export interface Locker {
  /** @throws TSNET_LOCK_TIMEOUT (busy), TSNET_INTERRUPTED (busy), both naming the holders */
  acquire(path: string, options: LockOptions & LockWait): Promise<LockHandle>
  /** @returns undefined where somebody else holds it now: who it is, is not looked for */
  tryAcquire(path: string, options: LockOptions): LockHandle | undefined
}

export interface Locks {
  container(key: string): Promise<LockHandle>
  /** @returns undefined where somebody else holds it now */
  tryContainer(key: string): Promise<LockHandle | undefined>
  /** Whether somebody is at work under it now; looks, and leaves nothing. */
  isContainerHeld(key: string): boolean
  /** The same for the host lock, exclusively. */
  isHostHeld(): boolean
  /**
   * A container's and the host's, shared, for whoever takes it down. Where nobody else has the container's, it is not
   * held while the host's is waited for, so that a set-up which has that and needs what the dead one holds can take
   * it down itself.
   */
  takedown(key: string): Promise<{ readonly container: LockHandle; readonly host: LockHandle }>
  hostShared(): Promise<LockHandle>
  hostExclusive(): Promise<LockHandle>
  /** Exclusive, and its file goes with it: for whoever finds nothing left. */
  hostLast(): Promise<LastLock>
  ports(): Promise<LockHandle>
  /** Lock files of killed processes: nobody holds them, and they go. */
  forgetDead(): Promise<void>
  /** Starting and clearing away the name server. */
  names(): Promise<LockHandle>
  /** The same locks; waiting for one ends when the signal is aborted. */
  until(signal: AbortSignal | undefined): Locks
}

export interface LastLock extends LockHandle {
  /** Ports and names are locked under the host lock only, so nobody holds those locks now: their files go. */
  portsIdle(): void
}

export function createLocks(paths: StatePaths, locker: Locker, wait: LockWait): Locks {
  const path = (name: string): string => `${paths.locks}/${name}`
  const inFolder = async <T>(lock: () => T | Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await lock()
      } catch (error) {
        // The last of all to leave has taken the folder away.
        const cause = error instanceof Error ? (error.cause ?? error) : error
        if (!hasCode(cause, 'ENOENT') || tries === folderTries) throw error
        makeFolder(paths.locks)
      }
    }
  }
  const acquire = (name: string, options: LockOptions): Promise<LockHandle> =>
    inFolder(() => locker.acquire(path(name), { ...options, ...wait }))
  const ofContainer = { exclusive: true, transient: true } as const
  const tryContainer = (key: string): Promise<LockHandle | undefined> =>
    inFolder(() => locker.tryAcquire(path(`container-${key}`), ofContainer))
  const isHeld = (name: string): boolean => {
    try {
      const lock = locker.tryAcquire(path(name), { exclusive: false, readOnly: true })
      lock?.release()
      return lock === undefined
    } catch {
      return false // there is no such file
    }
  }
  const container = (key: string): Promise<LockHandle> => acquire(`container-${key}`, ofContainer)
  const hostShared = (): Promise<LockHandle> => acquire('host', { exclusive: false, fair: true })
  return {
    isContainerHeld: (key) => isHeld(`container-${key}`),
    isHostHeld: () => isHeld('host'),
    container,
    tryContainer,
    takedown: async (key) => {
      const host = await hostShared()
      const free = await orRelease(host, () => tryContainer(key))
      if (free !== undefined) return { container: free, host }
      host.release()
      const waited = await container(key)
      return { container: waited, host: await orRelease(waited, hostShared) }
    },
    hostShared,
    hostExclusive: () => acquire('host', { exclusive: true, fair: true }),
    hostLast: async () => {
      const host = await acquire('host', { exclusive: true, transient: true, fair: true })
      return { release: host.release, portsIdle: () => void [path('ports'), path('names')].map(removeFile) }
    },
    ports: () => acquire('ports', { exclusive: true }),
    forgetDead: async () => {
      const head = 'container-'
      const keys = listFolder(paths.locks).flatMap((name) =>
        name.startsWith(head) ? [name.slice(head.length)] : [],
      )
      for (const key of keys) (await tryContainer(key))?.release()
    },
    names: () => acquire('names', { exclusive: true }),
    until: (signal) => createLocks(paths, locker, { ...wait, ...(signal === undefined ? {} : { signal }) }),
  }
}

async function orRelease<T>(lock: LockHandle, next: () => Promise<T>): Promise<T> {
  try {
    return await next()
  } catch (error) {
    lock.release()
    throw error
  }
}
