/**
 * iptables in its four variants: whole batches through the restore programs.
 *
 * A batch is one process and, per table, all or nothing. Nothing here flushes or
 * changes what the text does not name. Not responsible for the rules themselves
 * (lib/firewall/iptables).
 *
 * @module
 */

import { spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { fail } from '../errors/codes.ts'
import type { RulesTool } from '../plan/step.ts'
import { numbered } from './nft-script.ts'
import {
  checksFor,
  commandsOf,
  failedLine,
  isLockBusy,
  makesOnlyChains,
  removalOf,
  saysGone,
} from './restore-text.ts'
import { countSpawn, findProgram, programEnvironment, type RunResult, run } from './run.ts'

export type IptablesTool = Exclude<RulesTool, 'nft'>

/** How long the programs wait for the xtables lock, which other programs hold for milliseconds. */
const lockWaitSeconds = 10
const processLimitMs = 60_000

let variant: 'nft' | 'legacy' | null | undefined

/**
 * Adds to the host's rules what the text says (`--noflush`).
 *
 * @returns false where the text only makes chains (`-N`) and all were there before
 * @throws TSNET_LOCK_TIMEOUT (busy), TSNET_NOT_PERMITTED (forbidden),
 *   TSNET_PROGRAM_MISSING (unavailable), TSNET_PROGRAM_FAILED (internal)
 */
export async function restore(tool: IptablesTool, text: string): Promise<{ readonly created: boolean }> {
  const result = await runRestore(tool, text)
  if (result.exitCode === 0) return { created: true }
  // Asked of the host and not of the error text: the legacy program says no more than "line 2 failed".
  if (makesOnlyChains(text) && !isLockBusy(result.stderr) && !(await missingRules(tool, text)))
    return { created: false }
  throw complaint(`${tool}-restore`, text, result)
}

/**
 * Applies a text that removes things; what is gone already stops nothing.
 * Normally one process; command by command where something is gone.
 *
 * @throws as `restore`, after everything else has been tried
 */
export async function revertRestore(tool: IptablesTool, text: string): Promise<void> {
  if (commandsOf(text).length === 0) return
  const result = await runRestore(tool, text)
  if (result.exitCode === 0) return
  if (isLockBusy(result.stderr)) throw complaint(`${tool}-restore`, text, result)
  // A table that was committed before the failing one is done: its commands are found to be gone now.
  const errors: unknown[] = []
  for (const command of commandsOf(text)) {
    const args = removalOf(command)
    if (args === undefined) continue
    const single = await run([tool, '--wait', String(lockWaitSeconds), ...args], {
      timeoutMs: processLimitMs,
    })
    if (single.exitCode !== 0 && !saysGone(single.stderr))
      errors.push(complaint(tool, command.command, single))
  }
  if (errors.length > 1) {
    const message = `${tool}: removing rules: ${errors.length} commands failed`
    throw fail('TSNET_PROGRAM_FAILED', { message, cause: new AggregateError(errors, message) })
  }
  if (errors.length === 1) throw errors[0]
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

/**
 * What plain `iptables` is on this host; it does not change while we run.
 *
 * @returns undefined where there is no iptables
 */
export function iptablesVariant(): 'nft' | 'legacy' | undefined {
  if (variant === undefined) variant = findVariant() ?? null
  return variant ?? undefined
}

function findVariant(): 'nft' | 'legacy' | undefined {
  const path = findProgram('iptables')
  if (path === undefined) return undefined
  const program = basename(realpathSync(path))
  if (program === 'xtables-nft-multi') return 'nft'
  if (program === 'xtables-legacy-multi') return 'legacy'
  // A wrapper script, as in some distributions and container images: it must say itself. Older than 1.8: legacy.
  countSpawn()
  const told = spawnSync(path, ['-V'], { encoding: 'utf8', env: programEnvironment(), timeout: 10_000 })
  return told.stdout?.includes('nf_tables') === true ? 'nft' : 'legacy'
}

function runRestore(tool: IptablesTool, text: string): Promise<RunResult> {
  const input = text.endsWith('\n') ? text : `${text}\n`
  const argv: [string, ...string[]] = [`${tool}-restore`, '--noflush', '--wait', String(lockWaitSeconds)]
  return run(argv, { input, timeoutMs: processLimitMs })
}

function isRefused(stderr: string): boolean {
  return /Permission denied|you must be root|Operation not permitted/.test(stderr)
}

function complaint(doing: string, text: string, { exitCode, stderr }: RunResult): Error {
  const line = failedLine(stderr)
  const lines = text.trimEnd().split('\n')
  const failing = lines.length === 1 ? lines[0] : line === undefined ? undefined : lines[line - 1]
  const reason = stderr
    .split('\n')
    .map((one) => one.replace(/^ip6?tables\S*( v\S+ \(\w+\))?:\s*/, '').trim())
    .filter((one) => one !== '' && !one.startsWith('Try `') && !one.startsWith('Error occurred'))
    .join('; ')
  const quoted = failing === undefined ? '' : `: ${failing}`
  const message = `${doing}: ${reason === '' ? `exit code ${exitCode}` : reason}${quoted}`
  const cause = new Error(`exit code ${exitCode}\n${stderr.trimEnd()}\n${numbered(text)}`)
  if (isLockBusy(stderr)) {
    const hint =
      'another program holds /run/xtables.lock: try again, or see who with `fuser /run/xtables.lock`'
    return fail('TSNET_LOCK_TIMEOUT', { message: `${doing}: the xtables lock is busy`, cause, hint })
  }
  if (isRefused(stderr))
    return fail('TSNET_NOT_PERMITTED', { message, cause, hint: 'run as root, with CAP_NET_ADMIN' })
  return fail('TSNET_PROGRAM_FAILED', { message, cause })
}
