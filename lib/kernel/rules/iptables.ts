/**
 * iptables in its four variants: whole batches through the restore programs.
 *
 * A batch is one process and, per table, all or nothing. Nothing here flushes or
 * changes what the text does not name. Not responsible for the rules themselves
 * (lib/firewall/iptables), nor for chains that texts share (restore-shared.ts).
 *
 * @module
 */

import { complaint, type IptablesTool, isRefused, revertSingly, runRestore } from './restore-run.ts'
import { addShared, removeShared } from './restore-shared.ts'
import { checksFor, commandsOf, failedLine, isLockBusy, makesOnlyChains, makingAt } from './restore-text.ts'
import { sharedChains } from './shared-chains.ts'

/**
 * Adds to the host's rules what the text says (`--noflush`). A chain that it makes (`-N`), and that somebody else has
 * made since whoever wrote the text looked, is taken as it is, with what is in it.
 *
 * @returns false where the text only makes chains (`-N`) and all were there before
 * @throws TSNET_LOCK_TIMEOUT (busy), TSNET_NOT_PERMITTED (forbidden),
 *   TSNET_PROGRAM_MISSING (unavailable), TSNET_PROGRAM_FAILED (internal)
 */
export async function restore(tool: IptablesTool, text: string): Promise<{ readonly created: boolean }> {
  if (sharedChains(text).length > 0) {
    await addShared(tool, text)
    return { created: true }
  }
  const result = await runRestore(tool, text)
  if (result.exitCode === 0) return { created: true }
  // Asked of the host and not of the error text: the legacy program says no more than "line 2 failed".
  if (makesOnlyChains(text) && !isLockBusy(result.stderr) && !(await missingRules(tool, text)))
    return { created: false }
  const made = isLockBusy(result.stderr) ? undefined : makingAt(text, failedLine(result.stderr))
  if (made === undefined || (await missingRules(tool, made.making)))
    throw complaint(`${tool}-restore`, text, result)
  return restore(tool, made.rest)
}

/**
 * Applies a text that removes things; what is gone already stops nothing.
 * Normally one process; command by command where something is gone.
 *
 * @throws as `restore`, after everything else has been tried
 */
export async function revertRestore(tool: IptablesTool, text: string): Promise<void> {
  if (commandsOf(text).length === 0) return
  if (sharedChains(text).length > 0) return removeShared(tool, text)
  const result = await runRestore(tool, text)
  if (result.exitCode === 0) return
  if (isLockBusy(result.stderr)) throw complaint(`${tool}-restore`, text, result)
  await revertSingly(tool, text)
}

/** Whether a rule or chain that the text makes is missing: one process, which changes nothing. */
export async function missingRules(tool: IptablesTool, add: string): Promise<boolean> {
  const checks = checksFor(add)
  if (checks === '') return false
  const result = await runRestore(tool, checks)
  if (result.exitCode === 0) return false
  if (isLockBusy(result.stderr) || isRefused(result.stderr))
    throw complaint(`${tool}-restore`, checks, result)
  return true
}
