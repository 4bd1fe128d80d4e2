/**
 * Those who make chains of iptables-nft that others may make too go one after the other.
 *
 * Of two who make the same chain at once the later is to be refused, and is not:
 * its program sees at its commit that the ruleset has changed since it looked
 * (ERESTART of the kernel), looks again, and leaves its `-N` away where the
 * chain is there by now, but not the second way to it that is behind it. Who
 * removes a chain needs no turn: it goes empty or not at all.
 * iptables-legacy holds /run/xtables.lock while it does a table; iptables-nft
 * holds nothing, and its rules belong to the network namespace, so that is what
 * is locked: no file of ours, and equal for engines with different state folders.
 *
 * @see nft_refresh_transaction in iptables/nft.c, namespaces(7)
 * @module
 */

import { isTsnetError } from '../../errors/codes.ts'
import type { LockHandle } from '../../state/lock.ts'
import { flocker } from '../system/lock.ts'

const ownNamespace = '/proc/self/ns/net'
/** A turn takes a program or two; hundreds may stand in the queue. */
const patienceMs = 30_000

/** Everybody on the host may lock its namespace, and one of us may have been stopped: nobody is waited for any longer. */
export async function inTurn<Value>(
  work: () => Promise<Value>,
  timeoutMs: number = patienceMs,
): Promise<Value> {
  const turn = await waitFor({ exclusive: true, readOnly: true, timeoutMs })
  try {
    return await work()
  } finally {
    turn?.release()
  }
}

async function waitFor(options: Parameters<typeof flocker.acquire>[1]): Promise<LockHandle | undefined> {
  try {
    return await flocker.acquire(ownNamespace, options)
  } catch (error) {
    if (isTsnetError(error, 'TSNET_LOCK_TIMEOUT')) return undefined
    throw error
  }
}
