/**
 * Files that other programs change too, changed under the lock they hold for it.
 *
 * @module
 */

import { flocker } from '../kernel/system/lock.ts'

export interface ForeignLock {
  /** Stays where it is: a program that waits for it would have another one else. */
  readonly path: string
  readonly timeoutMs: number
}

/** @throws TSNET_LOCK_TIMEOUT (busy), TSNET_STATE_UNREADABLE (unavailable) */
export async function underLock<Value>({ path, timeoutMs }: ForeignLock, work: () => Value): Promise<Value> {
  const lock = await flocker.acquire(path, { exclusive: true, timeoutMs })
  try {
    return work()
  } finally {
    lock.release()
  }
}
